import { open, type FileHandle } from "node:fs/promises";
import { MediaError } from "../MediaError";

/** ffmpeg's names of the two families of containers. */
export type Demuxer = "mov" | "matroska";

/** Bytes read at once. */
const WINDOW = 4096;
const MAX_BOXES = 100_000;
const HOLDS_MEDIA = ["mdat", "moof"];
const MUST_FIT = ["moov", ...HOLDS_MEDIA];
const MATROSKA_SEGMENT = 0x18538067n;

/**
 * Refuses a file whose own structure says that its end is missing, to the byte and without
 * decoding: an MP4 or QuickTime file whose boxes reach past its end or which lacks `moov` or the
 * media data (ISO/IEC 14496-12 section 4.2), a Matroska or WebM file whose segment does (RFC 8794).
 * Resolves with whether the structure is proof that nothing is missing; a fragmented file or a
 * recording of unknown size may end anywhere. Throws MediaError MEDIA_INCOMPLETE, or
 * MEDIA_TOO_COMPLEX for more than 100,000 boxes.
 */
export async function assertComplete(file: string, demuxer: Demuxer): Promise<boolean> {
  const handle = await open(file, "r");
  try {
    const { size } = await handle.stat();
    return await (demuxer === "mov" ? assertBoxes(handle, size) : assertSegment(handle, size));
  } finally {
    await handle.close();
  }
}

async function assertBoxes(handle: FileHandle, size: number): Promise<boolean> {
  const seen = new Set<string>();
  let count = 0;
  let isProof = true;
  for await (const box of boxes(handle, size)) {
    count += 1;
    if (count > MAX_BOXES) {
      throw new MediaError("MEDIA_TOO_COMPLEX", "The video consists of too many pieces");
    }
    // Unknown boxes past the end are bytes that something has appended: no part of the video.
    if (box.end > size && MUST_FIT.includes(box.type)) {
      throw incomplete();
    }
    seen.add(box.type);
    isProof &&= box.type !== "moof" && !box.isOpen;
  }
  if (!seen.has("moov") || !HOLDS_MEDIA.some((type) => seen.has(type))) {
    throw incomplete();
  }
  return isProof;
}

async function* boxes(handle: FileHandle, size: number) {
  const read = windowed(handle);
  let offset = 0;
  while (offset + 8 <= size) {
    const header = await read(offset, 16);
    const type = header.toString("latin1", 4, 8);
    const length = boxLength(header, size - offset);
    if (length < 8) {
      return;
    }
    offset += length;
    yield { type, end: offset, isOpen: header.readUInt32BE(0) === 0 };
  }
}

/** A size of 1 means that a 64-bit size follows, 0 that the box reaches to the end of the file. */
function boxLength(header: Buffer, rest: number): number {
  const length = header.readUInt32BE(0);
  if (length === 1 && header.length === 16) {
    return Number(header.readBigUInt64BE(8));
  }
  return length === 0 ? rest : length;
}

async function assertSegment(handle: FileHandle, size: number): Promise<boolean> {
  const head = await readAt(handle, 0, WINDOW);
  const ebml = readElement(head, 0);
  const segment = ebml?.end === undefined ? null : readElement(head, ebml.end);
  if (segment?.id !== MATROSKA_SEGMENT || (segment.end !== undefined && segment.end > size)) {
    throw incomplete();
  }
  return segment.end !== undefined;
}

/** The id and end of the element at `offset`; no end when its size is unknown, as in a live stream. */
function readElement(bytes: Buffer, offset: number): { id: bigint; end?: number } | null {
  const id = readVint(bytes, offset);
  const length = id && readVint(bytes, offset + id.width);
  if (!id || !length) {
    return null;
  }
  const mask = (1n << BigInt(7 * length.width)) - 1n;
  const value = length.value & mask;
  const start = offset + id.width + length.width;
  return value === mask ? { id: id.value } : { id: id.value, end: start + Number(value) };
}

/** A variable-size integer of RFC 8794 section 4, its length marker included. */
function readVint(bytes: Buffer, offset: number): { value: bigint; width: number } | null {
  const first = bytes[offset] ?? 0;
  const width = Math.clz32(first) - 23;
  const digits = bytes.subarray(offset, offset + width).toString("hex");
  return first === 0 || digits.length < 2 * width ? null : { value: BigInt(`0x${digits}`), width };
}

/** Reads small pieces in rising order, many tiny neighbours with one access to the disk. */
function windowed(handle: FileHandle) {
  let start = 0;
  let window: Buffer = Buffer.alloc(0);
  return async (offset: number, length: number): Promise<Buffer> => {
    if (offset + length > start + window.length) {
      start = offset;
      window = await readAt(handle, offset, WINDOW);
    }
    return window.subarray(offset - start, offset - start + length);
  };
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
  return buffer.subarray(0, bytesRead);
}

function incomplete(): MediaError {
  return new MediaError("MEDIA_INCOMPLETE", "The end of the video is missing");
}
