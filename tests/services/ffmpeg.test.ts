import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import {
  extractThumbnail,
  locateFfmpeg,
  probeVideo,
  type FfmpegTools,
} from "../../src/services/ffmpeg";
import type { MediaError } from "../../src/services/MediaError";
import { clipTools, makeClip } from "../support/clips";

let tools: FfmpegTools;
let folder: string;
let file: string;

const refused = (code: string) => expect.objectContaining({ name: "MediaError", code });
const script = async (name: string, body: string): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return path;
};

beforeAll(async () => {
  tools = await clipTools();
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ffmpeg-"));
  file = join(folder, "upload.mp4");
});

afterEach(() => rm(folder, { recursive: true }));

describe("locateFfmpeg", () => {
  const fake = (name: string, version: string) =>
    script(name, `echo "${name} version ${version} x"`);

  it("takes the packaged pair where no other is", async () => {
    const found = await locateFfmpeg({ searchPath: "" });
    expect(found).toMatchObject({ source: "packaged", version: expect.stringMatching(/\d/) });
    expect(found.ffmpeg).toContain("node_modules");
    expect(found.ffprobe).toContain("node_modules");
  });

  it("prefers a pair on the search path", async () => {
    const ffmpeg = await fake("ffmpeg", "9.1");
    const ffprobe = await fake("ffprobe", "9.1");
    expect(await locateFfmpeg({ searchPath: `/nowhere:${folder}` })).toMatchObject({
      ffmpeg,
      ffprobe,
      source: "path",
      version: "9.1",
    });
  });

  it("never mixes half a pair on the search path with the packaged one", async () => {
    await fake("ffmpeg", "9.1");
    expect((await locateFfmpeg({ searchPath: folder })).source).toBe("packaged");
  });

  it("prefers the configured path and expects the other program beside it", async () => {
    const ffmpeg = await fake("ffmpeg", "9.2");
    const ffprobe = await fake("ffprobe", "9.2");
    const expected = { ffmpeg, ffprobe, source: "configured", version: "9.2" };
    expect(await locateFfmpeg({ ffmpegPath: ffmpeg })).toMatchObject(expected);
    expect(await locateFfmpeg({ ffprobePath: ffprobe })).toMatchObject(expected);
  });

  it("never replaces a configured program that does not work", async () => {
    const ffmpegPath = join(folder, "missing");
    await expect(locateFfmpeg({ ffmpegPath })).rejects.toMatchObject({
      code: "FFMPEG_UNAVAILABLE",
    });
  });

  it("gives back the executable bit to a packaged program", async () => {
    const path = await script("packaged", "echo ffmpeg version 4.0");
    await promisify(execFile)("chmod", ["644", path]);
    const found = await withPackagedAt(path);
    expect(found.source).toBe("packaged");
    expect((await stat(path)).mode & 0o777).toBe(0o755);
  });

  it("says what is wrong with a packaged program it cannot make executable", async () => {
    const path = join(folder, "gone");
    await expect(withPackagedAt(path)).rejects.toMatchObject({
      code: "FFMPEG_UNAVAILABLE",
      message: expect.stringContaining("chmod 755"),
    });
  });

  async function withPackagedAt(path: string): Promise<FfmpegTools> {
    let found: Promise<FfmpegTools> | undefined;
    jest.doMock("@ffmpeg-installer/ffmpeg", () => ({ path }));
    jest.doMock("@ffprobe-installer/ffprobe", () => ({ path }));
    await jest.isolateModulesAsync(async () => {
      const fresh = await import("../../src/services/ffmpeg");
      found = fresh.locateFfmpeg({ searchPath: "" });
      await found.catch(() => undefined);
    });
    jest.dontMock("@ffmpeg-installer/ffmpeg").dontMock("@ffprobe-installer/ffprobe");
    return found!;
  }
});

