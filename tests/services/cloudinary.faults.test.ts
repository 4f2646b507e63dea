import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { inspect } from "node:util";
import {
  createCloudinaryStorage,
  parseCloudinaryUrl,
  StorageUnavailableError,
  type CloudinaryStorageOptions,
  type Storage,
} from "../../src/services/storage";
import {
  startCloudinaryStandIn,
  type CloudinaryStandIn,
  type StandInFault,
  type StandInOperation,
} from "../support/cloudinary-stand-in";

const VIDEO = "videos/66f0a1b2c3d4e5f601020304/4f9c1d.mp4";
const VIDEO_ASSET = "video/authenticated/videos/66f0a1b2c3d4e5f601020304/4f9c1d";

/** Patient enough for a busy machine, quick enough for a test of silence. */
const QUICK = { retryDelay: 1, timeout: 700 };

const storageAt = (standIn: CloudinaryStandIn, options: Partial<CloudinaryStorageOptions> = {}) =>
  createCloudinaryStorage({ ...parseCloudinaryUrl(standIn.url), ...QUICK, ...options });

/** A delivery host of its own mind. */
async function startServer(answer: (response: http.ServerResponse) => void) {
  const server = http.createServer((_request, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("the Cloudinary storage, when Cloudinary fails,", () => {
  let standIn: CloudinaryStandIn;
  let storage: Storage;
  let folder: string;
  let source: string;

  const put = async (content: Buffer | string, key = VIDEO, to = storage) => {
    await writeFile(source, content);
    await to.put(key, source, key.endsWith(".webp") ? "image/webp" : "video/mp4");
  };
  const count = (operation: StandInOperation) =>
    standIn.requests.filter((request) => request.operation === operation).length;
  const failure = (act: Promise<unknown>): Promise<Error> =>
    act.then(
      () => Promise.reject(new Error("It should have failed")),
      (error: Error) => error,
    );

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "storage-cloudinary-"));
    source = join(folder, "source");
    standIn = await startCloudinaryStandIn();
    storage = storageAt(standIn);
  });

  afterEach(async () => {
    await standIn.stop();
    await rm(folder, { recursive: true });
  });

  const passing: StandInFault[] = [
    500,
    503,
    420,
    429,
    "html",
    "wrong JSON",
    "lose answer",
    "store half",
  ];

  it.each(passing)("stores one object in spite of an upload that fails with %s", async (fault) => {
    standIn.failNext("upload", fault);
    await put("content");
    expect([...standIn.assets.keys()]).toEqual([VIDEO_ASSET]);
    expect(standIn.assets.get(VIDEO_ASSET)?.body.toString()).toBe("content");
    expect(existsSync(source)).toBe(false);
    expect(count("upload")).toBe(2);
  });

  it("stores in spite of an upload that gets no answer", async () => {
    standIn.failNext("upload", "hang");
    await put("content");
    expect(standIn.assets.size).toBe(1);
  });

  it.each<[StandInOperation, (s: Storage) => Promise<unknown>]>([
    ["delivery", async (s) => buffer(await s.get(VIDEO))],
    ["delivery", (s) => s.stat(VIDEO)],
    ["destroy", (s) => s.delete(VIDEO)],
  ])("repeats a failed %s", async (operation, act) => {
    await put("content");
    standIn.failNext(operation, 500, "hang", 429);
    await act(storage);
    expect(count(operation)).toBe(4);
  });

  it("gives up after the bounded number of attempts", async () => {
    standIn.failNext("delivery", 500, 500, 500, 500);
    await expect(storage.stat(VIDEO)).rejects.toBeInstanceOf(StorageUnavailableError);
    expect(count("delivery")).toBe(4);
  });

  it("keeps the source and leaves no object when an upload fails for good", async () => {
    standIn.failNext("upload", 500, "store half", 500, "lose answer");
    await expect(put("content")).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect(existsSync(source)).toBe(true);
    expect(standIn.assets.size).toBe(0);
  });

  it("does not repeat what Cloudinary refuses", async () => {
    standIn.failNext("upload", 400);
    await expect(put("content")).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect(count("upload")).toBe(1);
  });

  it("does not believe a deletion whose answer is not the documented one", async () => {
    standIn.failNext("destroy", "wrong JSON", "wrong JSON", "html", "wrong JSON");
    await expect(storage.delete(VIDEO)).rejects.toBeInstanceOf(StorageUnavailableError);
  });

  it("does not take another range than the one asked for", async () => {
    await put("0123456789");
    standIn.failNext("delivery", "html", "html", "html", "html");
    await expect(storage.get(VIDEO, { start: 0, end: 3 })).rejects.toBeInstanceOf(
      StorageUnavailableError,
    );
  });

  it.each<StandInFault>(["cut", "stall"])("fails a transfer with a %s in it", async (fault) => {
    await put(randomBytes(500_000));
    standIn.failNext("delivery", fault);
    const body = await storage.get(VIDEO);
    await expect(buffer(body)).rejects.toThrow();
  });

  it("does not take a slow reader for a fault", async () => {
    const content = randomBytes(5_000_000);
    await put(content, VIDEO, storageAt(standIn, { timeout: 10_000 }));
    const body = await storageAt(standIn, { timeout: 100 }).get(VIDEO);
    const hash = createHash("md5");
    let pauses = 0;
    const reader = new Writable({
      write(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        pauses += 1;
        setTimeout(done, pauses === 5 ? 400 : 0);
      },
    });
    await new Promise((resolve, reject) => {
      body.once("error", reject).pipe(reader).once("finish", resolve);
    });
    expect(hash.digest("hex")).toBe(createHash("md5").update(content).digest("hex"));
  });

  it("does not take the wrong part of an object", async () => {
    const delivery = await startServer((response) => {
      response.writeHead(206, { "content-range": "bytes 0-3/10" });
      response.end("0123");
    });
    const misled = storageAt(standIn, { cname: delivery.host });
    await expect(misled.get(VIDEO, { start: 4, end: 7 })).rejects.toBeInstanceOf(
      StorageUnavailableError,
    );
    await delivery.stop();
  });

  it("follows no redirect to another place", async () => {
    const delivery = await startServer((response) => {
      response.writeHead(302, { location: `${standIn.origin}/elsewhere` });
      response.end();
    });
    const misled = storageAt(standIn, { cname: delivery.host });
    await expect(misled.get(VIDEO)).rejects.toThrow("302");
    expect(standIn.requests).toEqual([]);
    await delivery.stop();
  });

  it("ends the transfer when its reader leaves", async () => {
    let left: () => void = () => undefined;
    const leaving = new Promise<void>((resolve) => (left = resolve));
    const delivery = await startServer((response) => {
      response.writeHead(200, { "content-length": 1e9 });
      response.write("first bytes");
      response.once("close", left);
    });
    const patient = storageAt(standIn, { cname: delivery.host, timeout: 30_000 });
    const body = await patient.get(VIDEO);
    body.destroy();
    await leaving;
    await delivery.stop();
  });

  it("says which act failed and never a secret", async () => {
    const wrong = storageAt(standIn, { apiSecret: "not-the-secret-at-all" });
    const unknown = storageAt(standIn, { apiKey: "999999999999999" });
    const errors = [
      await failure(put("content", VIDEO, wrong)),
      await failure(put("content", VIDEO, unknown)),
      await failure(wrong.check()),
      await failure(wrong.delete(VIDEO)),
      await failure(wrong.stat(VIDEO)),
    ];
    for (const error of errors) {
      expect(error).toBeInstanceOf(StorageUnavailableError);
      expect(error.message).toMatch(/^Cloudinary cannot .* \(status 401\)$/);
      const seen = inspect(error, { depth: 10, showHidden: true });
      expect(seen).not.toMatch(/not-the-secret-at-all|999999999999999/);
      expect(seen).not.toContain(standIn.apiKey);
      expect(seen).not.toContain(Buffer.from(`${standIn.apiKey}:`).toString("base64").slice(0, 12));
    }
  });
});
