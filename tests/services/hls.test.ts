import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  framesPerSecond,
  locateFfmpeg,
  makeAudioTrack,
  makeVideoTrack,
  masterPlaylist,
  measureTrack,
  mediaPlaylist,
  planHls,
  type FfmpegTools,
  type HlsPlan,
  type HlsTaskOptions,
  type HlsTrack,
  type MasterContents,
} from "../../src/services/ffmpeg";
import { stream } from "../../src/services/ffmpeg/process";
import { chooseRenditions } from "../../src/services/ffmpeg/renditions";
import type { MediaSource } from "../../src/services/ffmpeg/source";
import { makeClip, type ClipOptions } from "../support/clips";
import { playHls } from "../support/hls";
import { hostileFiles } from "../support/hostile-media";

let packaged: FfmpegTools;
let folder: string;

const refused = (code: string) => expect.objectContaining({ name: "MediaError", code });

beforeAll(async () => {
  packaged = await locateFfmpeg({ searchPath: "" });
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "hls-"));
});

afterEach(() => rm(folder, { recursive: true }));

/** Makes everything of a video and plays it. */
async function convert(file: string, tools = packaged) {
  const plan = await planHls(tools, file);
  const out = await mkdtemp(join(folder, "out-"));
  const keep = async (name: string, make: (output: string) => Promise<HlsTrack>) => {
    const track = await make(join(out, `${name}.mp4`));
    await writeFile(join(out, `${name}.m3u8`), mediaPlaylist(track, `${name}.mp4`));
    return { uri: `${name}.m3u8`, ...measureTrack(track) };
  };
  const renditions: MasterContents["renditions"] = [];
  for (const rendition of plan.renditions) {
    const { name, width, height, rate } = rendition;
    const kept = await keep(name, (output) => makeVideoTrack(tools, file, plan, rendition, output));
    renditions.push({ ...kept, width, height, frameRate: framesPerSecond(rate) });
  }
  const audio =
    plan.audio && (await keep("audio", (output) => makeAudioTrack(tools, file, plan, output)));
  const master = join(out, "master.m3u8");
  await writeFile(master, masterPlaylist({ renditions, audio, subtitles: [] }));
  return { plan, out, ...(await playHls(master)) };
}

/** A second of every frame, then every fifth only. */
const HALF_SLOW = "select='if(lt(t,1),1,not(mod(n,5)))'";
const CBR = ["-bufsize", "4M", "-x264-params", "nal-hrd=cbr:filler=1"];

const OPEN = ["-g", "26", "-sc_threshold", "0", "-x264-params", "open-gop=1:bframes=3:b-adapt=0"];

const encodedClip = (options: ClipOptions) =>
  makeClip({ ...options, extra: ["-bf", "2", ...(options.extra ?? [])] });

