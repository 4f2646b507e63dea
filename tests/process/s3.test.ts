import { readFile } from "node:fs/promises";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { makeClip } from "../support/clips";
import { call, publish, register, signedIn } from "../support/client";
import { emptied } from "../support/files";
import { startS3Store, type S3Store } from "../support/s3-store";
import { scratchFolder, startServer, type RunningServer } from "../support/server";

jest.setTimeout(240_000);

let store: S3Store;
let server: RunningServer;
const dataDir = scratchFolder();

beforeAll(async () => {
  store = await startS3Store();
  server = await startServer({
    DATA_DIR: dataDir,
    // The storage's failures are meant for the requests of these tests.
    PROCESSING_CONCURRENCY: "0",
    S3_BUCKET: store.options.bucket,
    S3_REGION: store.options.region,
    S3_ACCESS_KEY_ID: store.options.accessKeyId,
    S3_SECRET_ACCESS_KEY: store.options.secretAccessKey,
    S3_ENDPOINT: store.options.endpoint,
    S3_FORCE_PATH_STYLE: "true",
  });
});

afterAll(async () => {
  await server.stop();
  await store.stop();
});

async function keysOf(id: unknown): Promise<string[]> {
  return (await store.keys()).filter((key) => key.startsWith(`videos/${String(id)}/`));
}

describe("a server with an S3 bucket", () => {
  it("says so, is ready and keeps nothing on its own disk", async () => {
    expect(server.output).toMatch(/Storage {4}s3/);
    expect((await call(`${server.url}/healthcheck/ready`)).status).toBe(200);
    const headers = await signedIn(server.url);
    expect((await publish(server.url, headers)).status).toBe(201);
    expect(readdirSync(dataDir)).not.toContain("media");
    await emptied(join(dataDir, "uploads"));
  });

  it("serves avatars from a bucket that is closed to everybody else", async () => {
    const { body } = await register(server.url);
    const url = body.data.avatar as string;
    expect((await fetch(url)).status).toBe(200);
    const key = url.slice(url.indexOf("/media/") + "/media/".length);
    expect(await store.keys()).toContain(key);
    const { endpoint, bucket } = store.options;
    expect((await fetch(`${endpoint}/${bucket}/${key}`)).status).toBe(403);
  });

  it("plays videos in ranges to those who may see them", async () => {
    const headers = await signedIn(server.url);
    const { body } = await publish(server.url, headers, { isPublished: "false" });
    const url = body.data.videoFile as string;
    const clip = await readFile(await makeClip());
    const unsigned = url.replace(/\/signed\/[^/]+/, "");
    expect((await fetch(unsigned, { headers })).status).toBe(404);
    const own = await fetch(url, { headers: { Range: "bytes=10-19" } });
    expect(own.status).toBe(206);
    expect(Buffer.from(await own.arrayBuffer())).toEqual(clip.subarray(10, 20));
  });

  it("removes the objects of a deleted video", async () => {
    const headers = await signedIn(server.url);
    const { body } = await publish(server.url, headers);
    expect(await keysOf(body.data._id)).toHaveLength(2);
    const init = { method: "DELETE", headers };
    expect((await call(`${server.url}/videos/${body.data._id}`, init)).status).toBe(200);
    expect(await keysOf(body.data._id)).toEqual([]);
  });

  it("answers 503 when the store fails for good, and leaves nothing anywhere", async () => {
    const headers = await signedIn(server.url);
    const before = await store.keys();
    store.failNext("put", null, 500, 500, 500, 500);
    const { status, body } = await publish(server.url, headers, { title: "Never" });
    expect({ status, code: body.code }).toEqual({ status: 503, code: "STORAGE_UNAVAILABLE" });
    expect((await store.keys()).sort()).toEqual(before.sort());
    const list = await call(`${server.url}/videos?query=never`);
    expect(list.body.data.docs).toEqual([]);
    await emptied(join(dataDir, "uploads"));
  });

  it("answers 503 when the store does not give a file, and plays it again afterwards", async () => {
    const headers = await signedIn(server.url);
    const { body } = await publish(server.url, headers);
    const url = body.data.videoFile as string;
    store.failNext("head", 500, 500, 500, 500);
    const { status, body: problem } = await call(url);
    expect({ status, code: problem.code }).toEqual({ status: 503, code: "STORAGE_UNAVAILABLE" });
    expect((await fetch(url)).status).toBe(200);
  });

  it("makes one object of an upload whose answer was lost", async () => {
    const headers = await signedIn(server.url);
    store.failNext("put", "lose answer");
    const { status, body } = await publish(server.url, headers);
    expect(status).toBe(201);
    expect(await keysOf(body.data._id)).toHaveLength(2);
  });
});
