import { MongoError } from "../errors";
import type { Collection } from "../catalog/collection";
import { keyText } from "../storage/memory";
import { Overlay } from "../storage/overlay";
import type { Snapshot, Storage, Writer } from "../storage/storage";
import type { LogicalClock } from "../logical-clock";
import { type Change, WriteUnit } from "./write-unit";

export const TRANSIENT = "TransientTransactionError";

/** MongoDB's transactionLifetimeLimitSeconds. */
const LIFETIME_MS = 60_000;

/** Thrown to a writer outside of transactions that met a transaction's write: wait and try again. */
export class ClaimedByTransaction extends Error {
  constructor(readonly owner: Transaction) {
    super("the document is being changed by a transaction");
  }
}

/**
 * A multi-document transaction: reads see the store as it was at its start plus its own writes,
 * which stay in memory until the commit.
 */
export class Transaction {
  readonly unit: WriteUnit;
  readonly overlay: Overlay;
  readonly ended: Promise<void>;
  readonly expires = Date.now() + LIFETIME_MS;
  readonly claimed = new Set<string>();
  /** Collections it has made, which nobody else sees before the commit. */
  readonly created = new Set<Collection>();
  /** Set once its commit has been asked for. */
  committing: Promise<Change[]> | undefined;
  private readonly snapshot: Snapshot;
  private readonly endings: (() => void)[] = [];
  private tellEnded: () => void = () => undefined;

  constructor(
    storage: Storage,
    readonly owner: Transactions,
    readonly startedAt: number,
  ) {
    this.snapshot = storage.snapshot();
    this.overlay = new Overlay(this.snapshot);
    this.unit = new WriteUnit(this.overlay, owner, this);
    this.ended = new Promise((resolve) => (this.tellEnded = resolve));
  }

  /** An index built after the snapshot was taken would not lead to what the snapshot holds. */
  checkSnapshot(collection: Collection): void {
    if (collection.indexedAt > this.startedAt && !this.created.has(collection)) {
      throw new MongoError(
        246,
        "Unable to read from a snapshot due to pending collection catalog changes; please retry the operation.",
        {},
        [TRANSIENT],
      );
    }
  }

  /** What reads from its snapshot must be stopped before that is given back. */
  beforeEnd(stop: () => void): void {
    this.endings.push(stop);
  }

  close(): void {
    this.endings.forEach((stop) => stop());
    this.snapshot.release();
    this.tellEnded();
  }
}

/** Shows a collection to everybody; false when another one has its name. */
type Adopt = (unit: WriteUnit, writer: Writer, collection: Collection) => boolean;

/**
 * All open transactions and which keys they have written. The first writer wins: a second
 * transaction fails at once, a writer outside of transactions waits.
 */
export class Transactions {
  private readonly open = new Set<Transaction>();
  private readonly claims = new Map<string, Transaction>();
  /** When keys were last written, as far as open transactions began before; the youngest last. */
  private readonly written = new Map<string, number>();
  private moment = 0;

  constructor(
    private readonly storage: Storage,
    readonly clock: LogicalClock,
    private readonly adopt: Adopt,
  ) {}

  /** The moment of the youngest write, by which snapshots are compared. */
  get now(): number {
    return this.moment;
  }

  /** The next moment that snapshots are compared by. */
  tick(): number {
    return ++this.moment;
  }

  /** A change of the collection itself waits for the transactions that have written to it. */
  claimCollection(collection: Collection, self: Transaction | undefined): void {
    const writer = this.writerOf(collection);
    if (writer && writer !== self) {
      throw new ClaimedByTransaction(writer);
    }
  }

  /** An open transaction that has written to a collection. */
  writerOf(collection: Collection): Transaction | undefined {
    return [...this.open].find(({ unit }) => unit.touched(collection));
  }

  get size(): number {
    return this.open.size;
  }

  start(): Transaction {
    const transaction = new Transaction(this.storage, this, this.moment);
    this.open.add(transaction);
    return transaction;
  }

  /** Registers a write of a key; throws when somebody else's write is in the way. */
  claim(key: Buffer, writer: Transaction | undefined): void {
    if (this.open.size === 0) {
      return;
    }
    const text = keyText(key);
    const holder = this.claims.get(text);
    if (holder !== undefined && holder !== writer) {
      throw writer ? writeConflict() : new ClaimedByTransaction(holder);
    }
    if (!writer) {
      this.noteWrite(text, this.tick());
      return;
    }
    if ((this.written.get(text) ?? 0) > writer.startedAt) {
      throw writeConflict();
    }
    this.claims.set(text, writer);
    writer.claimed.add(text);
  }

  /** Applies a transaction, and in the same commit what its session notes of it. */
  async commit(transaction: Transaction, note: (writer: Writer) => void): Promise<Change[]> {
    const { unit } = transaction;
    const mark = unit.mark();
    try {
      await this.storage.write(
        (writer) => {
          this.adoptAll(transaction, writer);
          transaction.overlay.applyTo(writer);
          unit.finish(writer);
          note(writer);
        },
        () => unit.rollback(mark),
      );
      const moment = this.tick();
      transaction.claimed.forEach((key) => this.noteWrite(key, moment));
    } catch (error) {
      unit.rollback();
      throw error;
    } finally {
      this.end(transaction);
    }
    return unit.changes;
  }

  private adoptAll({ unit, created }: Transaction, writer: Writer): void {
    for (const collection of created) {
      if (!this.adopt(unit, writer, collection)) {
        throw writeConflict();
      }
    }
  }

  abort(transaction: Transaction): void {
    this.end(transaction);
  }

  private end(transaction: Transaction): void {
    this.open.delete(transaction);
    transaction.claimed.forEach((key) => this.claims.delete(key));
    this.forgetWritten();
    transaction.close();
  }

  private noteWrite(key: string, time: number): void {
    this.written.delete(key);
    this.written.set(key, time);
  }

  /** A transaction conflicts with what was written after its beginning only. */
  private forgetWritten(): void {
    // Of the open ones the first is the oldest.
    const [oldest] = this.open;
    for (const [key, time] of this.written) {
      if (oldest && time > oldest.startedAt) {
        return;
      }
      this.written.delete(key);
    }
  }
}

function writeConflict(): MongoError {
  return new MongoError(
    112,
    "Caused by :: Write conflict during plan execution and yielding is disabled. :: Please retry your operation or multi-document transaction.",
    {},
    [TRANSIENT],
  );
}
