import type { Entry, KeyRange, Reader, Snapshot, Storage, Writer } from "./storage";
import { RECORD_ID_BYTES, recordIdBytes } from "./keys";
import { SortedMap } from "./sorted-map";

/** Keys as one-byte strings: they compare faster and weigh less than buffers. */
export function keyText(key: Buffer): string {
  return key.toString("latin1");
}

/** Values up to this size are kept as one-byte strings, too: a buffer's object alone is 100 bytes. */
const MAX_TEXT_BYTES = 2048;

/** Values as long as a record id, which is what indexes hold, are kept as numbers. */
type Kept = string | number | Buffer;

function kept(value: Buffer): Kept {
  if (value.length === RECORD_ID_BYTES) {
    return value.readUIntBE(0, RECORD_ID_BYTES);
  }
  // A copy, where it is no text: the value may be part of something larger.
  return value.length <= MAX_TEXT_BYTES ? value.toString("latin1") : Buffer.from(value);
}

function given(value: Kept): Buffer {
  if (typeof value === "number") {
    return recordIdBytes(value);
  }
  return typeof value === "string" ? Buffer.from(value, "latin1") : value;
}

/** Reads a sorted map of values under key texts. */
class SortedMapReader implements Reader {
  constructor(protected readonly map: SortedMap<Kept>) {}

  get(key: Buffer): Buffer | undefined {
    const value = this.map.get(keyText(key));
    return value === undefined ? undefined : given(value);
  }

  count({ start, end }: KeyRange): number {
    return this.map.count(keyText(start), keyText(end));
  }

  *range({ start, end, reverse }: KeyRange): Iterable<Entry> {
    const [from, to] = [keyText(start), keyText(end)];
    const entries = reverse ? this.map.descending(from, to) : this.map.ascending(from, to);
    for (const [key, value] of entries) {
      yield { key: Buffer.from(key, "latin1"), value: given(value) };
    }
  }
}

class MemorySnapshot extends SortedMapReader implements Snapshot {
  release(): void {
    // Nothing to give back: unused nodes are garbage.
  }
}

/** The store of the in-memory mode. Nothing survives the process. */
export class MemoryStorage extends SortedMapReader implements Storage, Writer {
  constructor() {
    super(new SortedMap<Kept>());
  }

  put(key: Buffer, value: Buffer): void {
    this.map.set(keyText(key), kept(value));
  }

  delete(key: Buffer): void {
    this.map.delete(keyText(key));
  }

  write<T>(work: (writer: Writer) => T, takeBack?: () => void): Promise<T> {
    return new Promise((resolve) => resolve(this.attempt(work, takeBack)));
  }

  /** The nodes of the state before are shared, so keeping it costs nothing. */
  private attempt<T>(work: (writer: Writer) => T, takeBack?: () => void): T {
    const before = this.map.snapshot();
    try {
      return work(this);
    } catch (error) {
      this.map.restore(before);
      takeBack?.();
      throw error;
    }
  }

  snapshot(): Snapshot {
    return new MemorySnapshot(this.map.snapshot());
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  checkpoint(): void {
    // There is but one place.
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
