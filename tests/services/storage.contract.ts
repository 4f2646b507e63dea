import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { Storage } from "../../src/services/storage";

const VIDEO = "videos/66f0a1b2c3d4e5f601020304/4f9c1d.mp4";
const THUMBNAIL = "videos/66f0a1b2c3d4e5f601020304/77aa01.webp";
const PLAYLIST = "videos/66f0a1b2c3d4e5f601020304/0d3e11.m3u8";
const AVATAR = "users/66f0a1b2c3d4e5f601020305/0b1c2d.webp";

const BAD_KEYS = [
  "",
  "/etc/passwd",
  "../secret.mp4",
  "videos/../../secret.mp4",
  "videos/..mp4",
  "videos/a..mp4",
  "videos//a.mp4",
  "videos/./a.mp4",
  "videos/.hidden.mp4",
  "videos/a",
  "videos/a.mp4/",
  "videos\\a.mp4",
  "videos/a.mp4\0",
  "videos/a.mp4\n",
  "videos/%2e%2e/a.mp4",
  "videos/A.mp4",
  "videos/é.mp4",
  "videos/a b.mp4",
  `videos/${"a".repeat(300)}.mp4`,
];

const UNAVAILABLE = { code: "STORAGE_UNAVAILABLE" };

interface Started {
  storage: Storage;
  /** One of the same kind that cannot do its work. */
  broken: Storage;
  /** Removes all traces of both. */
  stop: () => Promise<void>;
}

