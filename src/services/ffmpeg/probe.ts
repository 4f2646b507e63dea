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

/** What ffprobe says of a stream; a field it does not know is missing. */
export interface ProbeStream {
  codec_type?: string;
  codec_name?: string;
  profile?: string;
  level?: number;
  pix_fmt?: string;
  width?: number;
  height?: number;
  sample_aspect_ratio?: string;
  field_order?: string;
  color_transfer?: string;
  r_frame_rate?: string;
  avg_frame_rate?: string;
  start_time?: string;
  duration?: string;
  bit_rate?: string;
  sample_rate?: string;
  channels?: number;
  disposition?: { attached_pic?: number };
  tags?: { rotate?: string };
  side_data_list?: { rotation?: number }[];
}

interface ProbeReport {
  streams?: ProbeStream[];
  format?: { duration?: string; start_time?: string };
}

/** Which streams of a file are used, and what its header says about them. */
export interface UsedStreams {
  container: string;
  demuxer: Demuxer;
  /** Seconds; null when the header does not say. */
  duration: number | null;
  /** Seconds on the file's own clock at which its first stream begins. */
  start: number;
  video: ProbeStream & Required<Pick<ProbeStream, "codec_name" | "width" | "height">>;
  audio: ProbeStream | null;
}

const MAX_SECONDS = 12 * 60 * 60;
const MAX_PIXELS = 50_000_000;
/** Sound in many languages and as many subtitles; ffmpeg buffers for each of them. */
const MAX_STREAMS = 100;
const HEADER_TIMEOUT = 20_000;
const MEASURE_TIMEOUT = 120_000;
const MAX_OUTPUT = 1024 ** 2;
const ENTRIES = [
  "format=duration,start_time",
  "stream=codec_type,codec_name,profile,level,pix_fmt,width,height,sample_aspect_ratio",
  "stream=field_order,color_transfer,r_frame_rate,avg_frame_rate,start_time,duration,bit_rate",
  "stream=sample_rate,channels",
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
  const { streams, duration } = await examineVideo(tools, file, options);
  return { ...describe(streams), duration };
}

/** What `probeVideo` does, with everything it finds: also the streams and the number of frames. */
export async function examineVideo(
  tools: FfmpegTools,
  file: string,
  options: MediaTaskOptions,
): Promise<{ streams: UsedStreams; duration: number } & Measure> {
  const isProven = await assertComplete(file, (await identify(file)).demuxer);
  const streams = await readStreams(tools, file, options);
  const declared = streams.duration;
  const measured = await measure(tools, file, streams.demuxer, options);
  if (!isProven && declared !== null && isShortOf(declared, measured)) {
    throw new MediaError("MEDIA_INCOMPLETE", "A part of the video is missing");
  }
  return { streams, duration: trueDuration(declared, measured), ...measured };
}

/** Reads what the header says and refuses what it already shows to be unusable. */
export async function readHeader(
  tools: FfmpegTools,
  file: string,
  options: MediaTaskOptions,
): Promise<VideoHeader> {
  const streams = await readStreams(tools, file, options);
  return { ...describe(streams), demuxer: streams.demuxer, duration: streams.duration };
}

async function readStreams(
  tools: FfmpegTools,
  file: string,
  options: MediaTaskOptions,
): Promise<UsedStreams> {
  const { container, demuxer } = await identify(file);
  const output = await run(tools, {
    ...options,
    program: "ffprobe",
    inputOptions: ["-f", demuxer, "-print_format", "json", "-show_entries", ENTRIES],
    file,
    timeout: HEADER_TIMEOUT,
    maxOutput: MAX_OUTPUT,
  });
  const { streams = [], format } = JSON.parse(output.toString("utf8")) as ProbeReport;
  const declared = Number(format?.duration ?? 0);
  assertLength(declared);
  const duration = declared > 0 ? declared : null;
  return {
    ...choose(streams),
    container,
    demuxer,
    duration,
    start: Number(format?.start_time ?? 0),
  };
}

/** The demuxer is always named, so that ffmpeg never chooses one by name or content. */
async function identify(file: string): Promise<{ container: string; demuxer: Demuxer }> {
  const { extension } = await detectVideoType(file);
  const isMatroska = extension === "webm" || extension === "mkv";
  return { container: extension, demuxer: isMatroska ? "matroska" : "mov" };
}

function choose(streams: ProbeStream[]): Pick<UsedStreams, "video" | "audio"> {
  if (streams.length > MAX_STREAMS) {
    throw new MediaError("MEDIA_TOO_COMPLEX", "The video consists of too many streams");
  }
  const video = streams.find(isVideo);
  const audio = streams.find((stream) => stream.codec_type === "audio") ?? null;
  if (!video?.codec_name || !video.width || !video.height) {
    throw new MediaError("MEDIA_NO_VIDEO", "The file contains no video");
  }
  if (video.width * video.height > MAX_PIXELS) {
    throw new MediaError("MEDIA_TOO_LARGE", "The video has more than 50 megapixels");
  }
  return { video: video as UsedStreams["video"], audio };
}

function describe({ video, audio, container }: UsedStreams): Omit<VideoInfo, "duration"> {
  const isTurned = Math.abs(Math.round(rotationOf(video) / 90)) % 2 === 1;
  const [width, height] = isTurned ? [video.height, video.width] : [video.width, video.height];
  const audioCodec = audio?.codec_name ?? null;
  return { width, height, videoCodec: video.codec_name, audioCodec, container };
}

/** A cover picture counts as a video stream for ffprobe, not for us. */
function isVideo(stream: ProbeStream): boolean {
  return stream.codec_type === "video" && stream.disposition?.attached_pic !== 1;
}

/** Degrees. Older versions tell the rotation as a tag, newer ones as side data. */
export function rotationOf(stream: ProbeStream): number {
  const sideData = stream.side_data_list?.find((data) => data.rotation !== undefined);
  return sideData?.rotation ?? Number(stream.tags?.rotate ?? 0);
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
