import { MongoError } from "../errors";
import type { Doc } from "../bson/values";

const scores = new WeakMap<object, Doc>();

/** Notes something computed for a document, such as its text score. */
export function setMeta(doc: Doc, name: string, value: unknown): void {
  scores.set(doc, { ...scores.get(doc), [name]: value });
}

/** What may be asked for; what this server does not compute is missing. */
const NAMES = new Set([
  "geoNearDistance",
  "geoNearPoint",
  "indexKey",
  "randVal",
  "recordId",
  "score",
  "scoreDetails",
  "searchHighlights",
  "searchScore",
  "searchScoreDetails",
  "searchSequenceToken",
  "sortKey",
  "textScore",
  "timeseriesBucketMaxTime",
  "timeseriesBucketMinTime",
  "vectorSearchScore",
]);

/** The name in `{ $meta: name }`. */
export function metaName(name: unknown): string {
  if (typeof name !== "string" || !NAMES.has(name)) {
    throw new MongoError(17308, `Unsupported argument to $meta: ${String(name)}`);
  }
  return name;
}

/** What `{ $meta: name }` gives for a document; only a `$text` search gives scores. */
export function metaOf(doc: unknown, name: string): unknown {
  const value = typeof doc === "object" && doc !== null ? scores.get(doc)?.[name] : undefined;
  if (value === undefined && name === "textScore") {
    throw noTextScore();
  }
  return value;
}

export function noTextScore(): MongoError {
  return new MongoError(40218, "query requires text score metadata, but it is not available");
}

/** A document made from another keeps what was computed for it. */
export function keepMeta(from: Doc, to: Doc): Doc {
  const meta = scores.get(from);
  if (meta) {
    scores.set(to, meta);
  }
  return to;
}