describe("the renditions of a source", () => {
  const source = (width: number, height: number, fps = 30): MediaSource => ({
    demuxer: "mov",
    duration: 10,
    width,
    height,
    storedPixels: width * height,
    rate: { numerator: fps, denominator: 1 },
    storedRate: fps,
    isHdr: false,
    isInterlaced: false,
    isPlayableVideo: false,
    isPlayableAudio: null,
    isMono: false,
  });
  const sizes = (width: number, height: number) =>
    chooseRenditions(source(width, height)).map((one) => `${one.width}x${one.height}`);

  it.each([
    [1920, 1080, ["426x240", "640x360", "854x480", "1280x720", "1920x1080"]],
    [1080, 1920, ["240x426", "360x640", "480x854", "720x1280", "1080x1920"]],
    [1920, 800, ["576x240", "864x360", "1152x480", "1920x800"]],
    [64, 48, ["64x48"]],
    [65, 49, ["64x48"]],
    [1, 1, ["2x2"]],
  ])("of %d by %d pixels are those of the ladder and its own", (width, height, expected) => {
    expect(sizes(width, height)).toEqual(expected);
  });

  it.each([
    [7680, 4320],
    [60_000, 2],
    [2, 60_000],
    [8000, 1000],
    [3, 3],
    [2560, 2560],
  ])("of %d by %d pixels are even, in order and what a decoder of level 5.2 takes", (w, h) => {
    const all = chooseRenditions(source(w, h, 60));
    expect(all.length).toBeGreaterThan(0);
    for (const { width, height, level } of all) {
      expect([width % 2, height % 2]).toEqual([0, 0]);
      expect(Math.ceil(width / 16) * Math.ceil(height / 16)).toBeLessThanOrEqual(36_864);
      expect(level).toBeLessThanOrEqual(52);
      expect(width).toBeLessThanOrEqual(Math.max(2, w));
      expect(height).toBeLessThanOrEqual(Math.max(2, h));
    }
    const pixels = all.map(({ width, height }) => width * height);
    expect(pixels).toEqual([...pixels].sort((a, b) => a - b));
  });

  it.each([
    [1920, 1080, 30, 40],
    [1920, 1080, 60, 42],
    [1280, 720, 30, 31],
    [3840, 2160, 30, 51],
    [3840, 2160, 60, 52],
    [640, 360, 30, 30],
  ])("have for %d by %d at %d the lowest level that H.264 allows", (width, height, fps, level) => {
    expect(chooseRenditions(source(width, height, fps)).at(-1)?.level).toBe(level);
  });
});

