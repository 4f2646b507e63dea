import { MongoError } from "../errors";
import { encode } from "../bson/encode";
import type { Doc, Long } from "../bson/values";
import type { Collection } from "../catalog/collection";
import { catalogKey, countsKey } from "../storage/keys";
import type { CommitTime } from "../logical-clock";
import { ForwardingWriter } from "../storage/forwarding-writer";
import type { Writer } from "../storage/storage";
import type { UpdateDescription } from "../update/difference";
import type { Transaction, Transactions } from "./transactions";

const MAX_TRANSACTION_BYTES = 256 * 1024 * 1024;

/** One change of a document or collection, as change streams tell it. */
export interface Change {
  type:
    | "insert"
    | "update"
    | "replace"
    | "delete"
    | "drop"
    | "rename"
    | "dropDatabase"
    | "create"
    | "createIndexes"
    | "dropIndexes"
    | "modify";
  collection: Collection;
  /** Of an update, a replacement or a deletion; an insertion has it in its document. */
  documentKey?: Doc;
  /** The document after the change. */
  bytes?: Buffer;
  /** The document before the change, where the collection keeps pre-images. */
  before?: Buffer | undefined;
  /** Of an update. */
  description?: UpdateDescription;
  /** The new name of a renamed collection. */
  to?: { db: string; coll: string };
  /** What was done to the collection itself, as streams with expanded events tell it. */
  operation?: Doc;
  /** The options of a collection, and of the index, before they were modified. */
  stateBefore?: Doc;
  /** The transaction it was part of. */
  transaction?: { lsid: Doc; txnNumber: Long };
}

/**
 * The writes of one command or transaction. It keeps the claims that make conflicts visible, and
 * collects what must be true together with the writes: counts, catalog entries, change events.
 */
export class WriteUnit extends ForwardingWriter {
  readonly changes: Change[] = [];
  /** When its changes happened, once it is finished. */
  time: CommitTime | undefined;
  private readonly counts = new Map<Collection, { documents: number; bytes: number }>();
  private readonly undos: (() => void)[] = [];
  private keptBytes = 0;

  constructor(
    target: Writer,
    private readonly transactions: Transactions,
    private readonly transaction?: Transaction,
  ) {
    super(target);
  }

  get inTransaction(): boolean {
    return this.transaction !== undefined;
  }

  put(key: Buffer, value: Buffer): void {
    this.transactions.claim(key, this.transaction);
    this.keep(value.length);
    this.target.put(key, value);
  }

  delete(key: Buffer): void {
    this.transactions.claim(key, this.transaction);
    this.target.delete(key);
  }

  /** What a transaction writes stays in memory until its commit. */
  private keep(bytes: number): void {
    this.keptBytes += bytes;
    if (this.transaction && this.keptBytes > MAX_TRANSACTION_BYTES) {
      throw new MongoError(
        388,
        "Transaction is too large and will not fit in the storage engine cache",
      );
    }
  }

  /** Notes how many documents and bytes a collection has gained. */
  grown(collection: Collection, documents: number, bytes: number): void {
    const sum = this.counts.get(collection) ?? { documents: 0, bytes: 0 };
    sum.documents += documents;
    sum.bytes += bytes;
    this.counts.set(collection, sum);
  }

  /** Documents this unit has added to a collection so far. */
  added(collection: Collection): number {
    return this.counts.get(collection)?.documents ?? 0;
  }

  /** True when documents of the collection were written. */
  touched(collection: Collection): boolean {
    return this.counts.has(collection);
  }

  /** Call before changing a collection itself: its indexes, or that it exists. */
  claimCollection(collection: Collection): void {
    this.transactions.claimCollection(collection, this.transaction);
  }

  /** The moment of this write, for comparing with snapshots. */
  now(): number {
    return this.transactions.tick();
  }

  addedBytes(collection: Collection): number {
    return this.counts.get(collection)?.bytes ?? 0;
  }

  changed(change: Change): void {
    this.changes.push(change);
  }

  /** Notes how to take back what was changed in memory, should the write not come to be. */
  onRollback(undo: () => void): void {
    this.undos.push(undo);
  }

  /** Where rollback() is to stop. */
  mark(): number {
    return this.undos.length;
  }

  /** Takes back what was changed in memory, since a mark; the store takes back its own part. */
  rollback(mark = 0): void {
    this.undos
      .splice(mark)
      .reverse()
      .forEach((undo) => undo());
  }

  /** Writes counts, catalog entries and the time. Only the commit itself can fail after it. */
  finish(writer: Writer): void {
    const moments = this.transaction ? Math.min(this.changes.length, 1) : this.changes.length;
    this.time = this.transactions.clock.tick(writer, moments);
    for (const [collection, { documents, bytes }] of this.counts) {
      const { dirty } = collection;
      this.onRollback(() => {
        collection.count -= documents;
        collection.bytes -= bytes;
        collection.dirty ||= dirty;
      });
      collection.count += documents;
      collection.bytes += bytes;
      collection.dirty = false;
      writer.put(countsKey(collection.id), encodeCounts(collection));
      if (dirty) {
        writer.put(catalogKey(collection.id), encode({ ...collection.record() }));
      }
    }
  }
}

function encodeCounts(collection: Collection): Buffer {
  const bytes = Buffer.allocUnsafe(16);
  bytes.writeDoubleBE(collection.count, 0);
  bytes.writeDoubleBE(collection.bytes, 8);
  return bytes;
}
