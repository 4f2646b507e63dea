import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { config } from "../../src/config/env";
import { newKey, saveWithFiles } from "../../src/jobs/files";
import { Video } from "../../src/models/video.model";
import { api } from "./api";
import { putCaptions } from "./captions";
import { makeClip } from "./clips";
import { login, newPerson, type Person } from "./people";
import { begin } from "./tus";

/** A stored video, by its id and the keys of its files. */
interface StoredVideo {
  _id: string;
  videoFile: string;
  thumbnail: string;
}

/** One of each thing that the API keeps, all of one owner, and the stranger whom it is kept from. */
export interface Things {
  owner: Person;
  stranger: Person;
  /** Published, with captions in English; the first of the playlist. */
  video: StoredVideo;
  /** Published; the second of the playlist. */
  second: StoredVideo;
  /** Published; in no playlist. */
  spare: StoredVideo;
  /** Under the video, with one reply. */
  comment: string;
  reply: string;
  tweet: string;
  playlist: string;
  /** Begun, nothing of it has arrived. */
  upload: string;
  /** Another session of the owner than the one he calls with. */
  session: string;
  /** Storage key. */
  avatar: string;
}

/** A video as `POST /videos` would store it, without the time that ffmpeg takes. */
async function storeVideo(
  owner: Person,
  fields: Partial<{ title: string; description: string; tags: string[]; isPublished: boolean }> &
    Partial<{ createdAt: Date; views: number; duration: number }> = {},
): Promise<StoredVideo> {
  const document = new Video({
    title: "A walk",
    contentType: "video/mp4",
    duration: 1,
    width: 64,
    height: 48,
    owner: owner._id,
    ...fields,
  });
  const { _id } = document;
  const [videoFile, thumbnail] = [newKey("videos", _id, "mp4"), newKey("videos", _id, "webp")];
  document.set({ videoFile, thumbnail });
  const stored = await Promise.all(
    [videoFile, thumbnail].map(async (key) => {
      const path = join(config.dataDir, key.split("/").at(-1)!);
      await copyFile(await makeClip(), path);
      return { key, path, contentType: "video/mp4" };
    }),
  );
  await saveWithFiles(stored, () => Video.add(document));
  return { _id: _id.toHexString(), videoFile, thumbnail };
}

/** Freshly made things, with people whom no other test knows. */
export async function newThings(): Promise<Things> {
  const [owner, stranger] = await Promise.all([
    newPerson(),
    newPerson({ password: "the stranger's own" }),
  ]);
  const post = async (path: string, body: object) => {
    const reply = await api("post", path, owner.accessToken).send(body).expect(201);
    return reply.body.data._id as string;
  };
  const video = await storeVideo(owner);
  const [second, spare, comment, tweet, playlist, upload, { session, avatar }] = await Promise.all([
    storeVideo(owner),
    storeVideo(owner),
    post(`/comments/${video._id}`, { content: "What a light!" }),
    post("/tweets", { content: "New walk on Friday" }),
    post("/playlist", { name: "Sunday walks" }),
    beginUpload(owner),
    accountOf(owner),
  ]);
  await putCaptions(owner, video._id, "en").expect(201);
  const reply = await post(`/comments/${video._id}`, { content: "Indeed", parent: comment });
  for (const { _id } of [video, second]) {
    await api("patch", `/playlist/add/${_id}/${playlist}`, owner.accessToken).expect(200);
  }
  return {
    ...{ owner, stranger, video, second, spare },
    ...{ comment, reply, tweet, playlist, upload, session, avatar },
  };
}

async function beginUpload({ accessToken }: Person): Promise<string> {
  return (await begin(accessToken, 100)).replace("/uploads/", "");
}

async function accountOf(owner: Person) {
  await login(owner);
  const sessions = await api("get", "/users/sessions", owner.accessToken).expect(200);
  const other = sessions.body.data.find((entry: { current: boolean }) => !entry.current);
  const user = await api("get", "/users/current-user", owner.accessToken).expect(200);
  const avatar = String(user.body.data.avatar).replace(/^.*\/media\//, "");
  return { session: other._id as string, avatar };
}

/** An account that was removed; its token is genuine still. */
export async function removedPerson(): Promise<Person> {
  const person = await newPerson();
  await api("delete", "/users/current-user", person.accessToken)
    .send({ password: person.password })
    .expect(200);
  return person;
}
