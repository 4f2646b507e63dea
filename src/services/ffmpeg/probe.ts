import { MediaError } from "../MediaError";
import { detectVideoType } from "../media-type";
import { assertComplete, type Demuxer } from "./completeness";
import type { FfmpegTools } from "./locate";
import { run, type MediaTaskOptions } from "./process";

/** What a video really is, whatever its name or sender say. */
export interface VideoInfo {
  /** Seconds. */
  duration: number;
  /** Pixels as shown, that is after rotation. */
  width: number;
  height: number;
  /** ffmpeg's names, such as `h264` and `aac`. */
  videoCodec: string;
  audioCodec: string | null;
  /** The file's extension by content: `mp4`, `m4v`, `mov`, `webm` or `mkv`. */
  container: string;
}

/** What the file's header says. */
export interface VideoHeader extends Omit<VideoInfo, "duration"> {
  demuxer: Demuxer;
  /** Seconds; null when the header does not say, as in a recording made by a browser. */
  duration: number | null;
}

interface ProbeStream {
  codec_type?: string;
  codec_name?: string;
  width?: number;
  height?: number;
  disposition?: { attached_pic?: number };
  tags?: { rotate?: string };
  side_data_list?: { rotation?: number }[];
}

interface ProbeReport {
  streams?: ProbeStream[];
  format?: { duration?: string };
}

const MAX_SECONDS = 12 * 60 * 60;
const MAX_PIXELS = 50_000_000;
/** Sound in many languages and as many subtitles; ffmpeg buffers for each of them. */
const MAX_STREAMS = 100;
const HEADER_TIMEOUT = 20_000;
const MEASURE_TIMEOUT = 120_000;
const MAX_OUTPUT = 1024 ** 2;
const ENTRIES = [
  "format=duration",
  "stream=codec_type,codec_name,width,height",
  "stream_disposition=attached_pic",
  "stream_tags=rotate",
  "stream_side_data=rotation",
].join(":");

/**
 * Examines a video file, which must stand alone in a folder of its own. Nothing is decoded, but
 * the whole file is read once, because only its packets tell how long it really is.
 * Throws MediaError: MEDIA_EMPTY, MEDIA_UNSUPPORTED, MEDIA_UNREADABLE, MEDIA_INCOMPLETE,
 * MEDIA_NO_VIDEO, MEDIA_NO_DURATION, MEDIA_TOO_LONG (over 12 hours), MEDIA_TOO_LARGE (over 50
 * megapixels) or MEDIA_TOO_COMPLEX (over the limits of time and memory); FfmpegError when the
 * programs themselves fail.
 */
export async function probeVideo(
  tools: FfmpegTools,
  file: string,
  options: MediaTaskOptions = {},
): Promise<VideoInfo> {
  const isProven = await assertComplete(file, (await identify(file)).demuxer);
  const { demuxer, duration: declared, ...info } = await readHeader(tools, file, options);
  const measured = await measure(tools, file, demuxer, options);
  if (!isProven && declared !== null && isShortOf(declared, measured)) {
    throw new MediaError("MEDIA_INCOMPLETE", "A part of the video is missing");
  }
  return { ...info, duration: trueDuration(declared, measured) };
}

/** Reads what the header says and refuses what it already shows to be unusable. */
export async function readHeader(
  tools: FfmpegTools,
  file: string,
  options: MediaTaskOptions,
): Promise<VideoHeader> {
  const { container, demuxer } = await identify(file);
  const output = await run(tools, {
    ...options,
    program: "ffprobe",
    inputOptions: ["-f", demuxer, "-print_format", "json", "-show_entries", ENTRIES],
    file,
    timeout: HEADER_TIMEOUT,
    maxOutput: MAX_OUTPUT,
  });
  const report = JSON.parse(output.toString("utf8")) as ProbeReport;
  const declared = Number(report.format?.duration ?? 0);
  assertLength(declared);
  const duration = declared > 0 ? declared : null;
  return { ...describeStreams(report.streams ?? []), container, demuxer, duration };
}

