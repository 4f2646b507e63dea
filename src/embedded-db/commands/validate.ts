import { decode } from "../bson/decode";
import type { Doc } from "../bson/values";
import { documentRange, readRecordId } from "../storage/keys";
import type { CommandContext } from "./context";

/**
 * Checks that every document can be read and that every index holds exactly its keys.
 * @see https://www.mongodb.com/docs/manual/reference/command/validate/
 */
export function validate(context: CommandContext): Doc {
  const collection = context.engine.collection(context.db, context.collectionName());
  const snapshot = context.snapshot();
  const errors: string[] = [];
  try {
    let records = 0;
    const keysPerIndex: Record<string, number> = {};
    for (const { key, value } of snapshot.range(documentRange(collection.id))) {
      context.deadline.check();
      records++;
      const doc = decode(value);
      for (const index of collection.indexes) {
        for (const wanted of index.keysOf(doc)) {
          keysPerIndex[index.name] = (keysPerIndex[index.name] ?? 0) + 1;
          if (!index.holds(snapshot, wanted, readRecordId(key))) {
            errors.push(`index ${index.name} lacks a key of record ${readRecordId(key)}`);
          }
        }
      }
    }
    for (const index of collection.indexes) {
      const extra = index.size(snapshot) - (keysPerIndex[index.name] ?? 0);
      if (extra !== 0) {
        errors.push(`index ${index.name} has ${extra} keys without a document`);
      }
    }
    if (records !== collection.count) {
      errors.push(`counted ${records} documents, expected ${collection.count}`);
    }
    return {
      ns: collection.ns,
      nrecords: records,
      nIndexes: collection.indexes.length,
      keysPerIndex,
      valid: errors.length === 0,
      warnings: [],
      errors,
    };
  } finally {
    snapshot.release();
  }
}
