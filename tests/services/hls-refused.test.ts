import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import {
  makeVideoTrack,
  planHls,
  type FfmpegTools,
  type HlsPlan,
  type HlsTaskOptions,
} from "../../src/services/ffmpeg";
import { makeClip, type ClipOptions } from "../support/clips";
import { convert, packagedTools } from "../support/convert";
import { seeded } from "../support/hostile";

let tools: FfmpegTools;
let folder: string;
let file: string;

const refused = (code: string) => expect.objectContaining({ name: "MediaError", code });

beforeAll(async () => {
  tools = await packagedTools();
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "hls-"));
  file = join(folder, "upload.mp4");
});

afterEach(() => rm(folder, { recursive: true }));

describe("what cannot become HLS", () => {
  const picture = () =>
    sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } }).png();

  it.each<[string, () => Promise<Buffer> | string, string]>([
    ["no bytes", () => "", "MEDIA_EMPTY"],
    ["a text", () => "hello", "MEDIA_UNSUPPORTED"],
    ["a picture", () => picture().toBuffer(), "MEDIA_UNSUPPORTED"],
    ["sound alone", async () => readFile(await makeClip(SOUND)), "MEDIA_NO_VIDEO"],
  ])("is refused when an .mp4 holds %s", async (_name, content, code) => {
    await writeFile(file, await content());
    await expect(planHls(tools, file)).rejects.toEqual(refused(code));
  });

  const SOUND = { video: false, audio: true };

  it.each([1, 10, 20, 30, 40, 50, 60, 70, 80, 90])("is refused as %d %% of it", async (part) => {
    const bytes = await readFile(await makeClip({ seconds: 3, audio: true, faststart: true }));
    await writeFile(file, bytes.subarray(0, (bytes.length * part) / 100));
    await expect(planHls(tools, file)).rejects.toEqual(refused("MEDIA_INCOMPLETE"));
  });

  it("is refused when it has a thousand streams", async () => {
    const maps = Array.from({ length: 1000 }, () => ["-map", "0:v"]).flat();
    const args = ["-nostdin", "-v", "error", "-i", await makeClip(), ...maps, "-c", "copy", file];
    await promisify(execFile)(tools.ffmpeg, args);
    await expect(planHls(tools, file)).rejects.toEqual(refused("MEDIA_TOO_COMPLEX"));
  });

  it("is played or refused, whichever bits of it are wrong", async () => {
    const random = seeded(20);
    const whole = await readFile(await makeClip({ seconds: 1, audio: true, faststart: true }));
    const outcomes = new Set<string>();
    for (let round = 0; round < 12; round += 1) {
      const bytes = Buffer.from(whole);
      for (let flip = 0; flip < 4; flip += 1) {
        const at = Math.floor(random() * bytes.length);
        bytes[at]! ^= 1 << Math.floor(random() * 8);
      }
      await writeFile(file, bytes);
      outcomes.add(await convert(file).then(() => "played", String));
    }
    for (const outcome of outcomes) {
      expect(outcome).toMatch(/^(played|MediaError: )/);
    }
  });

  it("leaves nothing behind and says why", async () => {
    const { clip, plan, out } = await planned();
    const long = { ...plan, source: { ...plan.source, duration: 9 } };
    await expect(make(clip, long, out)).rejects.toEqual(refused("MEDIA_UNREADABLE"));
    await expect(make(clip, { ...plan, cuts: [0, 0.5] }, out)).rejects.toMatchObject({
      cause: expect.objectContaining({ message: "The output has 1 of 2 segments" }),
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it("never takes the place of what is there already", async () => {
    const { clip, plan, out } = await planned();
    await writeFile(out, "mine");
    await expect(make(clip, plan, out)).rejects.toMatchObject({ code: "EEXIST" });
    expect(await readFile(out, "utf8")).toBe("mine");
  });

  it("is ended when the caller gives up", async () => {
    const { clip, plan, out } = await planned({ seconds: 60, width: 320, height: 240 });
    const caller = new AbortController();
    const reason = new Error("The server is stopping");
    const onProgress = () => caller.abort(reason);
    const [rung] = plan.renditions;
    const encoded = { ...plan, renditions: [{ ...rung!, isCopy: false }] };
    const made = make(clip, encoded, out, { signal: caller.signal, onProgress });
    await expect(made).rejects.toBe(reason);
    expect(await readdir(folder)).toEqual([]);
  });

  const planned = async (options: ClipOptions = {}) => {
    const clip = await makeClip(options);
    return { clip, plan: await planHls(tools, clip), out: join(folder, "out.mp4") };
  };
  const make = (clip: string, plan: HlsPlan, out: string, options: HlsTaskOptions = {}) =>
    makeVideoTrack(tools, clip, plan, plan.renditions[0]!, out, options);
});

describe("what is large though its file is small", () => {
  const grey = (filters: string) => ["-vf", `drawbox=t=fill:c=gray${filters}`];

  it("gets a ladder that decoders take when it is 8K", async () => {
    const { plan, variants } = await convert(
      await makeClip({ seconds: 1, rate: 2, width: 7680, height: 4320 }),
    );
    expect(plan.renditions.map(({ name }) => name)).toEqual(
      [240, 360, 480, 720, 1080, 1440, 2160].map((side) => `${side}p`),
    );
    expect(variants.at(-1)?.track).toMatchObject({ width: 3840, height: 2160, level: 51 });
  });

  it("becomes no more than a frame a second when it is ten hours of still pictures", async () => {
    const options = { seconds: 36_000, rate: 0.1, extra: grey("") };
    const { plan, variants } = await convert(await makeClip(options));
    expect(plan.source.rate).toEqual({ numerator: 1000, denominator: 1000 });
    expect(variants[0]?.track.shownUntil).toBeCloseTo(36_000, 0);
  });

  it("is not filled with frames because two of its own are close together", async () => {
    const times = ",settb=1/60,setpts='floor(N/2)*1200+mod(N,2)'";
    const clock = ["-vsync", "vfr", "-enc_time_base", "1:60", "-video_track_timescale", "60"];
    const options = { seconds: 3600, rate: 1, extra: [...grey(times), ...clock] };
    const { source } = await planHls(tools, await makeClip(options));
    expect(source.duration).toBeGreaterThan(35_000);
    expect(source.rate).toEqual({ numerator: 1000, denominator: 1000 });
  });
});