describe("HLS of a video", () => {
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
    ["longer", "apad=pad_dur=2", 3],
    ["shorter", "atrim=end=0.3", 1],
  ])("keeps pictures and sound together when the sound is %s", async (_name, filter, seconds) => {
    const clip = await makeClip({ audio: true, extra: ["-af", sound(filter)] });
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
    const { stderr } = await promisify(execFile)(packaged.ffmpeg, args);
    return Number(/mean_volume: (\S+)/.exec(stderr)?.[1]);
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

describe("a master playlist", () => {
  const track = {
    codecs: "avc1.640015",
    initSize: 800,
    segments: [
      { duration: 4, size: 1000 },
      { duration: 4, size: 4000 },
      { duration: 0.04, size: 9000 },
    ],
  };
  const rendition = { uri: "240p.m3u8", width: 426, height: 240, frameRate: 30000 / 1001 };
  const renditions = [{ ...rendition, ...measureTrack(track) }];

  it("tells the highest bit rate of segments as long as the target, and the average", () => {
    const text = masterPlaylist({ renditions, audio: null, subtitles: [] });
    const peak = Math.ceil((8 * 13_000) / 4.04);
    const average = Math.ceil((8 * 14_000) / 8.04);
    expect(text).toContain(`BANDWIDTH=${peak},AVERAGE-BANDWIDTH=${average},`);
    expect(text).toContain(`CODECS="avc1.640015",RESOLUTION=426x240,FRAME-RATE=29.970\n`);
  });

  it("lists subtitles for every size, whatever they are called", () => {
    const subtitles = [{ uri: "de.m3u8", language: "de", name: 'Deutsch "für\nalle"' }];
    const text = masterPlaylist({ renditions, audio: null, subtitles });
    expect(text).toContain(`NAME="Deutsch 'für'alle'",LANGUAGE="de"`);
    expect(text).toContain(`FRAME-RATE=29.970,SUBTITLES="subtitles"\n`);
  });
});

describe("what cannot become HLS", () => {
  it("is refused when it has a thousand streams", async () => {
    const plain = await makeClip();
    const file = join(folder, "many.mp4");
    const maps = Array.from({ length: 1000 }, () => ["-map", "0:v"]).flat();
    const args = ["-nostdin", "-v", "error", "-i", plain, ...maps, "-c", "copy", file];
    await promisify(execFile)(packaged.ffmpeg, args);
    await expect(planHls(packaged, file)).rejects.toEqual(refused("MEDIA_TOO_COMPLEX"));
  });

  it.each(Object.keys(hostileFiles("", "")))("is refused as %s", async (name) => {
    const file = join(folder, "upload.mp4");
    const own = await makeClip();
    await copyFile(own, join(folder, "neighbour.mp4"));
    const plan = await planHls(packaged, own);
    await writeFile(file, hostileFiles("127.0.0.1:9", folder)[name]!);
    await expect(planHls(packaged, file)).rejects.toEqual(refused("MEDIA_UNSUPPORTED"));
    const out = join(folder, "out.mp4");
    const [rendition] = plan.renditions;
    const rung = { ...rendition!, isCopy: false };
    for (const wanted of [rendition!, rung]) {
      const made = makeVideoTrack(packaged, file, plan, wanted, out);
      await expect(made).rejects.toEqual(refused("MEDIA_UNREADABLE"));
    }
    const made = makeAudioTrack(packaged, file, { ...plan, audio: "encode" }, out);
    await expect(made).rejects.toEqual(refused("MEDIA_UNREADABLE"));
    expect(await readdir(folder)).toEqual(["neighbour.mp4", "upload.mp4"]);
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
    return { clip, plan: await planHls(packaged, clip), out: join(folder, "out.mp4") };
  };
  const make = (clip: string, plan: HlsPlan, out: string, options: HlsTaskOptions = {}) =>
    makeVideoTrack(packaged, clip, plan, plan.renditions[0]!, out, options);
});

const onLinux = process.platform === "linux" ? describe : describe.skip;

onLinux("a long run", () => {
  /** Resolves with what the program writes to standard output, and tells it as it comes. */
  const start = async (body: string, options: object = {}, onText = (_text: string) => {}) => {
    const ffmpeg = join(folder, "fake");
    await writeFile(ffmpeg, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    const task = { program: "ffmpeg", inputOptions: [], file: join(folder, "x.mp4") } as const;
    const limits = { timeout: 20_000, threads: 3, memory: 3 * 1024 ** 3, isBackground: true };
    return stream({ ...packaged, ffmpeg }, { ...task, ...limits, ...options }, async (output) => {
      let text = "";
      for await (const chunk of output) {
        text += String(chunk);
        onText(text);
      }
      return text;
    });
  };

  it("has the lowest priority, bounds of its own, no input and may write no file", async () => {
    const seen = await start("nice; ulimit -v; ulimit -t; ulimit -f; readlink /proc/self/fd/0");
    expect(seen).toBe("19\n3145728\n60\n0\n/dev/null\n");
  });

  it("is ended with everything it has started", async () => {
    const caller = new AbortController();
    let pid = 0;
    const running = start("sleep 60 & echo $!; wait", { signal: caller.signal }, (text) => {
      pid = Number(text);
      caller.abort(new Error("enough"));
    });
    await expect(running).rejects.toThrow("enough");
    expect(pid).toBeGreaterThan(0);
    expect(await isAlive(pid)).toBe(false);
  });

  it("does not outlive the server, even one that is killed", async () => {
    expect(packaged.setpriv).not.toBeNull();
    const mark = join(folder, "child");
    const script = `
      const { spawn } = require("node:child_process");
      const child = spawn(${JSON.stringify(packaged.setpriv)},
        ["--pdeathsig", "KILL", "--", "sleep", "60"], { detached: true, stdio: "ignore" });
      require("node:fs").writeFileSync(${JSON.stringify(mark)}, String(child.pid));
      setTimeout(() => process.kill(process.pid, "SIGKILL"), 300);`;
    await promisify(execFile)(process.execPath, ["-e", script]).catch(() => undefined);
    expect(await isAlive(Number(await readFile(mark, "utf8")))).toBe(false);
  });

  async function isAlive(pid: number): Promise<boolean> {
    const state = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "gone Z");
    return !/ Z/.test(state);
  }
});

function sound(filter: string): string {
  return filter === "atrim=end=0.3" ? filter : "apad=whole_len=132300";
}
