/** Bytes `start` to `end`, both included and counted from 0, as in RFC 9110 section 14.1.2. */
export interface ByteRange {
  start: number;
  end: number;
}

const SINGLE_RANGE = /^bytes=\s*(?:(\d+)-(\d*)|-(\d+))\s*$/i;

/**
 * Reads a `Range` header for a representation of `size` bytes (RFC 9110, section 14.1.2).
 * `whole` for what may be ignored: another unit, a malformed or reversed range, several ranges at
 * once (section 14.2). `unsatisfiable` when no byte of the representation is asked for.
 */
export function parseByteRange(
  header: string,
  size: number,
): ByteRange | "whole" | "unsatisfiable" {
  const match = SINGLE_RANGE.exec(header);
  if (!match) {
    return "whole";
  }
  const [, first, last, suffix] = match;
  if (first === undefined) {
    return lastBytes(Number(suffix), size);
  }
  const start = Number(first);
  const end = last ? Number(last) : size - 1;
  if (start >= size) {
    return "unsatisfiable";
  }
  return end < start ? "whole" : { start, end: Math.min(end, size - 1) };
}

/** A suffix longer than the representation means all of it. */
function lastBytes(length: number, size: number): ByteRange | "unsatisfiable" {
  return length === 0 || size === 0
    ? "unsatisfiable"
    : { start: Math.max(0, size - length), end: size - 1 };
}
