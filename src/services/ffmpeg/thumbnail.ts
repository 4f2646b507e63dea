import { writeWebp, type NormalizedImage } from "../image";
import { MediaError } from "../MediaError";
import type { FfmpegTools } from "./locate";
import { readHeader, type VideoHeader } from "./probe";
import { run, type MediaTaskOptions } from "./process";

const MAX_WIDTH = 1280;
const MAX_HEIGHT = 4096;
const MAX_OUTPUT = 64 * 1024 ** 2;
const TIMEOUT = 60_000;
/** Out of this many frames the most typical one is taken, so never a lone black or blurred one. */
const CANDIDATES = 24;

/** Square pixels within the limits, first of all: the candidates are kept in memory. */
const FILTER = [
  `scale=w='max(1,trunc(iw*sar*min(1,min(${MAX_WIDTH}/(iw*sar),${MAX_HEIGHT}/ih))))':h='max(1,min(ih,trunc(ow/dar)))'`,
  "setsar=1",
  `thumbnail=${CANDIDATES}`,
].join(",");

/**
 * Writes a representative frame of the video as WebP, upright and at most 1280 pixels wide.
 * `outFile` appears whole or not at all. Throws like `probeVideo`.
 */
export async function extractThumbnail(
  tools: FfmpegTools,
  videoFile: string,
  outFile: string,
  options: MediaTaskOptions = {},
): Promise<NormalizedImage> {
  const header = await readHeader(tools, videoFile, options);
  const frame = await representativeFrame(tools, videoFile, header, options);
  return writeWebp(frame, outFile, MAX_WIDTH);
}

/** What has to be known of a video to find a frame in it. */
type Examined = Pick<VideoHeader, "demuxer" | "duration">;

/**
 * A frame worth showing, as PNG, upright and at most 1280 pixels wide. Throws MediaError
 * MEDIA_UNREADABLE or MEDIA_TOO_COMPLEX, or FfmpegError.
 */
export async function representativeFrame(
  tools: FfmpegTools,
  videoFile: string,
  header: Examined,
  options: MediaTaskOptions,
): Promise<Buffer> {
  const frame =
    (await grabFrame(tools, videoFile, header, startOf(header), options)) ??
    (await grabFrame(tools, videoFile, header, 0, options));
  if (!frame) {
    throw new MediaError("MEDIA_UNREADABLE", "No picture of the video can be read");
  }
  return frame;
}

/** Past the opening titles, but never past the only frames of a short clip. */
function startOf({ duration }: Examined): number {
  return duration !== null && duration > 10 ? duration / 10 : 0;
}

async function grabFrame(
  tools: FfmpegTools,
  file: string,
  { demuxer }: Examined,
  start: number,
  options: MediaTaskOptions,
): Promise<Buffer | null> {
  const png = await run(tools, {
    ...options,
    program: "ffmpeg",
    inputOptions: [
      ...["-f", demuxer, "-max_pixels", "50000000", "-threads", "1"],
      ...["-ss", start.toFixed(3)],
    ],
    file,
    outputOptions: [
      ...["-map", "0:V:0", "-an", "-sn", "-dn", "-vf", FILTER, "-frames:v", "1"],
      ...["-f", "image2pipe", "-c:v", "png", "-pix_fmt", "rgb24", "-"],
    ],
    timeout: TIMEOUT,
    maxOutput: MAX_OUTPUT,
  });
  return png.length > 0 ? png : null;
}
