import { badValue, MongoError } from "../errors";
import { compareValues } from "../bson/compare";
import { type Doc, isDocument, toNumber } from "../bson/values";
import type { Collation } from "./collation";
import { metaName } from "./meta";
import { visitKeysAt } from "./path";
import type { Deadline } from "./scan";

/** One key of a sort; `meta` sorts by something computed, such as the text score. */
export interface SortKey {
  path: string;
  parts: readonly string[];
  descending: boolean;
  meta?: string;
}

/**
 * Parses `{ createdAt: -1, _id: -1 }`.
 * @see https://www.mongodb.com/docs/manual/reference/method/cursor.sort/
 */
export function parseSort(sort: unknown): SortKey[] {
  if (sort === undefined || sort === null) {
    return [];
  }
  if (!isDocument(sort)) {
    throw new MongoError(14, "Expected field sort to be of type object");
  }
  return Object.entries(sort).map(([path, direction]) => parseKey(path, direction));
}

function parseKey(path: string, direction: unknown): SortKey {
  const parts = path.split(".");
  if (isDocument(direction) && "$meta" in direction) {
    return { path, parts, descending: true, meta: metaName(direction["$meta"]) };
  }
  const number = toNumber(direction);
  if (number !== 1 && number !== -1) {
    throw new MongoError(
      number === undefined ? 15974 : 15975,
      number === undefined
        ? `Illegal key in $sort specification: ${path}: ${String(direction)}`
        : "$sort key ordering must be 1 (for ascending) or -1 (for descending)",
    );
  }
  if (parts.includes("")) {
    throw badValue("FieldPath field names may not be empty strings.");
  }
  return { path, parts, descending: number < 0 };
}

/** Reads what `{ $meta: name }` means for a document. */
type MetaReader = (doc: Doc, name: string) => unknown;

export interface SortOptions {
  collation?: Collation | undefined;
  meta?: MetaReader;
  limit?: number;
  deadline?: Deadline;
}

/** Sorts documents; each key is read once per document. */
export function sortDocuments<T>(
  items: readonly T[],
  keys: readonly SortKey[],
  docOf: (item: T) => Doc,
  options: SortOptions = {},
): T[] {
  const strings = options.collation?.order;
  const rows = items.map((item, place) => {
    const doc = docOf(item);
    const values = keys.map((key) =>
      key.meta === undefined ? sortValue(doc, key) : options.meta?.(doc, key.meta),
    );
    return { item, values, place };
  });
  rows.sort((a, b) => {
    options.deadline?.check();
    for (let at = 0; at < keys.length; at++) {
      const order = compareValues(a.values[at], b.values[at], strings);
      if (order !== 0) {
        return keys[at]?.descending ? -order : order;
      }
    }
    return a.place - b.place;
  });
  const end = options.limit === undefined || options.limit <= 0 ? rows.length : options.limit;
  return rows.slice(0, end).map(({ item }) => item);
}

/** An array sorts by its smallest element ascending, by its largest descending; missing as null. */
function sortValue(doc: Doc, key: SortKey): unknown {
  let best: unknown = undefined;
  let seen = false;
  visitKeysAt(doc, key.parts, 0, (value) => {
    const candidates = Array.isArray(value)
      ? value.length === 0
        ? [undefined]
        : value
      : [value ?? null];
    for (const candidate of candidates) {
      if (!seen || compareValues(candidate, best) > 0 === key.descending) {
        best = candidate;
        seen = true;
      }
    }
  });
  return seen ? best : null;
}
