import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { locateFfmpeg, makeStoryboard, type FfmpegTools } from "../../src/services/ffmpeg";
import { inspectSource } from "../../src/services/ffmpeg/source";
import { makeClip, type ClipOptions } from "../support/clips";

let packaged: FfmpegTools;
let folder: string;

beforeAll(async () => {
  packaged = await locateFfmpeg({ searchPath: "" });
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "storyboard-"));
});

afterEach(() => rm(folder, { recursive: true }));

const output = () => ({
  sprite: join(folder, "storyboard.jpg"),
  index: join(folder, "storyboard.vtt"),
  spriteName: "0123abcd.jpg",
});

interface Cue {
  start: number;
  end: number;
  place: { left: number; top: number; width: number; height: number };
}

/** Makes a storyboard and reads its index as a player does. */
async function boardOf(file: string, tools = packaged) {
  const source = await inspectSource(tools, file, {});
  const told = await makeStoryboard(tools, file, source, output());
  const sprite = await readFile(join(folder, "storyboard.jpg"));
  const { width, height, format } = await sharp(sprite).metadata();
  expect({ width, height, format }).toEqual({
    width: told.width,
    height: told.height,
    format: "jpeg",
  });
  const [head, ...blocks] = (await readFile(join(folder, "storyboard.vtt"), "utf8"))
    .trim()
    .split("\n\n");
  expect(head).toBe("WEBVTT");
  const cues = blocks.map(readCue);
  expect(cues).toHaveLength(told.tiles);
  for (const { place } of cues) {
    expect(place.left + place.width).toBeLessThanOrEqual(width);
    expect(place.top + place.height).toBeLessThanOrEqual(height);
  }
  expect(cues.slice(1).map(({ start }) => start)).toEqual(cues.slice(0, -1).map(({ end }) => end));
  const colour = async ({ place }: Cue) => {
    const { channels } = await sharp(await sharp(sprite).extract(place).toBuffer()).stats();
    return channels.map(({ mean }) => Math.round(mean));
  };
  return { cues, colour };
}

function readCue(block: string): Cue {
  const time = String.raw`(\d\d):([0-5]\d):([0-5]\d\.\d{3})`;
  const pattern = new RegExp(
    `^${time} --> ${time}\\n0123abcd\\.jpg#xywh=(\\d+),(\\d+),(\\d+),(\\d+)$`,
  );
  const found = pattern.exec(block)?.slice(1).map(Number);
  if (!found) {
    throw new Error(`not a cue: ${block}`);
  }
  const [h1, m1, s1, h2, m2, s2, left, top, width, height] = found as [
    ...[number, number, number, number, number],
    ...[number, number, number, number, number],
  ];
  const seconds = (h: number, m: number, s: number) => 3600 * h + 60 * m + s;
  const place = { left, top, width, height };
  return { start: seconds(h1, m1, s1), end: seconds(h2, m2, s2), place };
}

/** Black, growing red over the length of the clip. */
const growing = (seconds: number) => [
  ...["-vf", `geq=r='255*T/${seconds}':g=0:b=0,format=yuv420p`],
];

describe("the storyboard of a video", () => {
  it.each(["the ffmpeg that is found", "the packaged ffmpeg"])(
    "has a picture for each second with %s",
    async (which) => {
      const tools = which.includes("packaged") ? packaged : await locateFfmpeg();
      const extra = growing(12);
      const clip = await makeClip({ seconds: 12, width: 320, height: 180, rate: 5, extra });
      const { cues, colour } = await boardOf(clip, tools);
      expect(cues).toHaveLength(12);
      expect(cues[11]).toEqual({
        start: 11,
        end: 12,
        place: { left: 160, top: 90, width: 160, height: 90 },
      });
      const reds = await Promise.all(cues.map(async (cue) => (await colour(cue))[0]!));
      reds.forEach((red, second) => expect(Math.abs(red - (255 * second) / 12)).toBeLessThan(12));
    },
  );

  it("has at most a hundred pictures of a long one, found by seeking", async () => {
    const extra = [...growing(400), "-g", "4"];
    const clip = await makeClip({ seconds: 400, rate: 1, extra });
    const { cues, colour } = await boardOf(clip);
    expect(cues).toHaveLength(100);
    expect(cues.at(-1)?.end).toBe(400);
    const reds = await Promise.all(cues.map(async (cue) => (await colour(cue))[0]!));
    reds.forEach((red, tile) => expect(Math.abs(red - 2.55 * tile)).toBeLessThan(12));
  });

  it.each<[string, ClipOptions, number, number, number]>([
    ["a single frame", { seconds: 0.04 }, 1, 64, 48],
    ["0.2 seconds", { seconds: 0.2 }, 1, 64, 48],
    ["a turned picture", { rotate: 90, width: 640, height: 360 }, 1, 160, 284],
    ["oblong pixels", { extra: ["-aspect", "8:3"] }, 1, 128, 48],
    ["sound that goes on", { audio: true, extra: ["-af", "apad=whole_len=132300"] }, 3, 64, 48],
    ["one frame in ten seconds", { seconds: 20, rate: 0.1 }, 20, 64, 48],
  ])("shows %s", async (_name, options, tiles, width, height) => {
    const { cues } = await boardOf(await makeClip(options));
    expect(cues).toHaveLength(tiles);
    expect(cues[0]?.place).toEqual({ left: 0, top: 0, width, height });
  });

  it("stays small", async () => {
    await boardOf(await makeClip({ seconds: 20, width: 320, height: 180, rate: 5 }));
    expect((await stat(join(folder, "storyboard.jpg"))).size).toBeLessThan(200_000);
  });
});
