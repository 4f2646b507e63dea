import { decode } from "../bson/decode";
import { toNumber } from "../bson/values";
import type { WriteUnit } from "../sessions/write-unit";
import { documentRange, readRecordId } from "../storage/keys";
import type { Collection } from "./collection";

/**
 * Removes the oldest documents of a capped collection that has grown too large.
 * @see https://www.mongodb.com/docs/manual/core/capped-collections/
 */
export function enforceCap(unit: WriteUnit, collection: Collection): void {
  if (!collection.capped) {
    return;
  }
  const maxCount = toNumber(collection.options["max"]) ?? Infinity;
  const maxBytes = toNumber(collection.options["size"]) ?? Infinity;
  for (const { key, value } of unit.range(documentRange(collection.id))) {
    const count = collection.count + unit.added(collection);
    const bytes = collection.bytes + unit.addedBytes(collection);
    if (count <= maxCount && bytes <= maxBytes) {
      return;
    }
    collection.remove(unit, { record: readRecordId(key), bytes: value }, decode(value));
  }
}
