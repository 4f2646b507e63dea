import { MAX_MESSAGE_BYTES } from "../bson/encode";
import { HEADER_BYTES, ProtocolError } from "./messages";

/** Cuts a stream of bytes into whole messages, wherever the chunks are split. */
export class MessageSplitter {
  /** The start of a message that goes on: in one piece, for a chunk may be a single byte. */
  private partial: Buffer | undefined;
  private filled = 0;

  /** The length of the message whose end is still to come, as far as it is known. */
  get expecting(): number {
    return this.partial?.length ?? 0;
  }

  /** Takes a chunk and gives the messages it completes. */
  *push(chunk: Buffer): Iterable<Buffer> {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.partial) {
        rest = this.fill(this.partial, rest);
        if (this.filled < this.partial.length) {
          return;
        }
        yield* this.completed(this.partial);
      } else if (rest.length >= HEADER_BYTES && rest.length >= declaredLength(rest)) {
        // Whole within the chunk: no copy.
        const length = declaredLength(rest);
        const message = rest.subarray(0, length);
        rest = rest.subarray(length);
        yield message;
      } else {
        this.begin(HEADER_BYTES);
      }
    }
  }

  /** Copies what belongs to the partial message and gives what follows it. */
  private fill(partial: Buffer, chunk: Buffer): Buffer {
    const copied = chunk.copy(partial, this.filled);
    this.filled += copied;
    return chunk.subarray(copied);
  }

  /** A completed header says how long its message is; anything else is the message. */
  private *completed(bytes: Buffer): Iterable<Buffer> {
    const length = declaredLength(bytes);
    if (length > bytes.length) {
      this.begin(length);
      this.fill(this.partial as Buffer, bytes);
      return;
    }
    this.partial = undefined;
    yield bytes;
  }

  private begin(length: number): void {
    this.partial = Buffer.allocUnsafeSlow(length);
    this.filled = 0;
  }
}

function declaredLength(bytes: Buffer): number {
  const length = bytes.readInt32LE(0);
  if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) {
    throw new ProtocolError(`message length ${length}`);
  }
  return length;
}
