import type { Entry, KeyRange, Writer } from "./storage";

/** A work could not be taken back alone: the whole commit must not happen. */
export class UndoFailed extends Error {}

/** Remembers what a work overwrote, so that it alone can be taken back within a shared commit. */
export class UndoLog implements Writer {
  private readonly overwritten: { key: Buffer; value: Buffer | undefined }[] = [];

  private constructor(private readonly target: Writer) {}

  /** Runs a work; when it throws, its writes are undone and the error goes on. */
  static run<T>(target: Writer, work: (writer: Writer) => T): T {
    const log = new UndoLog(target);
    try {
      return work(log);
    } catch (error) {
      log.undo(error);
      throw error;
    }
  }

  get(key: Buffer): Buffer | undefined {
    return this.target.get(key);
  }

  range(range: KeyRange): Iterable<Entry> {
    return this.target.range(range);
  }

  count(range: KeyRange): number {
    return this.target.count(range);
  }

  put(key: Buffer, value: Buffer): void {
    this.overwritten.push({ key, value: this.target.get(key) });
    this.target.put(key, value);
  }

  delete(key: Buffer): void {
    this.overwritten.push({ key, value: this.target.get(key) });
    this.target.delete(key);
  }

  private undo(cause: unknown): void {
    try {
      this.overwritten.reverse().forEach((entry) => this.restore(entry));
    } catch {
      throw new UndoFailed(cause instanceof Error ? cause.message : String(cause), { cause });
    }
  }

  private restore({ key, value }: { key: Buffer; value: Buffer | undefined }): void {
    if (value === undefined) {
      this.target.delete(key);
    } else {
      this.target.put(key, value);
    }
  }
}
