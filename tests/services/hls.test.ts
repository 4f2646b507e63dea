import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { locateFfmpeg, makeVideoTrack, planHls, type FfmpegTools } from "../../src/services/ffmpeg";
import { makeClip, type ClipOptions } from "../support/clips";
import { convert } from "../support/convert";

let packaged: FfmpegTools;
let folder: string;

beforeAll(async () => {
  packaged = await locateFfmpeg({ searchPath: "" });
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "hls-"));
});

afterEach(() => rm(folder, { recursive: true }));

const encodedClip = (options: ClipOptions) =>
  makeClip({ ...options, extra: ["-bf", "2", ...(options.extra ?? [])] });

describe("the HLS of a video", () => {
  it.each(["the ffmpeg that is found", "the packaged ffmpeg"])(
    "is valid with %s",
    async (which) => {
      const tools = which.includes("packaged") ? packaged : await locateFfmpeg();
      const clip = await encodedClip({
        seconds: 10,
        width: 534,
        height: 300,
        rate: 30,
        audio: true,
      });
      const { plan, variants, audio } = await convert(clip, tools);
      expect(plan).toMatchObject({ audio: "encode", cuts: [0, expect.closeTo(8.333, 2)] });
      expect(plan.renditions.map(({ name, isCopy }) => [name, isCopy])).toEqual([
        ["240p", false],
        ["300p", true],
      ]);
      expect(variants.map(({ track }) => track.packets)).toEqual([300, 300]);
      expect(variants.map(({ track }) => track.starts.at(-1))).toEqual([10, 10]);
      expect(audio).toMatchObject({ codec: "aac", profile: "LC", shownFrom: 0 });
      expect(audio?.shownUntil).toBeCloseTo(10, 1);
    },
  );

  it("begins its segments at the same key frames in every size", async () => {
    const extra = ["-pix_fmt", "yuv444p"];
    const clip = await makeClip({ seconds: 9.5, width: 640, height: 360, rate: 24, extra });
    const { plan, variants } = await convert(clip);
    expect(plan.renditions.map(({ name, isCopy }) => [name, isCopy])).toEqual([
      ["240p", false],
      ["360p", false],
    ]);
    expect(variants.map(({ track }) => track.starts)).toEqual([
      [0, 4, 8, 9.5],
      [0, 4, 8, 9.5],
    ]);
  });

  it("repackages without touching a byte of what browsers play already", async () => {
    const extra = ["-g", "50", "-ar", "48000", "-ac", "2"];
    const clip = await encodedClip({ seconds: 10, audio: true, extra });
    const { plan, out, variants } = await convert(clip);
    expect(plan).toMatchObject({ audio: "copy", cuts: [0, 4, 8], renditions: [{ isCopy: true }] });
    expect(variants[0]?.track.starts).toEqual([0, 4, 8, 10]);
    expect(await packets(join(out, "48p.mp4"), "v")).toEqual(await packets(clip, "v"));
    // The codec's setup comes first, then the priming, which lies before the time 0.
    const sound = await packets(clip, "a");
    expect(await packets(join(out, "audio.mp4"), "a")).toEqual(sound.toSpliced(1, 1));
  });

  /** Checksums of the packets, in their order. */
  async function packets(file: string, type: "v" | "a"): Promise<string[]> {
    const args = ["-v", "error", "-i", file, "-map", `0:${type}`, "-c", "copy", "-f", "framemd5"];
    const { stdout } = await promisify(execFile)(packaged.ffmpeg, [...args, "-"]);
    return stdout.split("\n").flatMap((line) => /[0-9a-f]{32}/.exec(line)?.[0] ?? []);
  }

  it("holds nothing but pictures and sound", async () => {
    const words = join(folder, "words.srt");
    await writeFile(words, "1\n00:00:00,000 --> 00:00:01,000\nCANARY\n");
    const names = ["title", "artist", "comment", "location"].flatMap((name) => [
      "-metadata",
      `${name}=CANARY`,
    ]);
    const extra = [
      "-metadata:s:v",
      "handler_name=CANARY",
      "-metadata:s:a",
      "title=CANARY",
      ...names,
    ];
    const plain = await makeClip({ audio: true, container: "mkv", extra });
    const clip = join(folder, "named.mkv");
    await promisify(execFile)(packaged.ffmpeg, [
      ...["-nostdin", "-v", "error", "-i", plain, "-i", words, "-map", "0", "-map", "1"],
      ...["-c", "copy", "-c:s", "srt", clip],
    ]);
    expect(String(await readFile(clip))).toContain("CANARY");
    await rm(words);
    const { out } = await convert(clip);
    for (const name of await readdir(out)) {
      expect((await readFile(join(out, name))).includes("CANARY")).toBe(false);
    }
  });

  it("takes the video beside a cover picture", async () => {
    const cover = join(folder, "cover.png");
    const clip = join(folder, "covered.mp4");
    const still = ["-f", "lavfi", "-i", "color=red:s=300x300", "-frames:v", "1", cover];
    await promisify(execFile)(packaged.ffmpeg, ["-nostdin", "-v", "error", ...still]);
    await promisify(execFile)(packaged.ffmpeg, [
      ...["-nostdin", "-v", "error", "-i", cover, "-i", await makeClip()],
      ...["-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic", clip],
    ]);
    await rm(cover);
    expect((await convert(clip)).variants[0]?.track).toMatchObject({ width: 64, packets: 25 });
  });

  it("tells how far it is, in order and up to the whole", async () => {
    const clip = await makeClip({
      width: 320,
      height: 240,
      seconds: 8,
      extra: ["-pix_fmt", "yuv444p"],
    });
    const plan = await planHls(packaged, clip);
    const parts: number[] = [];
    const onProgress = (part: number) => void parts.push(part);
    await makeVideoTrack(packaged, clip, plan, plan.renditions[0]!, join(folder, "x.mp4"), {
      onProgress,
    });
    expect(parts.length).toBeGreaterThan(1);
    expect(parts).toEqual([...parts].sort((a, b) => a - b));
    expect(parts.at(-1)).toBe(1);
    expect(parts.filter((part) => part < 0 || part > 1)).toEqual([]);
  });
});
