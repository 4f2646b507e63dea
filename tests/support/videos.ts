import { Video } from "../../src/models/video.model";
import { api } from "./api";
import { makeClip } from "./clips";
import type { Member } from "./people";

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
  owner: Member,
  fields: Record<string, string> = {},
): Promise<VideoReply> {
  const { body } = await api("post", "/videos", owner.accessToken)
    .field({ title: "A walk", ...fields })
    .attach("videoFile", await makeClip())
    .expect(201);
  return body.data as VideoReply;
}

/** A video without files, written past the API, for tests that need many or never play one. Answers its id. */
export async function addVideo(
  owner: Member,
  fields: Partial<Pick<VideoReply, "title" | "views">> & {
    tags?: string[];
    duration?: number;
    isPublished?: boolean;
  } = {},
): Promise<string> {
  const video = new Video({
    title: "A walk",
    duration: 1,
    ...fields,
    owner: owner._id,
    contentType: "video/mp4",
    width: 64,
    height: 48,
  });
  video.set({
    videoFile: `videos/${video.id}/none.mp4`,
    thumbnail: `videos/${video.id}/none.webp`,
  });
  await Video.add(video);
  return video.id;
}
