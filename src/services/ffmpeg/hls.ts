import { open, rm, stat } from "node:fs/promises";
import { MediaError } from "../MediaError";
import { readFragments } from "./fragments";
import type { FfmpegTools } from "./locate";
import { secondsOf, type HlsTrack } from "./playlists";
import { run, stream, type MediaTaskOptions } from "./process";
import {
  COPIED_AUDIO,
  COPIED_VIDEO,
  encodedAudio,
  encodedVideo,
  FRAGMENTED,
  FRAGMENTED_AUDIO,
  regularCuts,
  THREADS,
} from "./recipes";
import { chooseRenditions, type Rendition } from "./renditions";
import { findCuts } from "./repackaging";
import { framesPerSecond, inspectSource, type MediaSource } from "./source";
import { TrackWriter } from "./track-writer";

/** Everything decided about a video's HLS before any of it is made. Plain data, to be kept. */
export interface HlsPlan {
  source: MediaSource;
  /** Smallest first. */
  renditions: Rendition[];
  /** Whether the sound is kept as it is or encoded; null for a silent video. */
  audio: "copy" | "encode" | null;
  /** Seconds at which the segments of every rendition begin, the first one being 0. */
  cuts: number[];
}

export interface HlsTaskOptions extends MediaTaskOptions {
  /** Told how much is done, from 0 to 1 and never less than before. */
  onProgress?: (part: number) => void;
}

/** Seconds by which an output may differ from its source in length. */
const MAX_DIFFERENCE = 1;
/** Pixels a second, read and written, that the slowest machine encodes. */
const LEAST_SPEED = 20e6;
const MIN_TIMEOUT = 2 * 60_000;
const MAX_TIMEOUT = 12 * 60 * 60_000;
const MIN_MEMORY = 2 * 1024 ** 3;
const MAX_MEMORY = 6 * 1024 ** 3;
/** Bytes of address space for each pixel of a frame, read or written: some forty frames. */
const MEMORY_PER_PIXEL = 100;
const PROBE_TIMEOUT = 60_000;
const PROBE_OUTPUT = 64 * 1024;

/**
 * Examines a video, which must stand alone in a folder of its own, and decides which renditions it
 * gets. Reads the whole file twice. Throws like `probeVideo`.
 */
export async function planHls(
  tools: FfmpegTools,
  file: string,
  options: MediaTaskOptions = {},
): Promise<HlsPlan> {
  const source = await inspectSource(tools, file, options);
  const renditions = chooseRenditions(source);
  const top = renditions.pop()!;
  const ownCuts = await findCuts(tools, file, source, top, options);
  return {
    source,
    renditions: [...renditions, ownCuts ? asCopy(top, source) : top],
    audio: source.isPlayableAudio === null ? null : source.isPlayableAudio ? "copy" : "encode",
    cuts: ownCuts ?? regularCuts(source),
  };
}

function asCopy(rendition: Rendition, { width, height }: MediaSource): Rendition {
  return { ...rendition, width, height, isCopy: true };
}

/**
 * Makes one rendition of the plan: a fragmented MP4 at the path `output`, which must not exist yet.
 * It is removed again when anything fails; until the call resolves, it does not count. Throws
 * MediaError MEDIA_UNREADABLE or MEDIA_TOO_COMPLEX, FfmpegError, or the file system's own error,
 * such as ENOSPC.
 */
export function makeVideoTrack(
  tools: FfmpegTools,
  file: string,
  plan: HlsPlan,
  rendition: Rendition,
  output: string,
  options: HlsTaskOptions = {},
): Promise<HlsTrack> {
  const { source, cuts } = plan;
  return makeTrack(tools, file, source, output, options, {
    outputOptions: rendition.isCopy
      ? [...COPIED_VIDEO, ...FRAGMENTED]
      : [...encodedVideo(source, rendition, cuts), ...FRAGMENTED],
    cuts,
    bitrate: rendition.isCopy ? null : rendition.maxBitrate,
    ...bounds(source, rendition),
    expected: `h264,${rendition.width},${rendition.height}`,
  });
}

/** Makes the sound of the plan, which all renditions share; otherwise like `makeVideoTrack`. */
export function makeAudioTrack(
  tools: FfmpegTools,
  file: string,
  plan: HlsPlan,
  output: string,
  options: HlsTaskOptions = {},
): Promise<HlsTrack> {
  const { source, audio } = plan;
  const recipe = audio === "copy" ? COPIED_AUDIO : encodedAudio(source);
  return makeTrack(tools, file, source, output, options, {
    outputOptions: [...recipe, ...FRAGMENTED_AUDIO],
    cuts: null,
    bitrate: AUDIO_LIMIT,
    timeout: Math.min(MAX_TIMEOUT, MIN_TIMEOUT + 200 * source.duration),
    memory: MIN_MEMORY,
    expected: "aac,48000,2",
  });
}

