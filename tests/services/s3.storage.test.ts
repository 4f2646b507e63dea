import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { buffer, text } from "node:stream/consumers";
import { startS3Store } from "../support/s3-store";
import { describeStorageContract } from "./storage.contract";
import { storageAt, UNAVAILABLE, useS3, VIDEO } from "./support/s3-set-up";

const AVATAR = "users/66f0a1b2c3d4e5f601020305/0b1c2d.webp";
/** What S3 takes as the smallest part but the last. */
const PART = 5 * 1024 * 1024;

describeStorageContract(async () => {
  const store = await startS3Store();
  return {
    storage: storageAt(store),
    broken: storageAt(store, { endpoint: "http://127.0.0.1:1" }),
    stop: () => store.stop(),
  };
});

describe("the S3 storage", () => {
  const at = useS3();

  it("keeps objects in the folder of the bucket that it is told", async () => {
    const inside = storageAt(at.store, { prefix: "tube/media" });
    await at.put("content", inside);
    expect(await at.store.keys()).toEqual([`tube/media/${VIDEO}`]);
    expect(await text(await inside.get(VIDEO))).toBe("content");
    expect(await at.storage.stat(VIDEO)).toBeNull();
  });

  it("lets the API serve public objects, as the bucket may be closed", () => {
    expect(at.storage.url(AVATAR)).toBeNull();
  });

  describe("signed addresses", () => {
    it("deliver a private object to anyone who has them, as the given type, in ranges", async () => {
      await at.put("0123456789");
      const url = await at.storage.signedUrl!(VIDEO, 60, "video/mp4");
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
      await at.put("content");
      const url = await at.storage.signedUrl!(VIDEO, 60, "video/mp4");
      const changed = url.replace(part, other);
      expect(changed).not.toBe(url);
      expect((await fetch(changed)).status).toBe(403);
    });

    it("are refused after their time", async () => {
      await at.put("content");
      jest.useFakeTimers({ now: Date.now() - 61_000, advanceTimers: true });
      const url = await at.storage.signedUrl!(VIDEO, 60, "video/mp4").finally(() =>
        jest.useRealTimers(),
      );
      expect((await fetch(url)).status).toBe(403);
    });

    it("hold no secret", async () => {
      const own = storageAt(at.store, { secretAccessKey: "a-secret-of-ours" });
      expect(await own.signedUrl!(VIDEO, 60, "video/mp4")).not.toContain("a-secret-of-ours");
    });

    it("are made for keys of the allowed form only", async () => {
      await expect(at.storage.signedUrl!("../a.mp4", 60, "video/mp4")).rejects.toMatchObject({
        code: "STORAGE_BAD_REQUEST",
      });
    });
  });

  describe("large files", () => {
    const content = randomBytes(2 * PART + 1234);

    it("are sent in parts and arrive whole", async () => {
      await at.put(content);
      expect((await buffer(await at.storage.get(VIDEO))).equals(content)).toBe(true);
      expect(at.count("put part")).toBe(3);
      expect(at.store.openUploads.size).toBe(0);
    });

    it("send a failed part again, not the whole file", async () => {
      at.store.failNext("put part", 500);
      await at.put(content);
      expect(at.count("put part")).toBe(4);
      expect((await buffer(await at.storage.get(VIDEO))).equals(content)).toBe(true);
    });

    it("are sent anew when the answer to their completion is lost", async () => {
      at.store.failNext("complete upload", "lose answer");
      await at.put(content);
      expect((await buffer(await at.storage.get(VIDEO))).equals(content)).toBe(true);
      expect(await at.store.keys()).toEqual([VIDEO]);
      expect(at.store.openUploads.size).toBe(0);
      expect(existsSync(at.source)).toBe(false);
    });

    it("leave no parts behind when they cannot be stored", async () => {
      at.store.failNext("put part", ...Array<number>(12).fill(503));
      await expect(at.put(content)).rejects.toMatchObject(UNAVAILABLE);
      expect((await readFile(at.source)).equals(content)).toBe(true);
      expect(at.store.openUploads.size).toBe(0);
      expect(await at.store.keys()).toEqual([]);
    });

    it("are not gathered in memory while the store does not read", async () => {
      const file = await open(at.source, "w");
      await file.truncate(300_000_000);
      await file.close();
      at.store.failNext("put part", "hang", "hang", "hang", "hang");
      const before = process.memoryUsage().arrayBuffers;
      const impatient = storageAt(at.store, { timeout: 700, attempts: 1 });
      await expect(impatient.put(VIDEO, at.source, "video/mp4")).rejects.toMatchObject(UNAVAILABLE);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(80_000_000);
    });
  });

  describe("readiness", () => {
    it("is lost while the store fails and comes back with it", async () => {
      at.store.failNext("head bucket", 500, 500, 500, 500);
      await expect(at.storage.check()).rejects.toMatchObject(UNAVAILABLE);
      await at.storage.check();
    });

    it("does not ask the store at every check", async () => {
      await at.storage.check();
      await at.storage.check();
      expect(at.count("head bucket")).toBe(1);
    });
  });
});
