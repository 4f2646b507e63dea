import { MAX_MESSAGE_BYTES } from "../bson/encode";
import { HEADER_BYTES, ProtocolError } from "./messages";

/** Cuts a stream of bytes into whole messages, wherever the chunks are split. */
export class MessageSplitter {
  private chunks: Buffer[] = [];
  private buffered = 0;
  private expected = HEADER_BYTES;

  /** Takes a chunk and gives the messages it completes. */
  *push(chunk: Buffer): Iterable<Buffer> {
    this.chunks.push(chunk);
    this.buffered += chunk.length;
    while (this.buffered >= this.expected) {
      const all =
        this.chunks.length === 1 ? (this.chunks[0] as Buffer) : Buffer.concat(this.chunks);
      const length = checkLength(all.readInt32LE(0));
      if (all.length < length) {
        this.keep(all, length);
        return;
      }
      this.keep(all.subarray(length), HEADER_BYTES);
      yield all.subarray(0, length);
    }
  }

  private keep(rest: Buffer, expected: number): void {
    this.chunks = rest.length === 0 ? [] : [rest];
    this.buffered = rest.length;
    this.expected = expected;
  }
}

function checkLength(length: number): number {
  if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) {
    throw new ProtocolError(`message length ${length}`);
  }
  return length;
}
