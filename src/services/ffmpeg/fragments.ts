import type { Readable } from "node:stream";
import {
  readFragmentHeader,
  readTrackHeader,
  type FragmentHeader,
  type TrackHeader,
} from "./boxes";

/** Takes the parts of a fragmented MP4 in their order. */
export interface FragmentSink {
  /** The initialization section: `ftyp` and `moov`. */
  onHeader(bytes: Buffer, header: TrackHeader): Promise<void>;
  /** The beginning of a fragment, its `moof`. */
  onFragment(bytes: Buffer, header: FragmentHeader): Promise<void>;
  /** A piece of the fragment's media data. */
  onData(bytes: Buffer): Promise<void>;
}

const MAX_HEADER = 16 * 1024 ** 2;

/**
 * Reads a fragmented MP4 (ISO/IEC 14496-12 section 8.8) of one track while ffmpeg writes it, in
 * constant memory. Throws a RangeError when it ends in the middle of a box.
 */
export async function readFragments(stream: Readable, sink: FragmentSink): Promise<void> {
  const source = new ByteSource(stream);
  let timescale = 1;
  let ftyp: Buffer = Buffer.alloc(0);
  while (!(await source.isAtEnd())) {
    const head = await source.read(8);
    const length = head.readUInt32BE(0);
    const type = head.toString("latin1", 4, 8);
    if (type === "mdat") {
      await sink.onData(head);
      await source.forward(length - 8, (bytes) => sink.onData(bytes));
      continue;
    }
    if (type === "mfra") {
      // An index of fragments ends the file; through a pipe some versions write no length of it.
      await source.skipAll();
      continue;
    }
    const box = Buffer.concat([head, await source.read(length - 8)]);
    if (type === "ftyp") {
      ftyp = box;
    } else if (type === "moov") {
      const header = readTrackHeader(box);
      timescale = header.timescale;
      await sink.onHeader(Buffer.concat([ftyp, box]), header);
    } else if (type === "moof") {
      await sink.onFragment(box, readFragmentHeader(box, timescale));
    }
  }
}

/** Bytes by number, from a stream that gives them in chunks of its own choice. */
class ByteSource {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async isAtEnd(): Promise<boolean> {
    return this.#rest.length === 0 && !(await this.#fill());
  }

  async read(length: number): Promise<Buffer> {
    if (length > MAX_HEADER) {
      throw new RangeError("A box of the MP4 is too large");
    }
    const pieces: Buffer[] = [];
    await this.forward(length, (bytes) => Promise.resolve(void pieces.push(bytes)));
    return Buffer.concat(pieces);
  }

  async forward(length: number, take: (bytes: Buffer) => Promise<void>): Promise<void> {
    for (let left = length; left > 0;) {
      if (await this.isAtEnd()) {
        throw new RangeError("The MP4 ends too early");
      }
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      await take(piece);
    }
  }

  async skipAll(): Promise<void> {
    do {
      this.#rest = this.#rest.subarray(this.#rest.length);
    } while (await this.#fill());
  }

  async #fill(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (!next.done) {
      this.#rest = next.value;
    }
    return !next.done;
  }
}
