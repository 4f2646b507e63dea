import mongoose from "mongoose";
import { config } from "../../src/config/env";
import { filesIn } from "./files";

/** In one reply: some servers lose the cursors of many readers at once. */
const WHOLE = 100_000;

/** All that is stored: the documents of every collection as extended JSON, and the names of the files. */
export async function snapshot(
  without: string[] = [],
): Promise<Record<string, string[]> & { files: string[] }> {
  const collections = await mongoose.connection.db!.listCollections().toArray();
  const names = collections.map(({ name }) => name).filter((name) => !without.includes(name));
  const stored = await Promise.all(
    names.sort().map(async (name) => {
      const rows = await mongoose.connection
        .db!.collection(name)
        .find()
        .sort({ _id: 1 })
        .batchSize(WHOLE)
        .toArray();
      return [name, rows.map((row) => mongoose.mongo.BSON.EJSON.stringify(row))] as const;
    }),
  );
  const { cloudinaryUrl, s3 } = config.media.storage;
  const files = cloudinaryUrl === null && s3 === null ? await filesIn("media") : [];
  return { ...Object.fromEntries(stored), files: files.sort() };
}

/** Takes every document of every collection away; indexes stay. */
export async function emptyDatabase(): Promise<void> {
  for (const collection of await mongoose.connection.db!.collections()) {
    await collection.deleteMany({});
  }
}
