import { api } from "./api";
import { makeClip } from "./clips";
import type { Person } from "./people";

/** A video as the API answers it. */
export interface VideoReply {
  _id: string;
  videoFile: string;
  thumbnail: string;
  title: string;
  views: number;
}

/** Publishes a real clip of one second. */
export async function publish(
  owner: Person,
  fields: Record<string, string> = {},
): Promise<VideoReply> {
  const { body } = await api("post", "/videos", owner.accessToken)
    .field({ title: "A walk", ...fields })
    .attach("videoFile", await makeClip())
    .expect(201);
  return body.data as VideoReply;
}
