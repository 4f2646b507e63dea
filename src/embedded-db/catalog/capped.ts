import { decode } from "../bson/decode";
import { Long, toNumber } from "../bson/values";
import type { WriteUnit } from "../sessions/write-unit";
import { documentRange, readRecordId } from "../storage/keys";
import type { Collection, StoredDocument } from "./collection";

/** Sizes are multiples of this many bytes. */
const CAP_UNIT = 256;

/** The size a capped collection has when this one is asked for. */
export function roundedCap(wanted: unknown): unknown {
  const size = toNumber(wanted);
  return size === undefined ? wanted : Long.fromNumber(Math.ceil(size / CAP_UNIT) * CAP_UNIT);
}

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
  let count = collection.count + unit.added(collection);
  let bytes = collection.bytes + unit.addedBytes(collection);
  const oldest: StoredDocument[] = [];
  // Chosen before the first one goes: a range must not change under its reader.
  for (const { key, value } of unit.range(documentRange(collection.id))) {
    if (count <= maxCount && bytes <= maxBytes) {
      break;
    }
    oldest.push({ record: readRecordId(key), bytes: value });
    count--;
    bytes -= value.length;
  }
  oldest.forEach((stored) => collection.remove(unit, stored, decode(stored.bytes)));
}
