import { join } from "node:path";
import sharp from "sharp";
import { writeJpeg, writeWebp, type NormalizedImage } from "../image";
import type { FfmpegTools } from "./locate";
import type { MediaTaskOptions } from "./process";
import { representativeFrame } from "./thumbnail";

/** One poster of a video. */
export interface Poster extends NormalizedImage {
  /** Its file's name in the folder, such as `poster-640.webp`. */
  name: string;
  format: "webp" | "jpeg";
}

const WIDTHS = [320, 640, 1280];

/**
 * Writes a representative frame of the video into an existing folder, as WebP and JPEG each, in
 * widths of 320, 640 and 1280 pixels. The widths over the video's own are replaced by that one.
 * Throws like `probeVideo`.
 */
export async function makePosters(
  tools: FfmpegTools,
  file: string,
  folder: string,
  options: MediaTaskOptions = {},
): Promise<Poster[]> {
  const frame = await representativeFrame(tools, file, options);
  const { width: own } = await sharp(frame).metadata();
  const widths = new Set(WIDTHS.map((width) => Math.min(width, own)));
  const posters: Poster[] = [];
  for (const width of widths) {
    const webp = `poster-${width}.webp`;
    const jpeg = `poster-${width}.jpg`;
    const first = await writeWebp(frame, join(folder, webp), width);
    const second = await writeJpeg(frame, join(folder, jpeg), width);
    posters.push(
      { name: webp, format: "webp", ...first },
      { name: jpeg, format: "jpeg", ...second },
    );
  }
  return posters;
}
