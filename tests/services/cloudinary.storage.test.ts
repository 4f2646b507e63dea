import { randomBytes } from "node:crypto";
import { open, writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import {
  createCloudinaryStorage,
  parseCloudinaryUrl,
  StorageUnavailableError,
  type CloudinaryStorageOptions,
} from "../../src/services/storage";
import { startCloudinaryStandIn, type StandInFault } from "../support/cloudinary-stand-in";
import { describeStorageContract } from "./storage.contract";
import {
  failure,
  QUICK,
  storageAt,
  useCloudinary,
  VIDEO,
  VIDEO_ASSET,
} from "./support/cloudinary-set-up";

const AVATAR = "users/66f0a1b2c3d4e5f601020305/0b1c2d.webp";

const CHUNK = 5_300_000;

describeStorageContract(async () => {
  const standIn = await startCloudinaryStandIn();
  return {
    storage: storageAt(standIn, { timeout: 10_000, chunkSize: CHUNK }),
    broken: createCloudinaryStorage({
      ...parseCloudinaryUrl("cloudinary://1:s@none?upload_prefix=http://127.0.0.1:1&secure=false"),
      ...QUICK,
      cname: "127.0.0.1:1",
    }),
    stop: () => standIn.stop(),
  };
});

describe("the Cloudinary storage", () => {
  const at = useCloudinary();

  describe("private and public objects", () => {
    it("stores a video so that no unsigned address delivers it", async () => {
      await at.put("secret");
      expect([...at.standIn.assets.keys()]).toEqual([VIDEO_ASSET]);
      const path = VIDEO_ASSET.replace("video/authenticated/", "");
      for (const guess of [
        `video/authenticated/v1/${path}.mp4`,
        `video/authenticated/s--AAAAAAAA--/v1/${path}.mp4`,
        `video/upload/v1/${path}.mp4`,
      ]) {
        const answer = await fetch(`${at.standIn.origin}/${at.standIn.cloudName}/${guess}`);
        expect([401, 404]).toContain(answer.status);
      }
    });

    it("stores an unpublished video's thumbnail as private too", async () => {
      await at.put("image", "videos/1/a.webp");
      expect([...at.standIn.assets.keys()]).toEqual(["image/authenticated/videos/1/a"]);
    });

    it("gives an address that delivers a public object to anyone", async () => {
      await at.put("avatar", AVATAR);
      const url = at.storage.url(AVATAR);
      expect(await (await fetch(url ?? "")).text()).toBe("avatar");
    });

    it("gives https addresses of Cloudinary's own host unless told otherwise", () => {
      const plain = { cloudName: "demo", apiKey: "1", apiSecret: "s" };
      expect(createCloudinaryStorage(plain).url(AVATAR)).toBe(
        `https://res.cloudinary.com/demo/image/upload/v1/${AVATAR}`,
      );
      const own = { ...plain, privateCdn: true, secureDistribution: "media.example.com" };
      expect(createCloudinaryStorage(own).url(AVATAR)).toBe(
        `https://media.example.com/image/upload/v1/${AVATAR}`,
      );
    });

    it("passes the range on instead of fetching the whole object", async () => {
      await at.put("0123456789");
      expect(await text(await at.storage.get(VIDEO, { start: 2, end: 4 }))).toBe("234");
      expect(at.standIn.requests.at(-1)?.headers.range).toBe("bytes=2-4");
    });

    it("refuses a content type that does not fit the key", async () => {
      await writeFile(at.source, "content");
      await expect(at.storage.put(VIDEO, at.source, "text/html")).rejects.toMatchObject({
        code: "STORAGE_BAD_REQUEST",
      });
      expect(at.standIn.requests).toEqual([]);
    });
  });

  describe("large files", () => {
    const content = randomBytes(2 * CHUNK + 1234);
    const large = (options?: Partial<CloudinaryStorageOptions>) =>
      storageAt(at.standIn, { chunkSize: CHUNK, timeout: 10_000, ...options });
    const ranges = () =>
      at.standIn.requests
        .filter(({ operation }) => operation === "upload")
        .map(({ headers }) => headers["content-range"]);
    const [first, second, last] = [
      `bytes 0-${CHUNK - 1}/${content.length}`,
      `bytes ${CHUNK}-${2 * CHUNK - 1}/${content.length}`,
      `bytes ${2 * CHUNK}-${content.length - 1}/${content.length}`,
    ];

    it("are sent in chunks of one upload and arrive whole", async () => {
      await at.put(content, VIDEO, large());
      expect(at.standIn.assets.get(VIDEO_ASSET)?.body.equals(content)).toBe(true);
      expect(ranges()).toEqual([first, second, last]);
      const ids = at.standIn.requests.map(({ headers }) => headers["x-unique-upload-id"]);
      expect(new Set(ids).size).toBe(1);
    });

    it("of exactly two chunks are sent in two", async () => {
      await at.put(content.subarray(0, 2 * CHUNK), VIDEO, large());
      expect(ranges()).toHaveLength(2);
      expect(at.standIn.assets.get(VIDEO_ASSET)?.body.length).toBe(2 * CHUNK);
    });

    it("send a failed chunk again, not the whole file", async () => {
      at.standIn.failNext("upload", 503);
      await at.put(content, VIDEO, large());
      expect(ranges()).toEqual([first, first, second, last]);
    });

    it("start anew when the answer to the last chunk is lost", async () => {
      at.standIn.failNext("upload", null, null, "lose answer");
      await at.put(content, VIDEO, large());
      expect(ranges()).toEqual([first, second, last, first, second, last]);
      const ids = at.standIn.requests.map(({ headers }) => headers["x-unique-upload-id"]);
      expect(ids[0]).not.toBe(ids[3]);
      expect(at.standIn.assets.get(VIDEO_ASSET)?.body.equals(content)).toBe(true);
      expect(at.standIn.assets.size).toBe(1);
    });

    it("give up after the bounded number of attempts for one chunk", async () => {
      at.standIn.failNext("upload", 503, 503);
      await expect(at.put(content, VIDEO, large({ attempts: 2 }))).rejects.toMatchObject({
        code: "STORAGE_UNAVAILABLE",
      });
      expect(ranges()).toEqual([first, first]);
    });

    it("are not gathered in memory while Cloudinary does not read", async () => {
      const file = await open(at.source, "w");
      await file.truncate(300_000_000);
      await file.close();
      at.standIn.failNext("upload", "hang");
      const before = process.memoryUsage().arrayBuffers;
      await failure(
        large({ chunkSize: 400_000_000, timeout: 700, attempts: 1 }).put(
          VIDEO,
          at.source,
          "video/mp4",
        ),
      );
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
    });
  });

  describe("readiness", () => {
    it.each<StandInFault>([401, 420, 500, "hang", "html", "wrong JSON"])(
      "is not ready when the ping ends with %s",
      async (fault) => {
        at.standIn.failNext("ping", fault);
        await expect(at.storage.check()).rejects.toBeInstanceOf(StorageUnavailableError);
        await at.storage.check();
      },
    );

    it("does not spend a call of the Admin API on every check", async () => {
      await at.storage.check();
      await at.storage.check();
      expect(at.count("ping")).toBe(1);
    });
  });

  describe("configuration", () => {
    it("keeps two accounts apart", async () => {
      const other = await startCloudinaryStandIn();
      const second = storageAt(other);
      await Promise.all([at.put("one"), second.check()]);
      await at.put("two", VIDEO, second);
      expect(await text(await at.storage.get(VIDEO))).toBe("one");
      expect(await text(await second.get(VIDEO))).toBe("two");
      await other.stop();
    });

    it("takes no setting from CLOUDINARY_URL in the environment", async () => {
      const before = process.env.CLOUDINARY_URL;
      process.env.CLOUDINARY_URL =
        "cloudinary://9:wrong@elsewhere?oauth_token=t&upload_prefix=http://127.0.0.1:1&cname=x";
      try {
        await jest.isolateModulesAsync(async () => {
          const fresh = await import("../../src/services/storage");
          const isolated = fresh.createCloudinaryStorage({
            ...parseCloudinaryUrl(at.standIn.url),
            ...QUICK,
          });
          await at.put("content", VIDEO, isolated);
          expect(await text(await isolated.get(VIDEO))).toBe("content");
        });
      } finally {
        delete process.env.CLOUDINARY_URL;
        Object.assign(process.env, before === undefined ? {} : { CLOUDINARY_URL: before });
      }
    });

    it("signs with SHA-256 when the account wants it", async () => {
      const strict = await startCloudinaryStandIn({ isStrict: true });
      const signing = storageAt(strict, { signatureAlgorithm: "sha256" });
      await at.put("content", VIDEO, signing);
      expect(await text(await signing.get(VIDEO))).toBe("content");
      await expect(at.put("content", VIDEO, storageAt(strict))).rejects.toThrow("401");
      await strict.stop();
    });

    it("reads a CLOUDINARY_URL with all its settings", () => {
      expect(
        parseCloudinaryUrl(
          "cloudinary://123:s%2Fcret@My-cloud/cdn.example.com?upload_prefix=http://a:1&secure=false&cname=b:2&signature_algorithm=sha256",
        ),
      ).toEqual({
        cloudName: "My-cloud",
        apiKey: "123",
        apiSecret: "s/cret",
        privateCdn: true,
        secureDistribution: "cdn.example.com",
        uploadPrefix: "http://a:1",
        secure: false,
        cname: "b:2",
        signatureAlgorithm: "sha256",
      });
    });

    it("reads a plain CLOUDINARY_URL", () => {
      expect(parseCloudinaryUrl("cloudinary://123:abc@demo")).toEqual({
        cloudName: "demo",
        apiKey: "123",
        apiSecret: "abc",
      });
    });

    it.each([
      "",
      "demo",
      "https://123:topsecret@demo",
      "cloudinary://demo",
      "cloudinary://123@demo",
      "cloudinary://:topsecret@demo",
      "cloudinary://123:topsecret@",
      "cloudinary://123:topsecret@demo?secure=maybe",
      "cloudinary://123:topsecret@demo?signature_algorithm=md5",
    ])("refuses the CLOUDINARY_URL %j without repeating its secret", (url) => {
      expect(() => parseCloudinaryUrl(url)).toThrow(TypeError);
      expect(() => parseCloudinaryUrl(url)).not.toThrow(/topsecret/);
    });
  });
});