/** The demuxer is always named, so that ffmpeg never chooses one by name or content. */
async function identify(file: string): Promise<{ container: string; demuxer: Demuxer }> {
  const { extension } = await detectVideoType(file);
  const isMatroska = extension === "webm" || extension === "mkv";
  return { container: extension, demuxer: isMatroska ? "matroska" : "mov" };
}

function describeStreams(streams: ProbeStream[]) {
  if (streams.length > MAX_STREAMS) {
    throw new MediaError("MEDIA_TOO_COMPLEX", "The video consists of too many streams");
  }
  const video = streams.find(isVideo);
  const audio = streams.find((stream) => stream.codec_type === "audio");
  if (!video?.codec_name || !video.width || !video.height) {
    throw new MediaError("MEDIA_NO_VIDEO", "The file contains no video");
  }
  if (video.width * video.height > MAX_PIXELS) {
    throw new MediaError("MEDIA_TOO_LARGE", "The video has more than 50 megapixels");
  }
  const [width, height] = isTurned(video)
    ? [video.height, video.width]
    : [video.width, video.height];
  return { width, height, videoCodec: video.codec_name, audioCodec: audio?.codec_name ?? null };
}

/** A cover picture counts as a video stream for ffprobe, not for us. */
function isVideo(stream: ProbeStream): boolean {
  return stream.codec_type === "video" && stream.disposition?.attached_pic !== 1;
}

/** Older versions tell the rotation as a tag, newer ones as side data. */
function isTurned(stream: ProbeStream): boolean {
  const sideData = stream.side_data_list?.find((data) => data.rotation !== undefined);
  const degrees = sideData?.rotation ?? Number(stream.tags?.rotate ?? 0);
  return Math.abs(Math.round(degrees / 90)) % 2 === 1;
}

/** What a run over all packets has found. */
interface Measure {
  /** From the first packet to the beginning or the end of the last one. */
  seconds: number;
  /** Frames of video. */
  frames: number;
}

async function measure(
  tools: FfmpegTools,
  file: string,
  demuxer: Demuxer,
  options: MediaTaskOptions,
): Promise<Measure> {
  const output = await run(tools, {
    ...options,
    program: "ffmpeg",
    inputOptions: ["-f", demuxer],
    file,
    outputOptions: [
      ...["-map", "0:V:0", "-map", "0:a?", "-c", "copy", "-f", "null"],
      ...["-nostats", "-progress", "pipe:1", "-"],
    ],
    timeout: MEASURE_TIMEOUT,
    maxOutput: MAX_OUTPUT,
  });
  const progress = output.toString("utf8");
  return { seconds: lastOf(progress, "out_time_us") / 1e6, frames: lastOf(progress, "frame") };
}

/** ffmpeg reports again and again; the last value counts. */
function lastOf(progress: string, name: string): number {
  const values = [...progress.matchAll(new RegExp(`^${name}=(\\d+)$`, "gm"))];
  return Number(values.at(-1)?.[1] ?? 0);
}

/** Headers round, the last frame may last, and a first one may be late; a tenth is beyond that. */
function isShortOf(declared: number, { seconds, frames }: Measure): boolean {
  return seconds + declared / Math.max(1, frames) < 0.9 * declared - 0.5;
}

/** The header's word, unless the packets go on for longer than it says. */
function trueDuration(declared: number | null, { seconds, frames }: Measure): number {
  const duration = declared !== null && seconds < 1.1 * declared + 0.5 ? declared : seconds;
  assertLength(duration);
  if (frames === 0 || duration <= 0) {
    throw new MediaError("MEDIA_NO_DURATION", "The video has no length");
  }
  return duration;
}

function assertLength(seconds: number): void {
  if (seconds > MAX_SECONDS) {
    throw new MediaError("MEDIA_TOO_LONG", "The video is longer than 12 hours");
  }
}
