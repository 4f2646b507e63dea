import { open } from "node:fs/promises";
import { fileTypeFromBuffer } from "file-type/core";
import { MediaError } from "./MediaError";

export interface MediaType {
  kind: "video" | "image";
  /** Without a dot, as used in storage keys. */
  extension: string;
  /** What the file is served as. */
  contentType: string;
}

/** Enough for every signature below; a longer look only gives a hostile file more to work with. */
const SAMPLE_BYTES = 4096;

/** The content types served, by the extension of the storage key. Nothing else is ever served. */
export const MEDIA_TYPES: Readonly<Record<string, string>> = {
  mp4: "video/mp4",
  m4v: "video/mp4",
  mov: "video/quicktime",
  webm: "video/webm",
  mkv: "video/x-matroska",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  webp: "image/webp",
  gif: "image/gif",
  avif: "image/avif",
  vtt: "text/vtt",
};

/**
 * Which allowed video the file is, by its first 4 KB; name and declared type play no part.
 * Throws MediaError MEDIA_EMPTY or MEDIA_UNSUPPORTED.
 */
export function detectVideoType(file: string): Promise<MediaType> {
  return detect(file, "video", "This is not an MP4, QuickTime, WebM or Matroska video");
}

/** Which allowed image the file is; otherwise like `detectVideoType`. */
export function detectImageType(file: string): Promise<MediaType> {
  return detect(file, "image", "This is not a JPEG, PNG, WebP, GIF or AVIF image");
}

async function detect(file: string, kind: MediaType["kind"], refusal: string): Promise<MediaType> {
  const sample = await readSample(file);
  if (sample.length === 0) {
    throw new MediaError("MEDIA_EMPTY", "The file is empty");
  }
  const found = (await fileTypeFromBuffer(sample))?.ext ?? "";
  const extension = found === "apng" ? "png" : found; // An animated PNG begins with a still one.
  const contentType = Object.hasOwn(MEDIA_TYPES, extension) ? MEDIA_TYPES[extension] : undefined;
  if (!contentType?.startsWith(`${kind}/`)) {
    throw new MediaError("MEDIA_UNSUPPORTED", refusal);
  }
  return { kind, extension, contentType };
}

async function readSample(file: string): Promise<Buffer> {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(SAMPLE_BYTES), 0, SAMPLE_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
