import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { inspect } from "node:util";
import {
  createS3Storage,
  StorageUnavailableError,
  type S3StorageOptions,
  type Storage,
} from "../../src/services/storage";
import { startS3Store, type S3Fault, type S3Operation, type S3Store } from "../support/s3-store";

const VIDEO = "videos/66f0a1b2c3d4e5f601020304/4f9c1d.mp4";
const UNAVAILABLE = { code: "STORAGE_UNAVAILABLE" };

const storageAt = (store: S3Store, options?: Partial<S3StorageOptions>): Storage =>
  createS3Storage({ ...store.options, ...options });

describe("the S3 storage, when the store fails,", () => {
  let store: S3Store;
  let storage: Storage;
  let folder: string;
  let source: string;

  const put = async (content: string | Buffer, to = storage) => {
    await writeFile(source, content);
    await to.put(VIDEO, source, "video/mp4");
  };
  const count = (operation: S3Operation) =>
    store.operations.filter((name) => name === operation).length;

  beforeEach(async () => {
    store = await startS3Store();
    storage = storageAt(store);
    folder = await mkdtemp(join(tmpdir(), "storage-s3-"));
    source = join(folder, "source");
  });

  afterEach(async () => {
    await store.stop();
    await rm(folder, { recursive: true });
  });

  it.each<S3Fault>([
    500,
    502,
    503,
    { status: 503, code: "SlowDown" },
    { status: 400, code: "RequestTimeout" },
    "lose answer",
    "hang",
  ])("stores one object in spite of an upload that fails with %j", async (fault) => {
    store.failNext("put", fault);
    await put("content", storageAt(store, { timeout: 700 }));
    expect(await store.keys()).toEqual([VIDEO]);
    expect(await text(await storage.get(VIDEO))).toBe("content");
    expect(existsSync(source)).toBe(false);
    expect(count("put")).toBe(2);
  });

  it.each<[S3Operation, (s: Storage) => Promise<unknown>]>([
    ["get", async (s) => buffer(await s.get(VIDEO))],
    ["head", (s) => s.stat(VIDEO)],
    ["delete", (s) => s.delete(VIDEO)],
  ])("repeats a failed %s", async (operation, act) => {
    await put("content");
    store.failNext(operation, 500, "hang", "lose answer");
    await act(storageAt(store, { timeout: 700 }));
    expect(count(operation)).toBe(4);
  });

  it("gives up after the bounded number of attempts", async () => {
    store.failNext("head", 500, 500, 500, 500, 500);
    await expect(storage.stat(VIDEO)).rejects.toBeInstanceOf(StorageUnavailableError);
    expect(count("head")).toBe(4);
  });

  it.each<S3Fault>([500, "hang"])(
    "keeps the source when an upload ends with %j for good",
    async (fault) => {
      store.failNext("put", fault, fault);
      const impatient = storageAt(store, { timeout: 300, attempts: 2 });
      await expect(put("content", impatient)).rejects.toMatchObject(UNAVAILABLE);
      expect(await readFile(source, "utf8")).toBe("content");
      expect(await store.keys()).toEqual([]);
    },
  );

  it("does not repeat what the store refuses", async () => {
    store.failNext("put", { status: 403, code: "AccessDenied" });
    await expect(put("content")).rejects.toMatchObject(UNAVAILABLE);
    expect(count("put")).toBe(1);
  });

  it.each<S3Fault>([
    507,
    { status: 507, code: "XMinioStorageFull" },
    { status: 403, code: "QuotaExceeded" },
  ])("says that the store is full when it answers %j", async (fault) => {
    store.failNext("put", fault, fault, fault, fault);
    await expect(put("content")).rejects.toMatchObject({ code: "STORAGE_FULL" });
    expect(existsSync(source)).toBe(true);
  });

  it("takes a missing bucket for a fault, not for a missing object", async () => {
    const elsewhere = storageAt(store, { bucket: "elsewhere" });
    await expect(elsewhere.get(VIDEO)).rejects.toMatchObject(UNAVAILABLE);
    await expect(elsewhere.check()).rejects.toMatchObject(UNAVAILABLE);
  });

  it("does not take another range than the one asked for", async () => {
    await put("0123456789");
    store.failNext("get", "no range");
    await expect(storage.get(VIDEO, { start: 3, end: 5 })).rejects.toMatchObject(UNAVAILABLE);
  });

  it.each<S3Fault>(["cut", "stall"])("fails a transfer with a %s in it", async (fault) => {
    await put(randomBytes(500_000));
    const impatient = storageAt(store, { timeout: 700 });
    store.failNext("get", fault, fault);
    await expect(buffer(await impatient.get(VIDEO))).rejects.toThrow();
    const target = join(folder, "downloaded");
    await expect(impatient.download(VIDEO, target)).rejects.toMatchObject(UNAVAILABLE);
    expect(existsSync(target)).toBe(false);
  });

  it("serves others while many readers have stopped reading", async () => {
    await put(randomBytes(3_000_000));
    const readers = await Promise.all(Array.from({ length: 60 }, () => storage.get(VIDEO)));
    expect(await storage.stat(VIDEO)).toEqual({ size: 3_000_000 });
    readers.forEach((reader) => reader.destroy());
  });

  it("does not take a slow reader for a fault", async () => {
    const content = randomBytes(5_000_000);
    await put(content);
    const impatient = storageAt(store, { timeout: 200 });
    const read: Buffer[] = [];
    const reader = new Writable({
      write(chunk: Buffer, _encoding, done) {
        read.push(chunk);
        setTimeout(done, read.length === 5 ? 600 : 0);
      },
    });
    await pipeline(await impatient.get(VIDEO), reader);
    expect(Buffer.concat(read).equals(content)).toBe(true);
  });

  it("ends the transfer when its reader leaves", async () => {
    await put(randomBytes(20_000_000));
    const body = await storage.get(VIDEO);
    const before = await store.connections();
    body.destroy();
    await once(body, "close");
    while ((await store.connections()) >= before) {
      await new Promise(setImmediate);
    }
  });

  it("says which act failed and never a secret", async () => {
    const wrong = storageAt(store, { secretAccessKey: "not-the-secret-at-all" });
    const acts = [
      () => put("content", wrong),
      () => wrong.check(),
      () => wrong.delete(VIDEO),
      () => wrong.stat(VIDEO),
      () => wrong.get(VIDEO),
    ];
    for (const act of acts) {
      const error = await act().then(
        () => new Error("nothing failed"),
        (thrown: Error) => thrown,
      );
      expect(error).toBeInstanceOf(StorageUnavailableError);
      expect(error.message).toMatch(/^The S3 storage cannot .* \(status 403\)$/);
      expect(inspect(error, { depth: 10 })).not.toContain("not-the-secret-at-all");
    }
  });
});
