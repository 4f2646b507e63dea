import { readdirSync } from "node:fs";
import { join } from "node:path";
import { call, publish, signedIn } from "../support/client";
import { startCloudinaryStandIn } from "../support/cloudinary-stand-in";
import { startS3Store } from "../support/s3-store";
import { scratchFolder, startServer } from "../support/server";

jest.setTimeout(240_000);

/** A storage somewhere else: what a server needs to know of it, and the names of what it holds. */
interface Remote {
  env: Record<string, string>;
  names: () => Promise<string[]>;
  stop: () => Promise<void>;
}

const REMOTES: Record<string, () => Promise<Remote>> = {
  async s3() {
    const store = await startS3Store();
    const { bucket, region, accessKeyId, secretAccessKey, endpoint } = store.options;
    const env = {
      S3_BUCKET: bucket,
      S3_REGION: region,
      S3_ACCESS_KEY_ID: accessKeyId,
      S3_SECRET_ACCESS_KEY: secretAccessKey,
      S3_ENDPOINT: endpoint,
      S3_FORCE_PATH_STYLE: "true",
    };
    return { env, names: () => store.keys(), stop: () => store.stop() };
  },
  async cloudinary() {
    const account = await startCloudinaryStandIn();
    return {
      env: { CLOUDINARY_URL: account.url },
      names: () => Promise.resolve([...account.assets.keys()]),
      stop: () => account.stop(),
    };
  },
};

/** The addresses that a playlist names, in lines and in attributes. */
function addressesIn(playlist: string, base: string): string[] {
  const attributes = [...playlist.matchAll(/URI="([^"]+)"/g)].map(([, uri]) => uri!);
  const lines = playlist.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return [...attributes, ...lines].map((uri) => new URL(uri, base).href);
}

/** Fetches a playlist and all that it leads to; answers how many files those were. */
async function walk(url: string): Promise<number> {
  const reply = await fetch(url);
  expect({ url, status: reply.status }).toEqual({ url, status: 200 });
  const text = Buffer.from(await reply.arrayBuffer()).toString("latin1");
  const further = url.endsWith(".m3u8") ? addressesIn(text, url) : [];
  const counts = await Promise.all(further.map(walk));
  return counts.reduce((sum, count) => sum + count, 1);
}

describe.each(Object.keys(REMOTES))("processing on %s", (name) => {
  let remote: Remote;

  beforeAll(async () => {
    remote = await REMOTES[name]!();
  });
  afterAll(() => remote.stop());

  it("stores what it makes there, plays it, keeps nothing here and removes all of it", async () => {
    const dataDir = scratchFolder();
    const server = await startServer({
      DATA_DIR: dataDir,
      PROCESSING_CONCURRENCY: "1",
      ...remote.env,
    });
    const headers = await signedIn(server.url);
    const before = (await remote.names()).sort();
    const { body } = await publish(server.url, headers, { isPublished: "false" });
    const path = `${server.url}/videos/${body.data._id}`;
    // The stream ends when processing does.
    await (await fetch(`${path}/processing/events`, { headers })).text();
    const { data } = (await call(path, { headers })).body;
    expect(data.processing).toMatchObject({ state: "ready", error: null });
    expect(await walk(data.hls as string)).toBeGreaterThanOrEqual(4);
    expect((await fetch(data.storyboard as string)).status).toBe(200);
    expect(readdirSync(join(dataDir, "work"))).toEqual([]);
    expect(readdirSync(dataDir)).not.toContain("media");

    await call(path, { method: "DELETE", headers });
    expect((await remote.names()).sort()).toEqual(before);
    await server.stop();
  });
});
