import { rm } from "node:fs/promises";
import sharp from "sharp";
import { writeWhole } from "../image";
import { MediaError } from "../MediaError";
import type { FfmpegTools } from "./locate";
import { run, type MediaTaskOptions } from "./process";
import type { MediaSource } from "./source";

/** A sprite of small pictures from all over a video, and the index that tells what each shows. */
export interface Storyboard {
  /** Pixels of the whole sprite. */
  width: number;
  height: number;
  tiles: number;
}

/** Where a storyboard goes. */
export interface StoryboardOutput {
  /** The paths of a JPEG and of a WebVTT file. */
  sprite: string;
  index: string;
  /** What the index calls the sprite: its URI, relative to the index. */
  spriteName: string;
}

const MAX_TILES = 100;
const COLUMNS = 10;
const TILE_WIDTH = 160;
/** Of an upright video; a strip higher than this would be no help. */
const MAX_TILE_HEIGHT = 320;
/** Seconds between tiles at least. */
const MIN_INTERVAL = 1;
/** Seconds up to which decoding everything takes less than a seek for each tile. */
const DECODED_WHOLE = 60;
const WHOLE_TIMEOUT = 5 * 60_000;
const TILE_TIMEOUT = 20_000;
const QUALITY = 70;

/**
 * Writes a sprite of at most 100 pictures, each at most 160 pixels wide, and its index: WebVTT cues
 * whose text is the sprite's name with the place of the picture (W3C Media Fragments section 4.2.2,
 * `#xywh=`). Of a long video only key frames are decoded, found by seeking; memory does not grow
 * with the video. Both files appear or none. Throws MediaError MEDIA_UNREADABLE or
 * MEDIA_TOO_COMPLEX, FfmpegError, or the file system's own error.
 */
export async function makeStoryboard(
  tools: FfmpegTools,
  file: string,
  source: MediaSource,
  output: StoryboardOutput,
  options: MediaTaskOptions = {},
): Promise<Storyboard> {
  const layout = layOut(source);
  const sheet = Buffer.alloc(layout.width * layout.height * 3);
  await (source.duration <= DECODED_WHOLE
    ? paintWhole(tools, file, source, layout, sheet, options)
    : paintBySeeking(tools, file, source, layout, sheet, options));
  const { width, height, tiles } = layout;
  const image = sharp(sheet, { raw: { width, height, channels: 3 } }).jpeg({ quality: QUALITY });
  await writeWhole(output.sprite, await image.toBuffer());
  try {
    await writeWhole(output.index, indexOf(layout, source.duration, output.spriteName));
  } catch (error) {
    await rm(output.sprite);
    throw error;
  }
  return { width, height, tiles };
}

interface Layout {
  tiles: number;
  /** Seconds. */
  interval: number;
  columns: number;
  tileWidth: number;
  tileHeight: number;
  width: number;
  height: number;
}

function layOut({ duration, width, height }: MediaSource): Layout {
  const interval = Math.max(MIN_INTERVAL, duration / MAX_TILES);
  const tiles = Math.min(MAX_TILES, Math.max(1, Math.ceil(duration / interval - 1e-6)));
  const scale = Math.min(1, TILE_WIDTH / width, MAX_TILE_HEIGHT / height);
  const tileWidth = Math.max(1, Math.round(width * scale));
  const tileHeight = Math.max(1, Math.round(height * scale));
  const columns = Math.min(COLUMNS, tiles);
  return {
    ...{ tiles, interval, columns, tileWidth, tileHeight },
    width: columns * tileWidth,
    height: Math.ceil(tiles / columns) * tileHeight,
  };
}

