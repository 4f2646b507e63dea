import { MongoError, typeMismatch } from "../errors";
import { type Doc, isDocument } from "../bson/values";
import type { Collection } from "../catalog/collection";
import type { Index } from "../catalog/collection-index";
import { extractKeys } from "../index/index-keys";
import { hintedIndex } from "../index/planner";
import { setPath } from "../update/path";
import { type Filter, opaque } from "./filter";

/**
 * A filter that lets through only what lies between `min` and `max` of a find in its hinted index.
 * @see https://www.mongodb.com/docs/manual/reference/method/cursor.min/
 */
export function withinIndexBounds(
  filter: Filter,
  collection: Collection | undefined,
  { min, max, hint }: Doc,
): Filter {
  if ((min ?? max) === undefined || !collection) {
    return filter;
  }
  if (hint === undefined) {
    throw new MongoError(
      51173,
      "When using min()/max() a hint of which index to use must be provided",
    );
  }
  const index = hintedIndex(collection, hint);
  const low = min === undefined ? undefined : boundaryOf(index, min);
  const high = max === undefined ? undefined : boundaryOf(index, max);
  if (low && high && low.compare(high) >= 0) {
    throw new MongoError(51175, "The value provided for min() must be less than that of max()");
  }
  const matches = (doc: Doc) =>
    filter.matches(doc) &&
    index
      .keysOf(doc)
      .some((key) => (!low || low.compare(key) <= 0) && (!high || key.compare(high) < 0));
  const root = { kind: "and" as const, children: [filter.root, opaque(matches)], matches };
  return { ...filter, root, matches };
}

/** The key a document with these values has. */
function boundaryOf(index: Index, bound: unknown): Buffer {
  if (!isDocument(bound)) {
    throw typeMismatch("Expected the bounds of min() and max() to be of type object");
  }
  const names = Object.keys(bound);
  if (
    names.length !== index.fields.length ||
    !index.fields.every(({ path }, at) => path === names[at])
  ) {
    throw new MongoError(51174, "The index chosen is not compatible with min/max");
  }
  const doc: Doc = {};
  index.fields.forEach(({ path, parts }) => setPath(doc, parts, bound[path]));
  const [key] = extractKeys(doc, index.fields, index.scanPrefix, index.collation?.fold).keys;
  return key as Buffer;
}
