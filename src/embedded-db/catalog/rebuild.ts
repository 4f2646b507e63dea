import { decode } from "../bson/decode";
import { encode } from "../bson/encode";
import { omit } from "../bson/values";
import { MongoError } from "../errors";
import { clear } from "../storage/clear";
import { markedForRebuild, unmarkForRebuild } from "../storage/format";
import { catalogKey, documentRange, indexRange, readRecordId } from "../storage/keys";
import type { Storage, Writer } from "../storage/storage";
import { Catalog } from "./catalog";
import type { Collection } from "./collection";
import { Index } from "./collection-index";

/**
 * Builds all indexes anew in a store that is marked for it, because an earlier program wrote other
 * keys. Each is one commit, and the mark goes last: whoever is interrupted begins again.
 */
export async function rebuildIndexes(storage: Storage): Promise<void> {
  if (!markedForRebuild(storage)) {
    return;
  }
  const catalog = new Catalog();
  catalog.load(storage);
  const collections = catalog.databaseNames().flatMap((db) => catalog.collections(db));
  for (const collection of collections) {
    for (let at = 0; at < collection.indexes.length; at++) {
      await storage.write((writer) => {
        const rebuilt = rebuild(writer, collection, collection.indexes[at] as Index);
        collection.indexes = collection.indexes.with(at, rebuilt);
        writer.put(catalogKey(collection.id), encode({ ...collection.record() }));
      });
    }
  }
  await storage.write((writer) => unmarkForRebuild(writer));
}

/** Values that were different keys may be one now: their index keeps them, and takes no more of them. */
function rebuild(writer: Writer, collection: Collection, { id, spec, isId }: Index): Index {
  const index = new Index(id, spec);
  if (fill(writer, collection, index) || isId) {
    return index;
  }
  const relaxed = new Index(id, { ...omit(spec, "unique"), prepareUnique: true });
  fill(writer, collection, relaxed);
  return relaxed;
}

/** Gives false when a unique index has left out the keys of some documents. */
function fill(writer: Writer, collection: Collection, index: Index): boolean {
  clear(writer, indexRange(index.id));
  let complete = true;
  for (const { key: place, value } of writer.range(documentRange(collection.id))) {
    const record = readRecordId(place);
    for (const key of keysOf(index, value)) {
      if (index.unique && index.findDuplicate(writer, [key], record)) {
        complete = false;
      } else {
        index.add(writer, key, record);
      }
    }
  }
  return complete;
}

/** A document is not lost for an index that would refuse it today. */
function keysOf(index: Index, document: Buffer): Buffer[] {
  try {
    return index.keysOf(decode(document));
  } catch (error) {
    if (error instanceof MongoError) {
      return [];
    }
    throw error;
  }
}
