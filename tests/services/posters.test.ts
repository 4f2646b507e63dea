import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { locateFfmpeg, makePosters, type FfmpegTools } from "../../src/services/ffmpeg";
import { inspectSource } from "../../src/services/ffmpeg/source";
import { makeClip, type ClipOptions } from "../support/clips";

let packaged: FfmpegTools;
let folder: string;

beforeAll(async () => {
  packaged = await locateFfmpeg({ searchPath: "" });
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "posters-"));
});

afterEach(() => rm(folder, { recursive: true }));

/** Sizes of the posters, WebP and JPEG alike. */
async function sizesOf(options: ClipOptions, tools = packaged): Promise<string[]> {
  const file = await makeClip(options);
  const source = await inspectSource(tools, file, {});
  const posters = await makePosters(tools, file, source, folder);
  const sizes = await Promise.all(
    posters.map(async (poster) => {
      const path = join(folder, poster.name);
      const { width, height, format, exif } = await sharp(await readFile(path)).metadata();
      expect(poster).toMatchObject({ width, height, format, size: (await stat(path)).size });
      expect(exif).toBeUndefined();
      return `${format} ${width}x${height}`;
    }),
  );
  expect(await readdir(folder)).toEqual(posters.map(({ name }) => name).sort());
  return sizes;
}

describe("the posters of a video", () => {
  const both = (...sizes: string[]) => sizes.flatMap((size) => [`webp ${size}`, `jpeg ${size}`]);

  it.each(["the ffmpeg that is found", "the packaged ffmpeg"])("are six with %s", async (which) => {
    const tools = which.includes("packaged") ? packaged : await locateFfmpeg();
    const options = { width: 1920, height: 1080, seconds: 0.2 };
    expect(await sizesOf(options, tools)).toEqual(both("320x180", "640x360", "1280x720"));
  });

  it.each<[string, ClipOptions, string[]]>([
    ["a video of 480 pixels", { width: 480, height: 360 }, ["320x240", "480x360"]],
    ["a small video", {}, ["64x48"]],
    ["a turned video", { rotate: 90 }, ["48x64"]],
    ["a single frame", { seconds: 0.04 }, ["64x48"]],
  ])("are never larger than %s", async (_name, options, sizes) => {
    expect(await sizesOf(options)).toEqual(both(...sizes));
  });
});
