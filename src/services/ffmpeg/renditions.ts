import { framesPerSecond, type FrameRate, type MediaSource } from "./source";

/** One size of the video for adaptive streaming. Plain data. */
export interface Rendition {
  /** The short side, such as `720p`. */
  name: string;
  /** Pixels as shown; even, as 4:2:0 colour needs it. */
  width: number;
  height: number;
  rate: FrameRate;
  /** Bits a second that the encoder keeps to at most, over any two seconds. */
  maxBitrate: number;
  /** Ten times the level of ITU-T H.264 annex A, such as 41. */
  level: number;
  /** Whether the source's own stream serves as it is, without a loss. */
  isCopy: boolean;
}

/** Short sides in pixels. */
const LADDER = [240, 360, 480, 720, 1080, 1440, 2160];
const MAX_SHORT_SIDE = 2160;
/** A step that saves less than this is not worth its encoding. */
const LEAST_STEP = 0.8;
/** Of a frame in 4K DCI, which is also what level 5.1 allows: decoders end there. */
const MAX_MACROBLOCKS = 36_864;
const MAX_LONG_SIDE = 8192;
/** Bits a second at 1080p, and how they grow with the pixels: large pictures hold less detail. */
const FULL_HD_BITRATE = 6_500_000;
const FULL_HD_PIXELS = 1920 * 1080;
const BITRATE_GROWTH = 0.8;
const MIN_BITRATE = 150_000;

/** ITU-T H.264 table A-1: level, macroblocks a second and a frame, kilobits a second in High profile. */
const LEVELS = [
  [10, 1_485, 99, 80],
  [11, 3_000, 396, 240],
  [12, 6_000, 396, 480],
  [13, 11_880, 396, 960],
  [20, 11_880, 396, 2_500],
  [21, 19_800, 792, 5_000],
  [22, 20_250, 1_620, 5_000],
  [30, 40_500, 1_620, 12_500],
  [31, 108_000, 3_600, 17_500],
  [32, 216_000, 5_120, 25_000],
  [40, 245_760, 8_192, 25_000],
  [42, 522_240, 8_704, 62_500],
  [50, 589_824, 22_080, 168_750],
  [51, 983_040, 36_864, 300_000],
  [52, 2_073_600, 36_864, 300_000],
] as const;

/**
 * The renditions a source gets, smallest first: its own size up to 2160p, and below it the steps of
 * the ladder that save something. There is always one, and none is larger than the source but for
 * the two pixels that the smallest picture has.
 */
export function chooseRenditions(source: MediaSource): Rendition[] {
  const own = Math.min(MAX_SHORT_SIDE, source.width, source.height);
  const steps = LADDER.filter((side) => side <= LEAST_STEP * own);
  return [...steps, own].map((side) => rendition(source, side));
}

function rendition(source: MediaSource, side: number): Rendition {
  const { width, height } = fit(source, side);
  const maxBitrate = bitrateFor(width * height, source.rate);
  return {
    name: `${Math.min(width, height)}p`,
    width,
    height,
    rate: source.rate,
    maxBitrate,
    level: levelFor(width, height, source.rate, maxBitrate),
    isCopy: false,
  };
}

/** The source's shape with this short side, or smaller where it is too oblong for a decoder. */
function fit(source: MediaSource, side: number): { width: number; height: number } {
  const long = Math.max(source.width, source.height);
  let scale = Math.min(side / Math.min(source.width, source.height), MAX_LONG_SIDE / long);
  let size = scaled(source, scale);
  while (macroblocks(size.width, size.height) > MAX_MACROBLOCKS) {
    scale *= 0.99;
    size = scaled(source, scale);
  }
  return size;
}

function scaled({ width, height }: MediaSource, scale: number) {
  const even = (pixels: number) =>
    Math.max(2, Math.min(2 * Math.floor(pixels / 2), 2 * Math.round((pixels * scale) / 2)));
  return { width: even(width), height: even(height) };
}

function bitrateFor(pixels: number, rate: FrameRate): number {
  const motion = framesPerSecond(rate) > 31 ? 1.5 : 1;
  const bits = FULL_HD_BITRATE * motion * (pixels / FULL_HD_PIXELS) ** BITRATE_GROWTH;
  return Math.max(MIN_BITRATE, 1000 * Math.round(bits / 1000));
}

function levelFor(width: number, height: number, rate: FrameRate, bitrate: number): number {
  const frame = macroblocks(width, height);
  const second = frame * framesPerSecond(rate);
  // No side may be longer than the root of eight times the frame (section A.3.1 f and g).
  const longest = Math.ceil(Math.max(width, height) / 16);
  const fitting = LEVELS.find(
    ([, perSecond, perFrame, kilobits]) =>
      second <= perSecond &&
      frame <= perFrame &&
      longest <= Math.sqrt(8 * perFrame) &&
      bitrate <= 1000 * kilobits,
  );
  return fitting?.[0] ?? 52;
}

function macroblocks(width: number, height: number): number {
  return Math.ceil(width / 16) * Math.ceil(height / 16);
}
