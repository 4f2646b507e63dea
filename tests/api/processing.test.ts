import { readdir } from "node:fs/promises";
import sharp from "sharp";
import { config } from "../../src/config/env";
import { api, useApi } from "../support/api";
import { makeClip } from "../support/clips";
import { playHls } from "../support/hls";
import { newPerson, type Person } from "../support/people";
import { processed, whileWorking } from "../support/processing";
import { loadStream } from "../support/stream";
import { addVideo, publish } from "../support/videos";

useApi();

let asha: Person;
let bela: Person;

beforeAll(async () => {
  [asha, bela] = await Promise.all([newPerson(), newPerson()]);
});

const page = async (id: string, { accessToken }: { accessToken?: string } = {}) =>
  (await api("get", `/videos/${id}`, accessToken).expect(200)).body.data;

const STEPS = ["inspect", "posters", "storyboard", "renditions", "store"];
const steps = (state: string, progress: number) => STEPS.map((name) => ({ name, state, progress }));
const QUEUED = { state: "queued", steps: steps("queued", 0), error: null };
const READY = { state: "ready", steps: steps("ready", 1), error: null };

describe("the processing of a video", () => {
  it.each([
    ["get", ""],
    ["get", "/events"],
    ["post", "/retry"],
    ["post", "/cancel"],
  ] as const)("is its owner's matter alone: %s %s", async (method, path) => {
    const [open, hidden] = await Promise.all([
      addVideo(asha),
      addVideo(asha, { isPublished: false }),
    ]);
    const call = (id: string, token?: string) =>
      api(method, `/videos/${id}/processing${path}`, token);
    await call(open).expect(401);
    await call(open, bela.accessToken).expect(403);
    await call(hidden, bela.accessToken).expect(404);
    await call("0".repeat(24), asha.accessToken).expect(404);
    await call("x", asha.accessToken).expect(400);
  });

  it("is queued when the video is published, and the owner alone is told so", async () => {
    const video = await publish(asha);
    expect(video).toMatchObject({
      processing: QUEUED,
      hls: null,
      posters: [],
      storyboard: null,
    });
    const { body } = await api("get", `/videos/${video._id}/processing`, asha.accessToken);
    expect(body.data).toEqual(QUEUED);
    expect(await page(video._id, bela)).not.toHaveProperty("processing");
    expect(await page(video._id)).not.toHaveProperty("processing");
  });

  it("ends ready, and everybody finds the stream, the posters and the storyboard", async () => {
    const { _id, duration } = await processedClip();
    expect((await page(_id, asha)).processing).toEqual(READY);

    const seen = await page(_id);
    expect(seen).not.toHaveProperty("processing");
    const played = await playHls((await loadStream(seen.hls)).master);
    expect(played.variants.map(({ RESOLUTION }) => RESOLUTION)).toEqual(["426x240", "640x360"]);
    expect(played.audio).not.toBeNull();
    for (const { track } of played.variants) {
      expect(Math.abs(track.starts.at(-1)! - duration)).toBeLessThan(1);
    }
    await expectPosters(seen.posters);
    await expectStoryboard(seen.storyboard);
    expect(await readdir(config.workFolder)).toEqual([]);
  });

  it("answers 409 when what is ready or queued shall be retried, and what has ended be cancelled", async () => {
    const queued = await addVideo(asha);
    const { _id } = await processedClip();
    const call = (id: string, act: string) =>
      api("post", `/videos/${id}/processing/${act}`, asha.accessToken);
    expect((await call(queued, "retry").expect(409)).body.code).toBe("PROCESSING_NOT_FAILED");
    expect((await call(_id, "retry").expect(409)).body.code).toBe("PROCESSING_NOT_FAILED");
    expect((await call(_id, "cancel").expect(409)).body.code).toBe("PROCESSING_ENDED");
    expect((await call(queued, "cancel").expect(200)).body.data).toMatchObject({ state: "failed" });
    expect((await call(queued, "cancel").expect(409)).body.code).toBe("PROCESSING_ENDED");
  });
});

let clip: Promise<{ _id: string; duration: number }> | undefined;

/** A video with sound that was processed, the same for all tests. */
function processedClip() {
  clip ??= publishAndProcess();
  return clip;
}

async function publishAndProcess() {
  const file = await makeClip({ seconds: 9, width: 640, height: 360, audio: true });
  const { body } = await api("post", "/videos", asha.accessToken)
    .field({ title: "A walk" })
    .attach("videoFile", file)
    .expect(201);
  const { state } = await whileWorking(() => processed(body.data._id));
  expect(state).toBe("ready");
  return body.data as { _id: string; duration: number };
}

async function expectPosters(posters: { url: string; width: number; height: number }[]) {
  const kinds = new Set<string>();
  for (const { url, width, height } of posters) {
    const reply = await fetch(url);
    const found = await sharp(await reply.arrayBuffer()).metadata();
    expect([found.width, found.height]).toEqual([width, height]);
    expect(reply.headers.get("content-type")).toBe(`image/${found.format}`);
    kinds.add(`${width} ${found.format}`);
  }
  expect(kinds.size).toBe(posters.length);
  const widths = new Set(posters.map(({ width }) => width));
  expect(widths.size).toBeGreaterThan(0);
  expect(widths.size).toBeLessThanOrEqual(3);
  expect(kinds).toEqual(
    new Set([...widths].flatMap((width) => [`${width} webp`, `${width} jpeg`])),
  );
}

async function expectStoryboard(url: string) {
  const reply = await fetch(url);
  expect(reply.headers.get("content-type")).toMatch(/^text\/vtt/);
  const index = await reply.text();
  expect(index).toMatch(/^WEBVTT\n/);
  const sprites = new Set(index.match(/^\S+(?=#xywh=)/gm));
  expect(sprites.size).toBe(1);
  for (const sprite of sprites) {
    const picture = await fetch(new URL(sprite, url));
    expect((await sharp(await picture.arrayBuffer()).metadata()).format).toBe("jpeg");
  }
}
