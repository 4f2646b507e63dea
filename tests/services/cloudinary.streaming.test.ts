import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import {
  createCloudinaryStorage,
  parseCloudinaryUrl,
  type Storage,
} from "../../src/services/storage";
import {
  startCloudinaryStandIn,
  type CloudinaryStandIn,
  type StandInFault,
} from "../support/cloudinary-stand-in";

const VIDEO = "videos/66f0a1b2c3d4e5f601020304/4f9c1d.mp4";
const OTHER = "videos/66f0a1b2c3d4e5f601020304/5a0d2e.mp4";
const ABSENT = { code: "STORAGE_NOT_FOUND" };
const UNAVAILABLE = { code: "STORAGE_UNAVAILABLE" };

describe("a stream that Cloudinary derives", () => {
  let standIn: CloudinaryStandIn;
  let storage: Storage;
  let streaming: NonNullable<Storage["streaming"]>;
  let folder: string;

  const put = async (key: string) => {
    const source = join(folder, "source");
    await writeFile(source, "content");
    await storage.put(key, source, "video/mp4");
  };
  const ready = async (key: string) => {
    await put(key);
    await streaming.order(key);
    standIn.finishStreams("made");
  };
  const names = (playlist: string) =>
    playlist.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const orders = () => standIn.requests.filter(({ operation }) => operation === "explicit").length;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "storage-cloudinary-"));
    standIn = await startCloudinaryStandIn();
    const options = { ...parseCloudinaryUrl(standIn.url), retryDelay: 1, timeout: 700 };
    storage = createCloudinaryStorage(options);
    streaming = storage.streaming!;
  });

  afterEach(async () => {
    await standIn.stop();
    await rm(folder, { recursive: true });
  });

  it("cannot be ordered for what is not there, is no video, or is public", async () => {
    await expect(streaming.order(VIDEO)).rejects.toMatchObject(ABSENT);
    await expect(streaming.isReady(VIDEO)).rejects.toMatchObject(ABSENT);
    for (const key of ["videos/1/a.webp", "videos/1/a.vtt", "users/1/a.mp4", "../a.mp4"]) {
      const refused = { code: "STORAGE_BAD_REQUEST" };
      await expect(streaming.order(key)).rejects.toMatchObject(refused);
    }
  });

  it("is ready when it is made, not when it is ordered", async () => {
    await put(VIDEO);
    expect(await streaming.isReady(VIDEO)).toBe(false);
    await streaming.order(VIDEO);
    expect(await streaming.isReady(VIDEO)).toBe(false);
    await expect(streaming.playlist(VIDEO)).rejects.toMatchObject(ABSENT);
    standIn.finishStreams("made");
    expect(await streaming.isReady(VIDEO)).toBe(true);
  });

  it("is not ready when making it failed, and can be ordered again", async () => {
    await put(VIDEO);
    await streaming.order(VIDEO);
    standIn.finishStreams("failed");
    expect(await streaming.isReady(VIDEO)).toBe(false);
    await streaming.order(VIDEO);
    standIn.finishStreams("made");
    expect(await streaming.isReady(VIDEO)).toBe(true);
  });

  it("plays: master playlist, a playlist for each rendition, and their bytes", async () => {
    await ready(VIDEO);
    const renditions = names(await streaming.playlist(VIDEO));
    expect(renditions).toHaveLength(2);
    for (const rendition of renditions) {
      const media = await streaming.playlist(VIDEO, rendition);
      expect(media).toContain("#EXT-X-BYTERANGE:1000@1000");
      const [file] = names(media);
      const whole = await buffer(await streaming.get(VIDEO, file!));
      expect(whole).toHaveLength(2000);
      const part = await buffer(await streaming.get(VIDEO, file!, { start: 1000, end: 1999 }));
      expect(part.equals(whole.subarray(1000))).toBe(true);
    }
  });

  it("shows nobody an address of Cloudinary's", async () => {
    await ready(VIDEO);
    const master = await streaming.playlist(VIDEO);
    const media = await streaming.playlist(VIDEO, names(master)[0]);
    expect(master + media).not.toMatch(/s--|:\/\/|authenticated|\//);
    for (const name of [...names(master), ...names(media)]) {
      expect(name).toMatch(/^[\w-]+\.[\w-]+\.\w+$/);
    }
  });

  it("gives no file whose name was changed, made up or given for another video", async () => {
    await ready(VIDEO);
    await ready(OTHER);
    const [name = ""] = names(await streaming.playlist(VIDEO));
    const [code = "", , extension = ""] = name.split(".");
    const wish = Buffer.from("w_100").toString("base64url");
    const before = standIn.requests.length;
    for (const wrong of [
      "",
      "a",
      "..",
      `${code}.${wish}.${extension}`,
      name.replace("m3u8", "ts"),
    ]) {
      await expect(streaming.get(VIDEO, wrong)).rejects.toMatchObject(ABSENT);
      await expect(streaming.playlist(VIDEO, wrong)).rejects.toMatchObject(ABSENT);
    }
    await expect(streaming.playlist(OTHER, name)).rejects.toMatchObject(ABSENT);
    expect(standIn.requests.length).toBe(before);
  });

  it("goes with its video", async () => {
    await ready(VIDEO);
    const [name = ""] = names(await streaming.playlist(VIDEO));
    await storage.delete(VIDEO);
    await expect(streaming.playlist(VIDEO)).rejects.toMatchObject(ABSENT);
    await expect(streaming.get(VIDEO, name)).rejects.toMatchObject(ABSENT);
  });

  it("is refused when its playlist leads to something else than its video", async () => {
    await ready(VIDEO);
    await put(OTHER);
    const files = [...standIn.assets.values()].find(({ derived }) => derived)!.derived!;
    const master = "sp_full_hd/videos/66f0a1b2c3d4e5f601020304/4f9c1d.m3u8";
    for (const uri of [
      "http://127.0.0.1:1/stand-in/video/authenticated/w_1/videos/66f0a1b2c3d4e5f601020304/4f9c1d.ts",
      "/stand-in/video/authenticated/w_1/videos/66f0a1b2c3d4e5f601020304/5a0d2e.ts",
      "/stand-in/video/authenticated/v1/videos/66f0a1b2c3d4e5f601020304/4f9c1d.mp4/../../x",
    ]) {
      files.set(master, Buffer.from(`#EXTM3U\n${uri}\n`));
      await expect(streaming.playlist(VIDEO)).rejects.toMatchObject(UNAVAILABLE);
    }
  });

  it.each<StandInFault>([500, 420, "hang", "wrong JSON", "lose answer"])(
    "is ordered in spite of a %s",
    async (fault) => {
      await put(VIDEO);
      standIn.failNext("explicit", fault);
      await streaming.order(VIDEO);
      expect(orders()).toBe(2);
      standIn.finishStreams("made");
      expect(await streaming.isReady(VIDEO)).toBe(true);
    },
  );

  it("is not ordered twice when Cloudinary refuses", async () => {
    await put(VIDEO);
    standIn.failNext("explicit", 400);
    await expect(streaming.order(VIDEO)).rejects.toMatchObject(UNAVAILABLE);
    expect(orders()).toBe(1);
  });

  it.each<StandInFault>(["html", "wrong JSON", 500])(
    "is taken for neither ready nor pending when Cloudinary answers with %s",
    async (fault) => {
      await ready(VIDEO);
      standIn.failNext("resource", fault, fault, fault, fault);
      await expect(streaming.isReady(VIDEO)).rejects.toMatchObject(UNAVAILABLE);
      expect(await streaming.isReady(VIDEO)).toBe(true);
    },
  );
});
