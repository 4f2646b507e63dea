import { ABORT, open, type RootDatabase, type Transaction } from "lmdb";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ExitGate } from "../exit-gate";
import { currentBoot, FlushPoint } from "./flush-point";
import { FLUSH_INTERVAL_MS, Flusher } from "./flusher";
import type { Entry, KeyRange, Snapshot, Storage, Writer } from "./storage";
import { UndoFailed, UndoLog } from "./undo-log";

/** Cursors and transactions each hold one reader while they are open. */
const MAX_READERS = 4096;

interface Waiting {
  work: (writer: Writer) => unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

type Outcome = () => void;

/**
 * The durable store: LMDB, a copy-on-write B+tree in one memory-mapped file.
 *
 * Works handed in during one turn share a commit. A commit is done when the kernel has its pages,
 * which keeps them whatever becomes of this process; the disk gets them in the background. Where
 * the system does not tell its boots apart, every commit waits for the disk instead.
 */
export class LmdbStorage implements Storage, Writer {
  private readonly db: RootDatabase<Buffer, Buffer>;
  private readonly flusher: Flusher | undefined;
  private waiting: Waiting[] = [];
  private closed = false;

  /** The file the data of a folder are in. */
  static fileIn(folder: string): string {
    return join(folder, "data.mdb");
  }

  /** Copies the data of a folder to another one, beside the process that serves it, if any does. */
  static async copy(folder: string, target: string): Promise<void> {
    if (FlushPoint.isOutdated(folder, currentBoot())) {
      throw new Error(`${folder} was not closed before the system went down: serve it once first.`);
    }
    const db = openData(folder, false);
    try {
      await db.backup(LmdbStorage.fileIn(target), true);
    } finally {
      await db.close();
    }
  }

  constructor(
    private readonly folder: string,
    private readonly gate = new ExitGate(),
    flushIntervalMs = FLUSH_INTERVAL_MS,
    boot = currentBoot(),
  ) {
    const dataFile = LmdbStorage.fileIn(folder);
    FlushPoint.restore(folder, dataFile, boot);
    this.db = openData(folder, boot !== undefined);
    if (boot !== undefined) {
      const { pageSize } = this.db.getStats() as { pageSize: number };
      const store = { dataFile, pageSize, snapshot: () => this.snapshot() };
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

  write<T>(work: (writer: Writer) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.waiting.push({ work, resolve: resolve as (value: unknown) => void, reject });
      if (this.waiting.length === 1) {
        setImmediate(() => void this.commitWhenThereIsRoom());
      }
    });
  }

  flush(): Promise<void> {
    return this.flusher?.flush() ?? Promise.resolve();
  }

  snapshot(): Snapshot {
    return new LmdbSnapshot(this.db, this.db.useReadTransaction());
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.flusher?.close();
    await this.db.close();
    // All is on disk, so there is nothing to go back to.
    rmSync(FlushPoint.fileIn(this.folder), { force: true });
  }

  private async commitWhenThereIsRoom(): Promise<void> {
    await this.flusher?.room();
    this.commit();
  }

  /**
   * Nobody is answered before the commit is made; when it fails, everybody hears of it, the last
   * first, so that each takes back in memory what stands on the changes of those before.
   */
  private commit(): void {
    const group = this.waiting;
    this.waiting = [];
    const outcomes: Outcome[] = [];
    try {
      if (this.closed) {
        throw new Error("the store has been closed");
      }
      this.gate.pass(() =>
        this.db.transactionSync(() => {
          const [only, ...others] = group;
          if (only && others.length === 0) {
            return this.attemptAlone(only, outcomes);
          }
          group.forEach((waiting) => outcomes.push(this.attempt(waiting)));
          return undefined;
        }),
      );
    } catch (error) {
      const failure = new Error(`the write could not be stored: ${(error as Error).message}`);
      group.reverse().forEach(({ reject }) => reject(failure));
      return;
    }
    this.flusher?.committed();
    outcomes.forEach((tell) => tell());
  }

  /** Nobody shares its commit: when it fails, there is none, and nothing to remember for undoing. */
  private attemptAlone({ work, resolve, reject }: Waiting, outcomes: Outcome[]): unknown {
    try {
      const value = work(this);
      outcomes.push(() => resolve(value));
      return undefined;
    } catch (error) {
      outcomes.push(() => reject(error));
      return ABORT;
    }
  }

  private attempt({ work, resolve, reject }: Waiting): Outcome {
    try {
      const value = UndoLog.run(this, work);
      return () => resolve(value);
    } catch (error) {
      if (error instanceof UndoFailed) {
        throw error;
      }
      return () => reject(error);
    }
  }
}

function openData(folder: string, noSync: boolean): RootDatabase<Buffer, Buffer> {
  return open<Buffer, Buffer>({
    path: LmdbStorage.fileIn(folder),
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
