import { rm } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { writeJpeg, writeWebp, type NormalizedImage } from "../image";
import type { FfmpegTools } from "./locate";
import type { MediaTaskOptions } from "./process";
import type { MediaSource } from "./source";
import { representativeFrame } from "./thumbnail";

/** One poster of a video. */
export interface Poster extends NormalizedImage {
  /** Its file's name in the folder, such as `poster-640.webp`. */
  name: string;
  format: "webp" | "jpeg";
}

const WIDTHS = [320, 640, 1280];
const FORMATS = [
  { format: "webp", extension: "webp", write: writeWebp },
  { format: "jpeg", extension: "jpg", write: writeJpeg },
] as const;

/**
 * Writes a representative frame of the video into an existing folder, as WebP and JPEG each, in
 * widths of 320, 640 and 1280 pixels. The widths over the video's own are replaced by that one.
 * All of them appear or none. Throws MediaError MEDIA_UNREADABLE or MEDIA_TOO_COMPLEX, FfmpegError,
 * or the file system's own error.
 */
export async function makePosters(
  tools: FfmpegTools,
  file: string,
  source: MediaSource,
  folder: string,
  options: MediaTaskOptions = {},
): Promise<Poster[]> {
  const frame = await representativeFrame(tools, file, source, options);
  const { width: own } = await sharp(frame).metadata();
  const widths = new Set(WIDTHS.map((width) => Math.min(width, own)));
  const posters: Poster[] = [];
  try {
    for (const width of widths) {
      for (const { format, extension, write } of FORMATS) {
        const name = `poster-${width}.${extension}`;
        posters.push({ name, format, ...(await write(frame, join(folder, name), width)) });
      }
    }
  } catch (error) {
    await Promise.all(posters.map(({ name }) => rm(join(folder, name))));
    throw error;
  }
  return posters;
}