/** The rules every storage keeps. `start` makes an empty one. */
export function describeStorageContract(start: () => Promise<Started>): void {
  describe("the storage contract", () => {
    let storage: Storage;
    let broken: Storage;
    let stop: () => Promise<void>;
    let folder: string;

    const source = async (content: Buffer | string): Promise<string> => {
      const path = join(folder, randomBytes(8).toString("hex"));
      await writeFile(path, content);
      return path;
    };
    const put = async (key: string, content: Buffer | string, type = "video/mp4") =>
      storage.put(key, await source(content), type);
    const read = async (key: string, range?: { start: number; end: number }) =>
      buffer(await storage.get(key, range));

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "storage-source-"));
      ({ storage, broken, stop } = await start());
    });

    afterEach(() =>
      Promise.all([VIDEO, THUMBNAIL, PLAYLIST, AVATAR].map((key) => storage.delete(key))),
    );

    afterAll(async () => {
      await stop();
      await rm(folder, { recursive: true });
    });

    it("gives back exactly the bytes that were put", async () => {
      const content = randomBytes(300_000);
      await put(VIDEO, content);
      expect((await read(VIDEO)).equals(content)).toBe(true);
    });

    it("tells the size of an object", async () => {
      await put(VIDEO, "0123456789");
      expect(await storage.stat(VIDEO)).toEqual({ size: 10 });
    });

    it.each([
      [PLAYLIST, "application/vnd.apple.mpegurl"],
      ["videos/66f0a1b2c3d4e5f601020304/77aa02.vtt", "text/vtt"],
    ])("keeps text such as %s", async (key, type) => {
      await put(key, "0123456789", type);
      expect((await read(key, { start: 2, end: 4 })).toString()).toBe("234");
      await storage.delete(key);
      expect(await storage.stat(key)).toBeNull();
    });

    it("keeps an empty object", async () => {
      await put(VIDEO, "");
      expect(await storage.stat(VIDEO)).toEqual({ size: 0 });
    });

    it("takes the source away once the object is stored", async () => {
      const path = await source("content");
      await storage.put(VIDEO, path, "video/mp4");
      expect(existsSync(path)).toBe(false);
    });

    it.each([
      ["the first byte", { start: 0, end: 0 }, "0"],
      ["bytes in the middle", { start: 3, end: 5 }, "345"],
      ["the last byte", { start: 9, end: 9 }, "9"],
      ["all bytes", { start: 0, end: 9 }, "0123456789"],
      ["up to the last byte when the range reaches past it", { start: 8, end: 500 }, "89"],
    ])("gives %s", async (_name, range, expected) => {
      await put(VIDEO, "0123456789");
      expect((await read(VIDEO, range)).toString()).toBe(expected);
    });

    it.each([
      ["after the end", { start: 10, end: 11 }],
      ["backwards", { start: 5, end: 4 }],
      ["below zero", { start: -1, end: 4 }],
      ["with a fraction", { start: 0.5, end: 4 }],
    ])("refuses a range %s", async (_name, range) => {
      await put(VIDEO, "0123456789");
      await expect(storage.get(VIDEO, range)).rejects.toMatchObject({
        code: "STORAGE_BAD_REQUEST",
      });
    });

    it("says that there is no object", async () => {
      expect(await storage.stat(VIDEO)).toBeNull();
      await expect(storage.get(VIDEO)).rejects.toMatchObject({ code: "STORAGE_NOT_FOUND" });
      await expect(storage.get(VIDEO, { start: 0, end: 1 })).rejects.toMatchObject({
        code: "STORAGE_NOT_FOUND",
      });
    });

    it("downloads an object into a file of its own, which outlives the object", async () => {
      const content = randomBytes(300_000);
      await put(VIDEO, content);
      const target = join(folder, "downloaded.mp4");
      await storage.download(VIDEO, target);
      await storage.delete(VIDEO);
      expect((await readFile(target)).equals(content)).toBe(true);
    });

    it("keeps the object when its downloaded file is removed", async () => {
      await put(VIDEO, "content");
      const target = join(folder, "removed.mp4");
      await storage.download(VIDEO, target);
      await rm(target);
      expect((await read(VIDEO)).toString()).toBe("content");
    });

    it("takes a downloaded file back under the key that it came from", async () => {
      await put(VIDEO, "content");
      const target = join(folder, "returned.mp4");
      await storage.download(VIDEO, target);
      await storage.put(VIDEO, target, "video/mp4");
      expect(existsSync(target)).toBe(false);
      expect((await read(VIDEO)).toString()).toBe("content");
    });

    it("downloads over no file that is there already", async () => {
      await put(VIDEO, "content");
      const target = await source("the caller's own");
      await expect(storage.download(VIDEO, target)).rejects.toMatchObject(UNAVAILABLE);
      expect(await readFile(target, "utf8")).toBe("the caller's own");
    });

    it("leaves no file when there is nothing to download, or nowhere to put it", async () => {
      const target = join(folder, "nothing.mp4");
      await expect(storage.download(VIDEO, target)).rejects.toMatchObject({
        code: "STORAGE_NOT_FOUND",
      });
      expect(existsSync(target)).toBe(false);
      await put(VIDEO, "content");
      await expect(
        storage.download(VIDEO, join(folder, "no such folder", "a.mp4")),
      ).rejects.toMatchObject(UNAVAILABLE);
    });

    it("forgets a deleted object and keeps its neighbour", async () => {
      await put(VIDEO, "video");
      await put(THUMBNAIL, "image", "image/webp");
      await storage.delete(VIDEO);
      expect(await storage.stat(VIDEO)).toBeNull();
      expect((await read(THUMBNAIL)).toString()).toBe("image");
    });

    it("deletes what is not there without an error", async () => {
      await storage.delete(VIDEO);
      await storage.delete(VIDEO);
    });

    it("replaces an object put again under the same key", async () => {
      await put(VIDEO, "a first version");
      await put(VIDEO, "a second");
      expect((await read(VIDEO)).toString()).toBe("a second");
    });

    it("shows either the whole object or none while it is being put", async () => {
      const content = randomBytes(2_000_000);
      const path = await source(content);
      let done = false;
      const putting = storage.put(VIDEO, path, "video/mp4").finally(() => (done = true));
      while (!done) {
        const seen = await storage.stat(VIDEO);
        expect([undefined, content.length]).toContain(seen?.size);
      }
      await putting;
    });

    it("keeps the object when another put of its key has no source", async () => {
      await put(VIDEO, "kept");
      await expect(storage.put(VIDEO, join(folder, "missing"), "video/mp4")).rejects.toMatchObject(
        UNAVAILABLE,
      );
      expect((await read(VIDEO)).toString()).toBe("kept");
    });

    it("gives back a large file", async () => {
      const content = randomBytes(12_000_000);
      await put(VIDEO, content);
      expect((await read(VIDEO)).equals(content)).toBe(true);
      const range = { start: 5_242_870, end: 5_242_890 };
      expect((await read(VIDEO, range)).equals(content.subarray(5_242_870, 5_242_891))).toBe(true);
    });

    it("keeps many objects apart that are put, read and deleted at once", async () => {
      const names = Array.from({ length: 20 }, (_, i) => `videos/many/${i}a.mp4`);
      await Promise.all(names.map((key) => put(key, `content of ${key}`)));
      const contents = await Promise.all(names.map(async (key) => (await read(key)).toString()));
      expect(contents).toEqual(names.map((key) => `content of ${key}`));
      await Promise.all(names.map((key) => storage.delete(key)));
      expect(await Promise.all(names.map((key) => storage.stat(key)))).toEqual(
        names.map(() => null),
      );
    });

    it("serves on after a reader that left in the middle", async () => {
      const content = randomBytes(3_000_000);
      await put(VIDEO, content);
      const left = await storage.get(VIDEO);
      await once(left, "readable");
      left.destroy();
      await once(left, "close");
      expect((await read(VIDEO)).equals(content)).toBe(true);
    });

    it("keeps the source, leaves no file and says so when it cannot do its work", async () => {
      const path = await source("content");
      const target = join(folder, "never");
      await expect(broken.put(VIDEO, path, "video/mp4")).rejects.toMatchObject(UNAVAILABLE);
      await expect(broken.check()).rejects.toMatchObject(UNAVAILABLE);
      expect(await readFile(path, "utf8")).toBe("content");
      const reading = [broken.get(VIDEO), broken.stat(VIDEO), broken.download(VIDEO, target)];
      const outcomes = await Promise.allSettled(reading);
      expect(outcomes.filter((outcome) => outcome.status === "fulfilled" && outcome.value)).toEqual(
        [],
      );
      expect(existsSync(target)).toBe(false);
    });

    it("gives no address for anything private", async () => {
      await put(VIDEO, "video");
      expect(storage.url(VIDEO)).toBeNull();
      expect(storage.url(THUMBNAIL)).toBeNull();
      expect(storage.url("usersx/a/b.webp")).toBeNull();
    });

    it.each(BAD_KEYS)("refuses the key %j", async (key) => {
      const refused = { code: "STORAGE_BAD_REQUEST" };
      const path = await source("content");
      await expect(storage.put(key, path, "video/mp4")).rejects.toMatchObject(refused);
      await expect(storage.get(key)).rejects.toMatchObject(refused);
      await expect(storage.stat(key)).rejects.toMatchObject(refused);
      await expect(storage.download(key, join(folder, "bad"))).rejects.toMatchObject(refused);
      await expect(storage.delete(key)).rejects.toMatchObject(refused);
      expect(() => storage.url(key)).toThrow(expect.objectContaining(refused));
      expect(existsSync(path)).toBe(true);
    });

    it("is ready", async () => {
      await storage.check();
    });
  });
}
