import type { mongo } from "mongoose";

type Write = mongo.AnyBulkWriteOperation;

/** The collections that take bulk writes; Mongoose's type for them is narrower than the driver's. */
interface Collection {
  bulkWrite(writes: Write[]): Promise<unknown>;
}

/** Gives rows that were made just now the dates that the story wants, past the models' own clocks. */
export class Backdating {
  private readonly writes = new Map<Collection, Write[]>();

  /** Notes what is to be written into the one row that the filter names. */
  note(collection: object, filter: mongo.Document, dates: Record<string, Date>): void {
    const key = collection as Collection;
    const noted = this.writes.get(key) ?? [];
    noted.push({ updateOne: { filter, update: { $set: dates } } });
    this.writes.set(key, noted);
  }

  async write(): Promise<void> {
    for (const [collection, writes] of this.writes) {
      await collection.bulkWrite(writes);
    }
    this.writes.clear();
  }
}
