import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { clipTools, makeClip, type ClipOptions } from "../support/clips";
import { convert } from "../support/convert";

/** A second of every frame, then every fifth only. */
const HALF_SLOW = "select='if(lt(t,1),1,not(mod(n,5)))'";
const CBR = ["-bufsize", "4M", "-x264-params", "nal-hrd=cbr:filler=1"];

const OPEN = ["-g", "26", "-sc_threshold", "0", "-x264-params", "open-gop=1:bframes=3:b-adapt=0"];

describe("the HLS of an unusual video", () => {
  it.each<[string, ClipOptions]>([
    ["key frames farther apart than 10 s", { seconds: 13, rate: 5, extra: ["-g", "999"] }],
    ["open groups of pictures", { seconds: 3, extra: OPEN }],
    ["more colours than 4:2:0", { extra: ["-pix_fmt", "yuv444p"] }],
    ["ten bits", { container: "mkv", extra: ["-c:v", "libx265", "-pix_fmt", "yuv420p10le"] }],
    ["a turned picture", { rotate: 90 }],
    ["oblong pixels", { extra: ["-aspect", "8:3"] }],
    ["interlaced lines", { extra: ["-flags", "+ildct+ilme", "-x264opts", "tff=1"] }],
    ["irregular frames", { seconds: 2, extra: ["-vf", HALF_SLOW, "-vsync", "vfr"] }],
    ["a level that few decoders take", { extra: ["-level", "6.2"] }],
    ["too many bits", { extra: ["-b:v", "4M", "-minrate", "4M", "-maxrate", "4M", ...CBR] }],
  ])("encodes anew what has %s", async (_name, options) => {
    const clip = await makeClip(options);
    const { variants, plan } = await convert(clip);
    expect(plan.renditions.map(({ isCopy }) => isCopy)).toEqual([false]);
    expect(variants[0]?.track).toMatchObject({ codec: "h264", pixelFormat: "yuv420p" });
    expect(variants[0]?.track.profile).toBe("High");
    const { seconds = 1 } = options;
    expect(variants[0]?.track.shownUntil).toBeCloseTo(seconds, 0);
  });

  it.each<[string, ClipOptions, number, number, number]>([
    ["a portrait", { width: 48, height: 64 }, 48, 64, 1],
    ["odd sizes", { width: 65, height: 49 }, 64, 48, 1],
    ["a turned picture", { rotate: 90 }, 48, 64, 1],
    ["oblong pixels", { extra: ["-aspect", "8:3"] }, 128, 48, 1],
    ["a single frame", { seconds: 0.04 }, 64, 48, 0.04],
    ["0.2 seconds", { seconds: 0.2, audio: true }, 64, 48, 0.2],
    ["a WebM", { container: "webm", audio: true }, 64, 48, 1],
    ["a QuickTime film", { container: "mov", audio: true }, 64, 48, 1],
    ["a late beginning", { container: "mkv", extra: ["-output_ts_offset", "5"] }, 64, 48, 1],
    ["one frame in ten seconds", { seconds: 20, rate: 0.1 }, 64, 48, 20],
  ])("shows %s", async (_name, options, width, height, seconds) => {
    const { variants, audio } = await convert(await makeClip(options));
    expect(variants[0]?.track).toMatchObject({ width, height });
    expect(variants[0]?.track.shownFrom).toBeCloseTo(0, 1);
    expect(Math.abs(variants[0]!.track.shownUntil - seconds)).toBeLessThan(0.1);
    expect(audio === null).toBe(!options.audio);
  });

  it.each([
    ["longer", "apad=whole_len=132300", 3],
    ["shorter", "atrim=end=0.3", 1],
  ])("keeps pictures and sound together when the sound is %s", async (_name, filter, seconds) => {
    const clip = await makeClip({ audio: true, extra: ["-af", filter] });
    const { variants, audio } = await convert(clip);
    expect(variants[0]?.track.shownUntil).toBeCloseTo(seconds, 1);
    expect(audio?.shownUntil).toBeCloseTo(seconds, 1);
  });

  it("leaves sound as loud and as early as it was", async () => {
    const clip = await makeClip({ audio: true, seconds: 2, extra: ["-ac", "1"] });
    const { out } = await convert(clip);
    expect(await volume(join(out, "audio.mp4"))).toBeCloseTo(await volume(clip), 0);
  });

  async function volume(file: string): Promise<number> {
    const args = ["-nostdin", "-i", file, "-map", "0:a", "-af", "volumedetect", "-f", "null", "-"];
    const { stderr } = await promisify(execFile)((await clipTools()).ffmpeg, args);
    return Number(/mean_volume: (\S+)/.exec(stderr)?.[1]);
  }
});