describe("probeVideo", () => {
  it("tells length, size and codecs of an MP4", async () => {
    const clip = await makeClip({ seconds: 2, width: 128, height: 72, audio: true });
    const info = await probeVideo(tools, clip);
    expect(info).toEqual({
      duration: expect.closeTo(2, 1),
      width: 128,
      height: 72,
      videoCodec: "h264",
      audioCodec: "aac",
      container: "mp4",
    });
  });

  it.each([
    ["mov", "h264"],
    ["mkv", "h264"],
    ["webm", "vp8"],
  ] as const)("reads %s", async (container, videoCodec) => {
    const info = await probeVideo(tools, await makeClip({ seconds: 2, container }));
    expect(info).toMatchObject({ container, videoCodec, audioCodec: null, width: 64 });
    expect(info.duration).toBeCloseTo(2, 1);
  });

  it("goes by the content, not by the name", async () => {
    await copyFile(await makeClip({ container: "webm" }), file);
    expect((await probeVideo(tools, file)).container).toBe("webm");
  });

  it.each(["concat:a|b.mp4", "-i %d 'é'.mp4"])("reads a file of the odd name %j", async (name) => {
    const odd = join(folder, name);
    await copyFile(await makeClip(), odd);
    expect((await probeVideo(tools, odd)).width).toBe(64);
  });

  it("gives the size as shown for a rotated video", async () => {
    const info = await probeVideo(tools, await makeClip({ rotate: 90 }));
    expect(info).toMatchObject({ width: 48, height: 64 });
  });

  it.each([
    ["odd sizes", { width: 65, height: 49 }],
    ["a single frame", { seconds: 0.04 }],
    ["one frame a second", { seconds: 3, rate: 1 }],
    ["a fragmented file", { seconds: 2, extra: ["-movflags", "frag_keyframe+empty_moov"] }],
  ])("reads %s", async (_name, options) => {
    const clip = await makeClip(options);
    const { duration, width } = await probeVideo(tools, clip);
    expect(width).toBe("width" in options ? options.width : 64);
    expect(duration).toBeCloseTo("seconds" in options ? options.seconds : 1, 1);
  });

  it("measures a recording whose header tells no length, as browsers make them", async () => {
    const bytes = await readFile(await makeClip({ seconds: 2, container: "webm" }));
    await writeFile(file, withUnknownSize(withoutDuration(bytes)));
    expect((await probeVideo(tools, file)).duration).toBeCloseTo(2, 0);
  });

  it("reads a recording of few frames, of which the last is not counted in full", async () => {
    const bytes = await readFile(await makeClip({ seconds: 3, rate: 1, faststart: true }));
    await writeFile(file, withOpenEnd(bytes));
    expect((await probeVideo(tools, file)).duration).toBeCloseTo(3, 1);
  });

  it("refuses a recording that ends before its first frame", async () => {
    const bytes = withUnknownSize(
      withoutDuration(await readFile(await makeClip({ container: "webm" }))),
    );
    await writeFile(file, bytes.subarray(0, bytes.indexOf(Buffer.from("1f43b675", "hex"))));
    await expect(probeVideo(tools, file)).rejects.toMatchObject({ name: "MediaError" });
  });

  it("reads media data of a 64-bit size, and sees when they are cut", async () => {
    const bytes = withLargeSize(await readFile(await makeClip()));
    await writeFile(file, bytes);
    expect((await probeVideo(tools, file)).duration).toBeCloseTo(1, 1);
    await writeFile(file, bytes.subarray(0, bytes.indexOf("moov") - 100));
    await expect(probeVideo(tools, file)).rejects.toEqual(refused("MEDIA_INCOMPLETE"));
  });

  it("refuses a file of endlessly many pieces", async () => {
    const empty = Buffer.from("\0\0\0\x08free", "latin1");
    const pieces = Buffer.alloc(8 * 200_000, empty);
    await writeFile(file, Buffer.concat([await readFile(await makeClip()), pieces]));
    await expect(probeVideo(tools, file)).rejects.toEqual(refused("MEDIA_TOO_COMPLEX"));
  });

  it("takes bytes appended behind a complete video for no part of it", async () => {
    await writeFile(file, Buffer.concat([await readFile(await makeClip()), Buffer.from(HTML)]));
    expect((await probeVideo(tools, file)).duration).toBeCloseTo(1, 1);
  });

  it("refuses sound without a picture", async () => {
    const clip = await makeClip({ video: false, audio: true });
    await expect(probeVideo(tools, clip)).rejects.toEqual(refused("MEDIA_NO_VIDEO"));
  });

  it("refuses sound with a cover picture", async () => {
    const cover = ["-frames:v", "1", "-c:v", "png", "-pix_fmt", "rgb24"];
    const extra = [...cover, "-disposition:v:0", "attached_pic"];
    const clip = await makeClip({ audio: true, extra });
    await expect(probeVideo(tools, clip)).rejects.toEqual(refused("MEDIA_NO_VIDEO"));
  });

  it("refuses more than 12 hours", async () => {
    const clip = await makeClip({ seconds: 50_000, rate: 0.001, width: 16, height: 16 });
    await expect(probeVideo(tools, clip)).rejects.toEqual(refused("MEDIA_TOO_LONG"));
  });

  it("refuses more than 50 megapixels", async () => {
    const extra = ["-c:v", "png", "-pix_fmt", "monob"];
    const clip = await makeClip({
      seconds: 0.04,
      width: 8000,
      height: 7000,
      container: "mov",
      extra,
    });
    await expect(probeVideo(tools, clip)).rejects.toEqual(refused("MEDIA_TOO_LARGE"));
    await expect(extractThumbnail(tools, clip, join(folder, "out.webp"))).rejects.toEqual(
      refused("MEDIA_TOO_LARGE"),
    );
  });

  it.each([
    ["an empty file", "", "MEDIA_EMPTY"],
    ["one byte", "\0", "MEDIA_UNSUPPORTED"],
    ["a text", "hello", "MEDIA_UNSUPPORTED"],
    ["an MP4 signature and nothing else", "\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "MEDIA_INCOMPLETE"],
    ["a Matroska signature and nothing else", "\x1aE\xdf\xa3\x88B\x82\x85webm ", "MEDIA_UN"],
  ])("refuses %s", async (_name, content, code) => {
    await writeFile(file, content, "latin1");
    await expect(probeVideo(tools, file)).rejects.toMatchObject({
      name: "MediaError",
      code: expect.stringContaining(code),
    });
  });

  it("refuses a damaged header and tells the sender nothing about the server", async () => {
    const bytes = await readFile(await makeClip({ container: "webm" }));
    await writeFile(file, bytes.fill(0xff, 60));
    const error = await probeVideo(tools, file).catch((thrown: MediaError) => thrown);
    expect(error).toEqual(refused("MEDIA_UNREADABLE"));
    expect((error as MediaError).message).not.toMatch(/ff|\/|upload|tmp/);
    expect(String((error as MediaError).cause)).toContain("ffprobe");
  });

  describe("of a truncated file", () => {
    const parts = [0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99];
    const kinds = [
      ["an MP4 with its header in front", { faststart: true }],
      ["an MP4 with its header at the end", {}],
      ["a Matroska file", { container: "mkv" }],
      ["a WebM file", { container: "webm" }],
      ["a QuickTime file", { container: "mov" }],
    ] as const;
    const cases = kinds.flatMap(([name, options]) =>
      parts.map((part) => [name, part, options] as const),
    );

    it.each(cases)("refuses %s cut at %d of its length", async (_name, part, options) => {
      const bytes = await readFile(await makeClip({ seconds: 3, audio: true, ...options }));
      await writeFile(file, bytes.subarray(0, bytes.length * part));
      await expect(probeVideo(tools, file)).rejects.toEqual(refused("MEDIA_INCOMPLETE"));
    });

    it.each(kinds)("refuses %s without its last byte", async (_name, options) => {
      const bytes = await readFile(await makeClip({ seconds: 3, audio: true, ...options }));
      await writeFile(file, bytes.subarray(0, -1));
      await expect(probeVideo(tools, file)).rejects.toEqual(refused("MEDIA_INCOMPLETE"));
    });

    it.each(["moov", "mdat"])("refuses an MP4 that ends where its %s would begin", async (box) => {
      const bytes = await readFile(await makeClip({ faststart: box === "mdat" }));
      await writeFile(file, bytes.subarray(0, bytes.indexOf(box) - 4));
      await expect(probeVideo(tools, file)).rejects.toEqual(refused("MEDIA_INCOMPLETE"));
    });

    it.each([
      ["a recording of unknown size", "mkv", withUnknownSize],
      ["an MP4 whose media data reach to the end", "mp4", withOpenEnd],
    ] as const)(
      "refuses %s of which a declared part is missing",
      async (_name, container, open) => {
        const options = { seconds: 10, container, faststart: container === "mp4" };
        const bytes = open(await readFile(await makeClip(options)));
        await writeFile(file, bytes);
        expect((await probeVideo(tools, file)).duration).toBeCloseTo(10, 1);
        await writeFile(file, bytes.subarray(0, bytes.length * 0.7));
        await expect(probeVideo(tools, file)).rejects.toEqual(refused("MEDIA_INCOMPLETE"));
      },
    );
  });
});

describe("extractThumbnail", () => {
  const thumbnailOf = async (clip: string) => {
    const out = join(folder, "thumbnail.webp");
    const told = await extractThumbnail(tools, clip, out);
    const { format, width, height } = await sharp(await readFile(out)).metadata();
    expect(told).toEqual({ width, height, size: (await stat(out)).size });
    return { format, width, height };
  };

  it("makes a WebP of at most 1280 pixels width", async () => {
    const clip = await makeClip({ width: 1920, height: 1080, seconds: 0.2 });
    expect(await thumbnailOf(clip)).toEqual({ format: "webp", width: 1280, height: 720 });
  });

  it.each([
    ["a small video at its own size", {}, 64, 48],
    ["an odd-sized video", { width: 65, height: 49 }, 65, 49],
    ["an upright picture of a rotated video", { rotate: 90 }, 48, 64],
    ["a video of a single frame", { seconds: 0.04 }, 64, 48],
    ["a long video", { seconds: 30, rate: 2 }, 64, 48],
    ["a WebM", { container: "webm" }, 64, 48],
    ["a video of oblong pixels", { extra: ["-aspect", "8:3"] }, 128, 48],
  ] as const)("shows %s", async (_name, options, width, height) => {
    const clip = await makeClip({
      ...options,
      extra: "extra" in options ? [...options.extra] : [],
    });
    expect(await thumbnailOf(clip)).toEqual({ format: "webp", width, height });
  });

  it.each(["60000/1", "1/60000"])("stays within bounds for pixels of %s", async (ratio) => {
    const { width, height } = await thumbnailOf(
      await makeClip({ extra: ["-vf", `setsar=${ratio}`] }),
    );
    expect(width).toBeLessThanOrEqual(1280);
    expect(height).toBeLessThanOrEqual(48);
  });

  it("turns a rotated video as a player does", async () => {
    const corner = async (clip: string, left: boolean) => {
      await extractThumbnail(tools, clip, join(folder, "out.webp"));
      const image = sharp(await readFile(join(folder, "out.webp")));
      const { width } = await image.metadata();
      const area = { left: left ? 0 : width - 8, top: 0, width: 8, height: 8 };
      const { channels } = await sharp(await image.extract(area).toBuffer()).stats();
      return channels.slice(0, 3).map(({ mean }) => Math.round(mean / 32));
    };
    const plain = await makeClip({ width: 160, height: 120 });
    const turned = await makeClip({ width: 160, height: 120, rotate: 90 });
    expect(await corner(turned, false)).toEqual(await corner(plain, true));
  });

  it("passes over the opening of a long video", async () => {
    const opening = "drawbox=c=red:t=fill,drawbox=enable='lt(t,6)':c=black:t=fill";
    const clip = await makeClip({ seconds: 60, rate: 10, extra: ["-vf", opening] });
    await thumbnailOf(clip);
    const { channels } = await sharp(await readFile(join(folder, "thumbnail.webp"))).stats();
    expect(channels[0]?.mean).toBeGreaterThan(200);
  });

  it("passes over a black beginning", async () => {
    const black = "drawbox=enable='lt(t,0.3)':c=black:t=fill";
    const clip = await makeClip({ extra: ["-vf", black] });
    await thumbnailOf(clip);
    const { channels } = await sharp(await readFile(join(folder, "thumbnail.webp"))).stats();
    expect(Math.max(...channels.map(({ mean }) => mean))).toBeGreaterThan(50);
  });

  it("leaves nothing behind when there is no picture to be had", async () => {
    await writeFile(file, (await readFile(await makeClip())).fill(0xff, 100, 1500));
    const out = join(folder, "out.webp");
    await expect(extractThumbnail(tools, file, out)).rejects.toMatchObject({ name: "MediaError" });
    expect(await readdir(folder)).toEqual(["upload.mp4"]);
  });
});

const HTML = "<html><script>alert(1)</script></html>";

/** Turns the Duration element (id 4489) of a Matroska header into a Void element of equal length. */
function withoutDuration(bytes: Buffer): Buffer {
  return patch(bytes, "448988", "ec89");
}

/** Gives the Segment element (id 18538067) of a Matroska file an unknown size, as in a live stream. */
function withUnknownSize(bytes: Buffer): Buffer {
  return patch(bytes, "1853806701", "1853806701ffffffffffffff");
}

/** Gives the last box of an MP4 the size 0, which stands for "to the end of the file". */
function withOpenEnd(bytes: Buffer): Buffer {
  const at = bytes.lastIndexOf("mdat") - 4;
  bytes.writeUInt32BE(0, at);
  return bytes;
}

/** Gives the media data of an MP4 a 64-bit size, in the place of the empty box before it. */
function withLargeSize(bytes: Buffer): Buffer {
  const at = bytes.indexOf("mdat") - 4;
  const size = bytes.readUInt32BE(at);
  bytes.writeUInt32BE(1, at - 8);
  bytes.write("mdat", at - 4);
  bytes.writeBigUInt64BE(BigInt(size + 8), at);
  return bytes;
}

function patch(bytes: Buffer, search: string, replacement: string): Buffer {
  const at = bytes.indexOf(Buffer.from(search, "hex"));
  if (at < 0) {
    throw new Error(`${search} is not in the file`);
  }
  bytes.write(replacement, at, "hex");
  return bytes;
}
