import { readFile } from "node:fs/promises";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { makeClip } from "../support/clips";
import { call, publish, register, signedIn } from "../support/client";
import { startCloudinaryStandIn, type CloudinaryStandIn } from "../support/cloudinary-stand-in";
import { emptied } from "../support/files";
import { scratchFolder, startServer, type RunningServer } from "../support/server";

jest.setTimeout(240_000);

let cloudinary: CloudinaryStandIn;
let server: RunningServer;
const dataDir = scratchFolder();

beforeAll(async () => {
  cloudinary = await startCloudinaryStandIn();
  server = await startServer({
    DATA_DIR: dataDir,
    // The storage's failures are meant for the requests of these tests.
    PROCESSING_CONCURRENCY: "0",
    CLOUDINARY_URL: cloudinary.url,
  });
});

afterAll(async () => {
  await server.stop();
  await cloudinary.stop();
});

function tracesOf(kind: string): string[] {
  return [...cloudinary.assets.keys()].filter((name) => name.includes(kind));
}

describe("a server with CLOUDINARY_URL", () => {
  it("says so and keeps nothing on its own disk", async () => {
    expect(server.output).toMatch(/Storage {4}cloudinary/);
    const headers = await signedIn(server.url);
    expect((await publish(server.url, headers)).status).toBe(201);
    expect(readdirSync(dataDir)).not.toContain("media");
    await emptied(join(dataDir, "uploads"));
  });

  it("lets Cloudinary serve avatars", async () => {
    const { body } = await register(server.url);
    expect(body.data.avatar).toContain(cloudinary.cloudName);
    expect((await fetch(body.data.avatar as string)).status).toBe(200);
  });

  it("plays videos in ranges to those who may see them, and to nobody past itself", async () => {
    const headers = await signedIn(server.url);
    const { body } = await publish(server.url, headers, { isPublished: "false" });
    const url = body.data.videoFile as string;
    const clip = await readFile(await makeClip());
    const unsigned = url.replace(/\/signed\/[^/]+/, "");
    expect((await fetch(unsigned, { headers })).status).toBe(404);
    const own = await fetch(url, { headers: { Range: "bytes=10-19" } });
    expect(own.status).toBe(206);
    expect(Buffer.from(await own.arrayBuffer())).toEqual(clip.subarray(10, 20));
    for (const name of tracesOf(body.data._id as string)) {
      expect(name).toMatch(/^(video|image)\/authenticated\//);
    }
  });

  it("removes the assets of a deleted video", async () => {
    const headers = await signedIn(server.url);
    const { body } = await publish(server.url, headers);
    expect(tracesOf(body.data._id as string)).toHaveLength(2);
    const init = { method: "DELETE", headers };
    expect((await call(`${server.url}/videos/${body.data._id}`, init)).status).toBe(200);
    expect(tracesOf(body.data._id as string)).toEqual([]);
  });

  it("answers 503 when Cloudinary fails for good, and leaves nothing anywhere", async () => {
    const headers = await signedIn(server.url);
    const before = cloudinary.assets.size;
    cloudinary.failNext("upload", null, 500, 500, 500, 500);
    const { status, body } = await publish(server.url, headers, { title: "Never" });
    expect({ status, code: body.code }).toEqual({ status: 503, code: "STORAGE_UNAVAILABLE" });
    expect(cloudinary.assets.size).toBe(before);
    const list = await call(`${server.url}/videos?query=never`);
    expect(list.body.data.docs).toEqual([]);
    await emptied(join(dataDir, "uploads"));
  });

  it("makes one asset of an upload whose answer was lost", async () => {
    const headers = await signedIn(server.url);
    cloudinary.failNext("upload", "lose answer");
    const { status, body } = await publish(server.url, headers);
    expect(status).toBe(201);
    expect(tracesOf(body.data._id as string)).toHaveLength(2);
  });
});
