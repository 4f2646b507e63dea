import type { Demuxer } from "./completeness";
import type { FfmpegTools } from "./locate";
import { examineVideo, rotationOf, type ProbeStream, type UsedStreams } from "./probe";
import type { MediaTaskOptions } from "./process";

/** Frames a second, exactly: 30000/1001 has no decimal form. */
export interface FrameRate {
  numerator: number;
  denominator: number;
}

/** What has to be known of an uploaded video before outputs are made of it. Plain data. */
export interface MediaSource {
  demuxer: Demuxer;
  /** Seconds from the beginning of the first stream to the end of the last one. */
  duration: number;
  /** Pixels as shown: upright and square. */
  width: number;
  height: number;
  /** Pixels of a frame as it is stored. */
  storedPixels: number;
  /** The constant rate of the outputs: the source's own up to 60. */
  rate: FrameRate;
  /** Frames a second to be decoded. */
  storedRate: number;
  isHdr: boolean;
  isInterlaced: boolean;
  /** Whether browsers play the stream as it is, by what its header says. */
  isPlayableVideo: boolean;
  /** Null when there is no sound. */
  isPlayableAudio: boolean | null;
  isMono: boolean;
}

const MAX_RATE = 60;
/** A still picture a second is the least that a player can seek in. */
const MIN_RATE = 1;
/** Frames written for each that is stored, on average: else a few kilobytes make work for hours. */
const MAX_REPEATS = 8;
const STANDARD_RATES: readonly FrameRate[] = [
  { numerator: 24000, denominator: 1001 },
  { numerator: 24, denominator: 1 },
  { numerator: 25, denominator: 1 },
  { numerator: 30000, denominator: 1001 },
  { numerator: 30, denominator: 1 },
  { numerator: 48, denominator: 1 },
  { numerator: 50, denominator: 1 },
  { numerator: 60000, denominator: 1001 },
  { numerator: 60, denominator: 1 },
];
/** PQ and HLG of ITU-R BT.2100. */
const HDR_TRANSFERS = ["smpte2084", "arib-std-b67"];
/** Of H.264; the others have more colours or bits than browsers decode. */
const PLAYABLE_PROFILES = ["Constrained Baseline", "Baseline", "Main", "High"];
const MAX_PLAYABLE_LEVEL = 51;
/** Bits a second of sound that is worth keeping. */
const MAX_AUDIO_BITRATE = 330_000;
/** Seconds by which a stream may begin late or end early and still be used as it is. */
const TOLERANCE = 0.1;
const END_TOLERANCE = 0.5;

/** Examines a video for outputs to be made of it. Throws like `probeVideo`. */
export async function inspectSource(
  tools: FfmpegTools,
  file: string,
  options: MediaTaskOptions,
): Promise<MediaSource> {
  const { streams, seconds, frames, ...told } = await examineVideo(tools, file, options);
  const { video, audio, demuxer, start } = streams;
  // Some headers count from zero though the first stream begins later.
  const isFromZero = start > 0 && told.duration - seconds > 0.9 * start;
  const duration = isFromZero ? told.duration - start : told.duration;
  const average = frames / duration;
  return {
    demuxer,
    duration,
    ...shownSize(video),
    storedPixels: video.width * video.height,
    rate: outputRate(average, ratio(video.r_frame_rate) ?? average),
    storedRate: average,
    isHdr: HDR_TRANSFERS.includes(video.color_transfer ?? ""),
    isInterlaced: ["tt", "bb", "tb", "bt"].includes(video.field_order ?? ""),
    isPlayableVideo: isPlayableVideo(streams),
    isPlayableAudio: audio && isPlayableAudio(audio, start, duration),
    isMono: audio?.channels === 1,
  };
}

/** A rate as a number. */
export function framesPerSecond({ numerator, denominator }: FrameRate): number {
  return numerator / denominator;
}

/**
 * `least` is the lowest rate at which every frame has a place of its own, so that irregular frames
 * stay smooth at it; over the limit it may be no more than the ticks of the file's clock.
 */
function outputRate(average: number, least: number): FrameRate {
  const isClock = least > 1.01 * MAX_RATE && least > 1.5 * average;
  const limit = Math.min(1.01 * MAX_RATE, Math.max(MIN_RATE, MAX_REPEATS * average));
  let rate = isClock ? average : least;
  while (rate > limit) {
    rate /= 2;
  }
  const wanted = Math.max(MIN_RATE, rate);
  const distance = (other: FrameRate) => Math.abs(framesPerSecond(other) / wanted - 1);
  const nearest = STANDARD_RATES.reduce((a, b) => (distance(b) < distance(a) ? b : a));
  return distance(nearest) < 0.01
    ? nearest
    : { numerator: Math.round(wanted * 1000), denominator: 1000 };
}

function shownSize(video: UsedStreams["video"]): { width: number; height: number } {
  const stretched = Math.max(1, Math.round(video.width * (ratio(video.sample_aspect_ratio) ?? 1)));
  const isTurned = Math.abs(Math.round(rotationOf(video) / 90)) % 2 === 1;
  return isTurned
    ? { width: video.height, height: stretched }
    : { width: stretched, height: video.height };
}

function isPlayableVideo({ video, start }: UsedStreams): boolean {
  return (
    video.codec_name === "h264" &&
    PLAYABLE_PROFILES.includes(video.profile ?? "") &&
    (video.level ?? Infinity) <= MAX_PLAYABLE_LEVEL &&
    ["yuv420p", "yuvj420p"].includes(video.pix_fmt ?? "") &&
    ["progressive", "unknown", undefined].includes(video.field_order) &&
    video.width % 2 === 0 &&
    video.height % 2 === 0 &&
    (ratio(video.sample_aspect_ratio) ?? 1) === 1 &&
    rotationOf(video) === 0 &&
    Number(video.start_time ?? 0) - start < TOLERANCE
  );
}

function isPlayableAudio(audio: ProbeStream, start: number, duration: number): boolean {
  return (
    audio.codec_name === "aac" &&
    audio.profile === "LC" &&
    audio.sample_rate === "48000" &&
    audio.channels === 2 &&
    Number(audio.bit_rate ?? Infinity) <= MAX_AUDIO_BITRATE &&
    Number(audio.start_time ?? 0) - start < TOLERANCE &&
    Math.abs(Number(audio.duration ?? 0) - duration) < END_TOLERANCE
  );
}

/** `30000/1001` and `4:3` as numbers; null for the unknown, which ffprobe calls `0/0` or `0:1`. */
function ratio(text: string | undefined): number | null {
  const [numerator, denominator] = (text ?? "").split(/[/:]/).map(Number);
  return numerator && denominator ? numerator / denominator : null;
}
