import type { Entry, KeyRange, Writer } from "./storage";

/** Reads from another writer, and hands on in its own way what is written. */
export abstract class ForwardingWriter implements Writer {
  constructor(protected readonly target: Writer) {}

  get(key: Buffer): Buffer | undefined {
    return this.target.get(key);
  }

  range(range: KeyRange): Iterable<Entry> {
    return this.target.range(range);
  }

  count(range: KeyRange): number {
    return this.target.count(range);
  }

  abstract put(key: Buffer, value: Buffer): void;
  abstract delete(key: Buffer): void;
}