/** Bits a second that no sound of ours exceeds. */
const AUDIO_LIMIT = 400_000;

/** What differs between pictures and sound. */
interface Recipe {
  outputOptions: readonly string[];
  cuts: readonly number[] | null;
  /** Bits a second at most; null when the source's own size is the measure. */
  bitrate: number | null;
  timeout: number;
  memory: number;
  /** What ffprobe says of the stream. */
  expected: string;
}

async function makeTrack(
  tools: FfmpegTools,
  file: string,
  source: MediaSource,
  output: string,
  options: HlsTaskOptions,
  recipe: Recipe,
): Promise<HlsTrack> {
  const maxBytes = await bytesFor(file, source, recipe.bitrate);
  const target = await open(output, "wx", 0o600);
  try {
    const writer = new TrackWriter(target, recipe.cuts, maxBytes);
    await convert(tools, file, source, options, recipe, writer);
    const track = writer.track();
    assertWhole(writer, track, source);
    await assertProbe(tools, output, recipe.expected, options);
    options.onProgress?.(1);
    return track;
  } catch (error) {
    await rm(output);
    throw error;
  } finally {
    await target.close();
  }
}

async function convert(
  tools: FfmpegTools,
  file: string,
  source: MediaSource,
  { onProgress, ...options }: HlsTaskOptions,
  { outputOptions, timeout, memory }: Recipe,
  writer: TrackWriter,
): Promise<void> {
  const task = {
    ...options,
    program: "ffmpeg",
    inputOptions: [
      ...["-f", source.demuxer, "-max_pixels", "50000000", "-threads", String(THREADS)],
    ],
    file,
    outputOptions,
    timeout,
    memory,
    threads: THREADS,
    onProgress: onProgress && rising(source.duration, onProgress),
  } as const;
  await stream(tools, task, (output) => readFragments(output, writer));
}

/** Seconds become parts; the whole is told only when it has been checked. */
function rising(duration: number, onProgress: (part: number) => void): (seconds: number) => void {
  let highest = 0;
  return (seconds) => {
    highest = Math.max(highest, Math.min(0.99, seconds / duration));
    onProgress(highest);
  };
}

/** In proportion to the work: how long, how large and how many frames; never without end. */
function bounds(source: MediaSource, { width, height, rate }: Rendition) {
  const written = width * height;
  const perSecond = source.storedPixels * source.storedRate + written * framesPerSecond(rate);
  const work = (1000 * source.duration * perSecond) / LEAST_SPEED;
  const memory = MIN_MEMORY + MEMORY_PER_PIXEL * (source.storedPixels + written);
  return {
    timeout: Math.ceil(Math.min(MAX_TIMEOUT, MIN_TIMEOUT + work)),
    memory: Math.ceil(Math.min(MAX_MEMORY, memory)),
  };
}

/** An encoder may miss its limit for a moment, and the boxes need room of their own. */
async function bytesFor(file: string, { duration }: MediaSource, bitrate: number | null) {
  const { size } = await stat(file);
  const expected = bitrate === null ? size : (bitrate * duration) / 8;
  return 1.5 * expected + 8 * 1024 ** 2;
}

function assertWhole(writer: TrackWriter, track: HlsTrack, { duration }: MediaSource): void {
  const seconds = secondsOf(track.segments);
  if (!writer.isIndependent() || Math.abs(seconds - duration) > MAX_DIFFERENCE) {
    throw unusable(`${seconds} of ${duration} seconds in ${track.segments.length} segments`);
  }
  const wanted = writer.cuts?.length ?? track.segments.length;
  if (track.segments.length !== wanted) {
    throw unusable(`${track.segments.length} of ${wanted} segments`);
  }
}

/** Has ffprobe read and decode the beginning of what was written, as a player does. */
async function assertProbe(
  tools: FfmpegTools,
  file: string,
  expected: string,
  { signal, isBackground }: MediaTaskOptions,
): Promise<void> {
  const entries = "stream=codec_name,width,height,sample_rate,channels:frame=key_frame";
  const output = await run(tools, {
    signal,
    isBackground,
    program: "ffprobe",
    inputOptions: [
      ...["-f", "mov", "-read_intervals", "%+#1", "-of", "csv=p=0", "-show_entries", entries],
    ],
    file,
    timeout: PROBE_TIMEOUT,
    maxOutput: PROBE_OUTPUT,
  });
  // Side data leave an empty field at the end of a line.
  const lines = output.toString("utf8").replace(/,+$/gm, "").trim().split("\n");
  if (!lines.includes(expected) || !lines.includes("1")) {
    throw unusable(lines.join(" "));
  }
}

function unusable(found: string): MediaError {
  const cause = new Error(`The output has ${found}`);
  return new MediaError("MEDIA_UNREADABLE", "The video cannot be converted", { cause });
}
