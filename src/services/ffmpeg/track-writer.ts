import type { FileHandle } from "node:fs/promises";
import { MediaError } from "../MediaError";
import type { FragmentHeader, TrackHeader } from "./boxes";
import type { FragmentSink } from "./fragments";
import type { HlsSegment, HlsTrack } from "./playlists";

/** Seconds by which a fragment may begin before the time it was asked for: half a frame is less. */
const EARLY = 0.008;

/**
 * Writes the parts of a fragmented MP4 into one file and notes where the segments lie in it: they
 * begin at `cuts`, or with each fragment where `cuts` is null. Throws MediaError
 * MEDIA_TOO_COMPLEX for more than `maxBytes`.
 */
export class TrackWriter implements FragmentSink {
  #codecs = "";
  #initSize = 0;
  #bytes = 0;
  #end = 0;
  readonly #segments: (HlsSegment & { start: number; isIndependent: boolean })[] = [];

  constructor(
    readonly file: FileHandle,
    readonly cuts: readonly number[] | null,
    readonly maxBytes: number,
  ) {}

  async onHeader(bytes: Buffer, { codecs }: TrackHeader): Promise<void> {
    this.#codecs = codecs;
    this.#initSize = bytes.length;
    await this.#write(bytes);
  }

  async onFragment(bytes: Buffer, fragment: FragmentHeader): Promise<void> {
    if (this.#beginsSegment(fragment.start)) {
      const { start, isIndependent } = fragment;
      this.#segments.push({ start, isIndependent, duration: 0, size: 0 });
    }
    this.#end = fragment.start + fragment.duration;
    await this.onData(bytes);
  }

  async onData(bytes: Buffer): Promise<void> {
    this.#segments.at(-1)!.size += bytes.length;
    await this.#write(bytes);
  }

  /** What was written; each segment lasts until the next one begins. */
  track(): HlsTrack {
    const segments = this.#segments.map(({ start, size }, index) => ({
      duration: (this.#segments[index + 1]?.start ?? this.#end) - start,
      size,
    }));
    return { codecs: this.#codecs, initSize: this.#initSize, segments };
  }

  /** Whether every segment can be played without the one before. */
  isIndependent(): boolean {
    return this.#segments.every((segment) => segment.isIndependent);
  }

  #beginsSegment(start: number): boolean {
    const count = this.#segments.length;
    const cut = this.cuts === null ? 0 : (this.cuts[count] ?? Infinity);
    return count === 0 || start >= cut - EARLY;
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#bytes += bytes.length;
    if (this.#bytes > this.maxBytes) {
      throw new MediaError("MEDIA_TOO_COMPLEX", "The video becomes too large when converted");
    }
    await this.file.writeFile(bytes);
  }
}
