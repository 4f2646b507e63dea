import { open, type RootDatabase, type Transaction } from "lmdb";
import { closeSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ExitGate } from "../exit-gate";
import { FlushPoint } from "./flush-point";
import { Flusher } from "./flusher";
import { flushFolder } from "./journal";
import type { Entry, KeyRange, Reader, Snapshot, Writer } from "./storage";

/** Cursors and transactions each hold one reader while they are open. */
const MAX_READERS = 4096;

/**
 * The tree on disk: LMDB, a copy-on-write B+tree in one memory-mapped file.
 *
 * A commit is done when the kernel has its pages, which keeps them whatever becomes of this
 * process; the disk gets them in the background. Where the system does not tell its boots apart,
 * every commit waits for the disk instead.
 */
export class LmdbTree implements Writer {
  private readonly db: RootDatabase<Buffer, Buffer>;
  private readonly flusher: Flusher | undefined;

  /** The file the tree of a folder is in. */
  static fileIn(folder: string): string {
    return join(folder, "data.mdb");
  }

  /**
   * Copies the tree of a folder to another one, beside the process that serves it, if any does. It
   * gets its name when all of it is on disk: half a tree would end the process that reads it.
   */
  static async copy(folder: string, target: string): Promise<void> {
    const file = LmdbTree.fileIn(target);
    const part = `${file}.part`;
    rmSync(part, { force: true });
    const db = openData(folder, false);
    try {
      await db.backup(part, true);
    } finally {
      await db.close();
    }
    flushFile(part);
    renameSync(part, file);
    await flushFolder(target);
  }

  /** `flushed` is told of every state that has reached the disk. */
  constructor(
    private readonly folder: string,
    private readonly flushed: (state: Reader) => void,
    private readonly gate: ExitGate,
    flushIntervalMs: number,
    boot: string | undefined,
  ) {
    const dataFile = LmdbTree.fileIn(folder);
    FlushPoint.restore(folder, dataFile, boot);
    this.db = openData(folder, boot !== undefined);
    if (boot !== undefined) {
      const { pageSize } = this.db.getStats() as { pageSize: number };
      const store = { dataFile, pageSize, snapshot: () => this.snapshot(), flushed };
      this.flusher = new Flusher(store, new FlushPoint(folder, boot), flushIntervalMs);
    }
  }

  get(key: Buffer): Buffer | undefined {
    return valueOf(this.db, key);
  }

  range({ start, end, reverse }: KeyRange): Iterable<Entry> {
    return rangeOf(this.db, start, end, reverse);
  }

  count({ start, end }: KeyRange): number {
    return this.db.getKeysCount({ start, end });
  }

  put(key: Buffer, value: Buffer): void {
    this.db.putSync(key, value);
  }

  delete(key: Buffer): void {
    this.db.removeSync(key);
  }

  /** Commits what the work writes; when it throws, or the commit fails, nothing of it stays. */
  commit<T>(work: (writer: Writer) => T): T {
    let value!: T;
    this.gate.pass(() => this.db.transactionSync(() => void (value = work(this))));
    if (this.flusher) {
      this.flusher.committed();
    } else {
      this.flushed(this);
    }
    return value;
  }

  /** Resolves when there is room for another commit; undefined when there is now. */
  room(): Promise<void> | undefined {
    return this.flusher?.room();
  }

  /** Resolves when everything committed so far is on disk. */
  flush(): Promise<void> {
    return this.flusher?.flush() ?? Promise.resolve();
  }

  snapshot(): Snapshot {
    return new LmdbSnapshot(this.db, this.db.useReadTransaction());
  }

  async close(): Promise<void> {
    await this.flusher?.close();
    await this.db.close();
    // All is on disk, so there is nothing to go back to.
    rmSync(FlushPoint.fileIn(this.folder), { force: true });
  }
}

function flushFile(path: string): void {
  const fd = openSync(path, "r+");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function openData(folder: string, noSync: boolean): RootDatabase<Buffer, Buffer> {
  return open<Buffer, Buffer>({
    path: LmdbTree.fileIn(folder),
    keyEncoding: "binary",
    encoding: "binary",
    maxReaders: MAX_READERS,
    overlappingSync: false,
    noSync,
  });
}

class LmdbSnapshot implements Snapshot {
  private released = false;
  private readonly options: { transaction: Transaction };

  constructor(
    private readonly db: RootDatabase<Buffer, Buffer>,
    private readonly transaction: Transaction,
  ) {
    this.options = { transaction };
  }

  get(key: Buffer): Buffer | undefined {
    return valueOf(this.db, key, this.options);
  }

  range({ start, end, reverse }: KeyRange): Iterable<Entry> {
    return rangeOf(this.db, start, end, reverse, this.transaction);
  }

  count({ start, end }: KeyRange): number {
    return this.db.getKeysCount({ start, end, transaction: this.transaction });
  }

  release(): void {
    if (!this.released) {
      this.released = true;
      this.transaction.done();
    }
  }
}

/** As lmdb documents it, but declares it without options. */
interface SharedReads {
  getBinaryFast(key: Buffer, options?: { transaction: Transaction }): Buffer | undefined;
}

/** Copies out of the buffer that all reads share: lmdb's own copies are not pooled. */
function valueOf(
  db: SharedReads,
  key: Buffer,
  options?: { transaction: Transaction },
): Buffer | undefined {
  const shared = db.getBinaryFast(key, options);
  if (!shared) {
    return undefined;
  }
  // Its length is that of the value, but the array behind it is longer.
  const bytes = new Uint8Array(shared.buffer, shared.byteOffset, shared.length);
  const value = Buffer.allocUnsafe(bytes.length);
  value.set(bytes);
  return value;
}

function rangeOf(
  db: RootDatabase<Buffer, Buffer>,
  start: Buffer,
  end: Buffer,
  reverse = false,
  transaction?: Transaction,
): Iterable<Entry> {
  const bounds = reverse
    ? { start: end, end: start, reverse: true, exclusiveStart: true, inclusiveEnd: true }
    : { start, end };
  return db.getRange(transaction ? { ...bounds, transaction } : bounds);
}
