import { randomUUID } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import sharp, { type Sharp } from "sharp";
import { MediaError } from "./MediaError";
import { detectImageType } from "./media-type";

export interface NormalizedImage {
  /** Pixels. */
  width: number;
  height: number;
  /** Bytes. */
  size: number;
}

const MAX_PIXELS = 50_000_000;
const MAX_SECONDS = 30;
/** WebP has no room for more pixels on one side. */
const MAX_SIDE = 16_383;

/**
 * Makes a clean WebP of a JPEG, PNG, WebP, GIF or AVIF file: upright, at most `maxWidth` pixels
 * wide, without metadata and without whatever was hidden in or behind the original. Of an
 * animation it keeps the first picture. `output` appears whole or not at all.
 * Throws MediaError MEDIA_EMPTY, MEDIA_UNSUPPORTED, MEDIA_TOO_LARGE, MEDIA_TOO_COMPLEX or
 * MEDIA_UNREADABLE.
 */
export async function normalizeImage(
  input: string,
  output: string,
  options: { maxWidth: number },
): Promise<NormalizedImage> {
  await detectImageType(input);
  await assertPixels(input);
  return writeWebp(input, output, options.maxWidth);
}

/** Writes an image of which the kind is known already; otherwise like `normalizeImage`. */
export async function writeWebp(
  input: string | Buffer,
  output: string,
  maxWidth: number,
): Promise<NormalizedImage> {
  return write(input, output, maxWidth, (image) => image.webp({ quality: 82 }));
}

/** Writes a JPEG, for whoever cannot show WebP; otherwise like `writeWebp`. */
export async function writeJpeg(
  input: string | Buffer,
  output: string,
  maxWidth: number,
): Promise<NormalizedImage> {
  return write(input, output, maxWidth, (image) => image.jpeg({ quality: 82, mozjpeg: true }));
}

async function write(
  input: string | Buffer,
  output: string,
  maxWidth: number,
  encode: (image: Sharp) => Sharp,
): Promise<NormalizedImage> {
  const image = decoder(input)
    .timeout({ seconds: MAX_SECONDS })
    .autoOrient()
    .resize({ width: maxWidth, height: MAX_SIDE, fit: "inside", withoutEnlargement: true });
  const { data, info } = await encode(image).toBuffer({ resolveWithObject: true }).catch(refuse);
  await writeWhole(output, data);
  return { width: info.width, height: info.height, size: data.length };
}

/** Writes a file that appears whole or not at all. */
export async function writeWhole(output: string, data: Buffer | string): Promise<void> {
  const part = `${output}.${randomUUID()}.part`;
  try {
    await writeFile(part, data, { flag: "wx" });
    await rename(part, output);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

async function assertPixels(input: string): Promise<void> {
  const { width, height } = await decoder(input, false).metadata().catch(refuse);
  if (width * height > MAX_PIXELS) {
    throw new MediaError("MEDIA_TOO_LARGE", "The image has more than 50 megapixels");
  }
}

function decoder(input: string | Buffer, limitInputPixels: number | false = MAX_PIXELS) {
  return sharp(input, { failOn: "error", limitInputPixels });
}

function refuse(cause: Error): never {
  throw cause.message.startsWith("timeout")
    ? new MediaError("MEDIA_TOO_COMPLEX", "The image takes too long to read", { cause })
    : new MediaError("MEDIA_UNREADABLE", "The image is damaged or incomplete", { cause });
}
