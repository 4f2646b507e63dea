import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { createS3Storage, type S3StorageOptions, type Storage } from "../../src/services/storage";
import { startS3Store, type S3Operation, type S3Store } from "../support/s3-store";
import { describeStorageContract } from "./storage.contract";

const VIDEO = "videos/66f0a1b2c3d4e5f601020304/4f9c1d.mp4";
const AVATAR = "users/66f0a1b2c3d4e5f601020305/0b1c2d.webp";
const UNAVAILABLE = { code: "STORAGE_UNAVAILABLE" };
/** What S3 takes as the smallest part but the last. */
const PART = 5 * 1024 * 1024;

const storageAt = (store: S3Store, options?: Partial<S3StorageOptions>): Storage =>
  createS3Storage({ ...store.options, ...options });

describeStorageContract(async () => {
  const store = await startS3Store();
  return {
    storage: storageAt(store),
    broken: storageAt(store, { endpoint: "http://127.0.0.1:1" }),
    stop: () => store.stop(),
  };
});

describe("the S3 storage", () => {
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

  it("keeps objects in the folder of the bucket that it is told", async () => {
    const inside = storageAt(store, { prefix: "tube/media" });
    await put("content", inside);
    expect(await store.keys()).toEqual([`tube/media/${VIDEO}`]);
    expect(await text(await inside.get(VIDEO))).toBe("content");
    expect(await storage.stat(VIDEO)).toBeNull();
  });

  it("lets the API serve public objects, as the bucket may be closed", () => {
    expect(storage.url(AVATAR)).toBeNull();
  });

  describe("signed addresses", () => {
    it("deliver a private object to anyone who has them, as the given type, in ranges", async () => {
      await put("0123456789");
      const url = await storage.signedUrl!(VIDEO, 60, "video/mp4");
      const answer = await fetch(url, { headers: { range: "bytes=2-4" } });
      expect(answer.status).toBe(206);
      expect(answer.headers.get("content-type")).toBe("video/mp4");
      expect(await answer.text()).toBe("234");
    });

    it.each([
      ["another object", "4f9c1d", "4f9c1e"],
      ["another signature", "X-Amz-Signature=", "X-Amz-Signature=0"],
      ["a longer time", "X-Amz-Expires=60", "X-Amz-Expires=6000"],
      ["another type", "video%2Fmp4", "text%2Fhtml"],
      ["no signature at all", /\?.*/, ""],
    ])("are refused with %s", async (_name, part, other) => {
      await put("content");
      const url = await storage.signedUrl!(VIDEO, 60, "video/mp4");
      const changed = url.replace(part, other);
      expect(changed).not.toBe(url);
      expect((await fetch(changed)).status).toBe(403);
    });

    it("are refused after their time", async () => {
      await put("content");
      jest.useFakeTimers({ now: Date.now() - 61_000, advanceTimers: true });
      const url = await storage.signedUrl!(VIDEO, 60, "video/mp4").finally(() =>
        jest.useRealTimers(),
      );
      expect((await fetch(url)).status).toBe(403);
    });

    it("hold no secret", async () => {
      const own = storageAt(store, { secretAccessKey: "a-secret-of-ours" });
      expect(await own.signedUrl!(VIDEO, 60, "video/mp4")).not.toContain("a-secret-of-ours");
    });

    it("are made for keys of the allowed form only", async () => {
      await expect(storage.signedUrl!("../a.mp4", 60, "video/mp4")).rejects.toMatchObject({
        code: "STORAGE_BAD_REQUEST",
      });
    });
  });

  describe("large files", () => {
    const content = randomBytes(2 * PART + 1234);

    it("are sent in parts and arrive whole", async () => {
      await put(content);
      expect((await buffer(await storage.get(VIDEO))).equals(content)).toBe(true);
      expect(count("put part")).toBe(3);
      expect(store.openUploads.size).toBe(0);
    });

    it("send a failed part again, not the whole file", async () => {
      store.failNext("put part", 500);
      await put(content);
      expect(count("put part")).toBe(4);
      expect((await buffer(await storage.get(VIDEO))).equals(content)).toBe(true);
    });

    it("are sent anew when the answer to their completion is lost", async () => {
      store.failNext("complete upload", "lose answer");
      await put(content);
      expect((await buffer(await storage.get(VIDEO))).equals(content)).toBe(true);
      expect(await store.keys()).toEqual([VIDEO]);
      expect(store.openUploads.size).toBe(0);
      expect(existsSync(source)).toBe(false);
    });

    it("leave no parts behind when they cannot be stored", async () => {
      store.failNext("put part", ...Array<number>(12).fill(503));
      await expect(put(content)).rejects.toMatchObject(UNAVAILABLE);
      expect((await readFile(source)).equals(content)).toBe(true);
      expect(store.openUploads.size).toBe(0);
      expect(await store.keys()).toEqual([]);
    });

    it("are not gathered in memory while the store does not read", async () => {
      const file = await open(source, "w");
      await file.truncate(300_000_000);
      await file.close();
      store.failNext("put part", "hang", "hang", "hang", "hang");
      const before = process.memoryUsage().arrayBuffers;
      const impatient = storageAt(store, { timeout: 700, attempts: 1 });
      await expect(impatient.put(VIDEO, source, "video/mp4")).rejects.toMatchObject(UNAVAILABLE);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(80_000_000);
    });
  });

  describe("readiness", () => {
    it("is lost while the store fails and comes back with it", async () => {
      store.failNext("head bucket", 500, 500, 500, 500);
      await expect(storage.check()).rejects.toMatchObject(UNAVAILABLE);
      await storage.check();
    });

    it("does not ask the store at every check", async () => {
      await storage.check();
      await storage.check();
      expect(count("head bucket")).toBe(1);
    });
  });
});
