import { open, type RootDatabase, type Transaction } from "lmdb";
import { join } from "node:path";
import { ExitGate } from "../exit-gate";
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
 * Works handed in while a commit runs wait for the next one and share it, so concurrent writers
 * pay for one sync together.
 */
export class LmdbStorage implements Storage, Writer {
  private readonly db: RootDatabase<Buffer, Buffer>;
  private waiting: Waiting[] = [];
  private closed = false;

  /** The file the data of a folder are in. */
  static fileIn(folder: string): string {
    return join(folder, "data.mdb");
  }

  constructor(
    folder: string,
    private readonly gate = new ExitGate(),
  ) {
    this.db = open<Buffer, Buffer>({
      path: LmdbStorage.fileIn(folder),
      keyEncoding: "binary",
      encoding: "binary",
      maxReaders: MAX_READERS,
    });
  }

  get(key: Buffer): Buffer | undefined {
    return this.db.getBinary(key);
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
        setImmediate(() => this.commit());
      }
    });
  }

  snapshot(): Snapshot {
    return new LmdbSnapshot(this.db, this.db.useReadTransaction());
  }

  async backup(folder: string): Promise<void> {
    await this.db.backup(LmdbStorage.fileIn(folder), true);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.db.close();
  }

  /**
   * Nobody is answered before the commit is on disk; when it fails, everybody hears of it, the last
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
          for (const waiting of group) {
            outcomes.push(this.attempt(waiting));
          }
        }),
      );
    } catch (error) {
      const failure = new Error(`the write could not be stored: ${(error as Error).message}`);
      group.reverse().forEach(({ reject }) => reject(failure));
      return;
    }
    outcomes.forEach((tell) => tell());
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

class LmdbSnapshot implements Snapshot {
  private released = false;

  constructor(
    private readonly db: RootDatabase<Buffer, Buffer>,
    private readonly transaction: Transaction,
  ) {}

  get(key: Buffer): Buffer | undefined {
    // getBinary() ignores the transaction; get() of a binary store gives the same bytes.
    return this.db.get(key, { transaction: this.transaction });
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