async function paintWhole(
  tools: FfmpegTools,
  file: string,
  source: MediaSource,
  layout: Layout,
  sheet: Buffer,
  options: MediaTaskOptions,
): Promise<void> {
  const pixels = await decode(tools, file, source, layout, options, {
    inputOptions: [],
    filters: [`fps=fps=${1 / layout.interval}:start_time=0:round=up`],
    frames: layout.tiles,
    timeout: WHOLE_TIMEOUT,
  });
  const size = layout.tileWidth * layout.tileHeight * 3;
  if (pixels.length < size) {
    throw new MediaError("MEDIA_UNREADABLE", "No picture of the video can be read");
  }
  for (let tile = 0; tile < layout.tiles; tile += 1) {
    // The last picture stays while the sound goes on.
    const at = Math.min(tile * size, pixels.length - size);
    paste(sheet, layout, tile, pixels.subarray(at, at + size));
  }
}

async function paintBySeeking(
  tools: FfmpegTools,
  file: string,
  source: MediaSource,
  layout: Layout,
  sheet: Buffer,
  options: MediaTaskOptions,
): Promise<void> {
  let last: Buffer | null = null;
  for (let tile = 0; tile < layout.tiles; tile += 1) {
    const time = (tile * layout.interval).toFixed(3);
    const pixels = await decode(tools, file, source, layout, options, {
      inputOptions: ["-skip_frame", "nokey", "-noaccurate_seek", "-ss", time],
      filters: [],
      frames: 1,
      timeout: TILE_TIMEOUT,
    });
    // Past the last key frame there is nothing to seek to.
    last = pixels.length > 0 ? pixels : last;
    if (!last) {
      throw new MediaError("MEDIA_UNREADABLE", "No picture of the video can be read");
    }
    paste(sheet, layout, tile, last);
  }
}

/** What differs between decoding everything and one picture. */
interface Decoding {
  inputOptions: string[];
  filters: string[];
  frames: number;
  timeout: number;
}

/** Resolves with up to `frames` pictures of a tile's size, as red, green and blue bytes. */
function decode(
  tools: FfmpegTools,
  file: string,
  { demuxer }: MediaSource,
  { tileWidth, tileHeight }: Layout,
  options: MediaTaskOptions,
  { inputOptions, filters, frames, timeout }: Decoding,
): Promise<Buffer> {
  const scale = `scale=${tileWidth}:${tileHeight}`;
  return run(tools, {
    ...options,
    program: "ffmpeg",
    inputOptions: [...["-f", demuxer, "-max_pixels", "50000000", "-threads", "1", ...inputOptions]],
    file,
    outputOptions: [
      ...["-map", "0:V:0", "-an", "-sn", "-dn", "-vf", [...filters, scale].join(",")],
      ...["-frames:v", String(frames), "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"],
    ],
    timeout,
    maxOutput: frames * tileWidth * tileHeight * 3,
  });
}

/** Copies a picture to its place, row by row. */
function paste(sheet: Buffer, layout: Layout, tile: number, pixels: Buffer): void {
  const { left, top } = placeOf(layout, tile);
  const row = layout.tileWidth * 3;
  for (let y = 0; y < layout.tileHeight; y += 1) {
    pixels.copy(sheet, ((top + y) * layout.width + left) * 3, y * row, (y + 1) * row);
  }
}

function placeOf({ columns, tileWidth, tileHeight }: Layout, tile: number) {
  return { left: (tile % columns) * tileWidth, top: Math.floor(tile / columns) * tileHeight };
}

function indexOf(layout: Layout, duration: number, spriteName: string): string {
  const cues = Array.from({ length: layout.tiles }, (_, tile) => {
    const { left, top } = placeOf(layout, tile);
    const end = Math.min(duration, (tile + 1) * layout.interval);
    const place = [left, top, layout.tileWidth, layout.tileHeight].join(",");
    return `${timestamp(tile * layout.interval)} --> ${timestamp(end)}\n${spriteName}#xywh=${place}`;
  });
  return `WEBVTT\n\n${cues.join("\n\n")}\n`;
}

/** WebVTT section 3.3. */
function timestamp(seconds: number): string {
  const total = Math.round(seconds * 1000);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const milliseconds = String(total % 1000).padStart(3, "0");
  return `${two(total / 3_600_000)}:${two((total / 60_000) % 60)}:${two((total / 1000) % 60)}.${milliseconds}`;
}
