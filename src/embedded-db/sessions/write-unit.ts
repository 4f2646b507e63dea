import { encode } from "../bson/encode";
import type { Doc } from "../bson/values";
import type { Collection } from "../catalog/collection";
import { catalogKey, countsKey } from "../storage/keys";
import type { Entry, KeyRange, Writer } from "../storage/storage";
import type { Transaction, Transactions } from "./transactions";

/** One change of a document or collection, as change streams tell it. */
export interface Change {
  type: "insert" | "update" | "replace" | "delete" | "drop" | "rename" | "dropDatabase" | "create";
  collection: Collection;
  documentKey?: Doc;
  /** The document after the change. */
  bytes?: Buffer;
  /** For updates: `$set` and `$unset` with what changed; for renames `to`. */
  change?: Doc;
}

/**
 * The writes of one command or transaction. It keeps the claims that make conflicts visible, and
 * collects what must be true together with the writes: counts, catalog entries, change events.
 */
export class WriteUnit implements Writer {
  readonly changes: Change[] = [];
  private readonly counts = new Map<Collection, { documents: number; bytes: number }>();

  constructor(
    private readonly target: Writer,
    private readonly transactions: Transactions,
    private readonly transaction?: Transaction,
  ) {}

  get(key: Buffer): Buffer | undefined {
    return this.target.get(key);
  }

  range(range: KeyRange): Iterable<Entry> {
    return this.target.range(range);
  }

  put(key: Buffer, value: Buffer): void {
    this.transactions.claim(key, this.transaction);
    this.target.put(key, value);
  }

  delete(key: Buffer): void {
    this.transactions.claim(key, this.transaction);
    this.target.delete(key);
  }

  /** Removes everything under a range of keys. */
  deleteRange(range: KeyRange): void {
    for (const { key } of [...this.target.range(range)]) {
      this.delete(key);
    }
  }

  count(collection: Collection, documents: number, bytes: number): void {
    const sum = this.counts.get(collection) ?? { documents: 0, bytes: 0 };
    sum.documents += documents;
    sum.bytes += bytes;
    this.counts.set(collection, sum);
  }

  /** Documents this unit has added to a collection so far. */
  added(collection: Collection): number {
    return this.counts.get(collection)?.documents ?? 0;
  }

  addedBytes(collection: Collection): number {
    return this.counts.get(collection)?.bytes ?? 0;
  }

  changed(change: Change): void {
    this.changes.push(change);
  }

  /** Writes counts and catalog entries. Nothing may fail after it. */
  finish(writer: Writer): void {
    for (const [collection, { documents, bytes }] of this.counts) {
      collection.count += documents;
      collection.bytes += bytes;
      writer.put(countsKey(collection.id), encodeCounts(collection));
      if (collection.dirty) {
        collection.dirty = false;
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
