import { badValue, MongoError } from "../errors";
import { compareValues } from "../bson/compare";
import { type Doc, isDocument, isNumeric, toNumber } from "../bson/values";
import type { Collation } from "./collation";
import type { MemoryBudget } from "./memory-budget";
import { metaName } from "./meta";
import { visitKeysAt } from "./path";
import type { Deadline } from "./scan";
import { Shortlist } from "./shortlist";

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

type Refuse = (message: string) => MongoError;

/**
 * Refuses an order for the elements of an array that is neither 1 or -1 nor says that of fields.
 * @see https://www.mongodb.com/docs/manual/reference/operator/update/sort/
 */
export function checkSortPattern(
  sort: unknown,
  refuse: { pattern: Refuse; direction: Refuse; type: Refuse },
): void {
  if (!isDocument(sort)) {
    if (!isNumeric(sort)) {
      throw refuse.type(
        "The $sort is invalid: use 1/-1 to sort the whole element, or {field:1/-1} to sort embedded fields",
      );
    }
    if (!isDirection(sort)) {
      throw refuse.direction("The $sort element value must be either 1 or -1");
    }
    return;
  }
  if (Object.keys(sort).length === 0) {
    throw refuse.pattern("The sort pattern is empty when it should be a set of fields.");
  }
  for (const [path, direction] of Object.entries(sort)) {
    if (!isDirection(direction)) {
      throw refuse.pattern("The sort element value must be either 1 or -1");
    }
    if (path === "") {
      throw refuse.pattern("The sort field cannot be empty");
    }
    if (path.split(".").includes("")) {
      throw refuse.pattern(`The sort field is a dotted field but has an empty part: ${path}`);
    }
  }
}

function isDirection(value: unknown): boolean {
  return Math.abs(toNumber(value) ?? 0) === 1;
}

/** Reads what `{ $meta: name }` means for a document. */
type MetaReader = (doc: Doc, name: string) => unknown;

export interface SortOptions {
  collation?: Collation | undefined;
  meta?: MetaReader;
  /** Only so many are wanted. */
  limit?: number | undefined;
  /** Those wanted are the last ones. */
  fromEnd?: boolean;
  deadline?: Deadline;
  budget?: MemoryBudget | undefined;
}

interface Row<T> {
  item: T;
  values: unknown[];
  place: number;
}

/**
 * Sorts documents; each key is read once per document. Of more documents than are wanted it keeps
 * no more than twice as many.
 */
export class Sorter<T> {
  private readonly rows: Shortlist<Row<T>>;
  private place = 0;
  /** The last of those wanted when they were last cut. */
  private last: Row<T> | undefined;
  private readonly limit: number;

  constructor(
    private readonly keys: readonly SortKey[],
    private readonly options: SortOptions = {},
  ) {
    this.limit = options.limit && options.limit > 0 ? options.limit : Infinity;
    this.rows = new Shortlist(this.limit, (rows) => this.first(rows), options.budget);
  }

  /** Takes an item that sorts by a document. */
  add(item: T, doc: Doc): void {
    const values = this.keys.map((key) =>
      key.meta === undefined ? sortValue(doc, key) : this.options.meta?.(doc, key.meta),
    );
    const row = { item, values, place: this.place++ };
    if (!this.last || this.order(this.last, row) >= 0) {
      this.rows.add(row, doc);
    }
  }

  /** The items in order; more may follow. */
  sorted(): T[] {
    const items = this.rows.chosen().map(({ item }) => item);
    return this.options.fromEnd ? items.reverse() : items;
  }

  private first(rows: Row<T>[]): Row<T>[] {
    const first = rows.sort((a, b) => this.order(a, b)).slice(0, this.limit);
    this.last = first[this.limit - 1];
    return first;
  }

  private order(a: Row<T>, b: Row<T>): number {
    this.options.deadline?.check();
    const sign = this.options.fromEnd ? -1 : 1;
    for (let at = 0; at < this.keys.length; at++) {
      const order = compareValues(a.values[at], b.values[at], this.options.collation?.order);
      if (order !== 0) {
        return this.keys[at]?.descending ? -order * sign : order * sign;
      }
    }
    return (a.place - b.place) * sign;
  }
}

/** Sorts documents, or what has one. */
export function sortDocuments<T>(
  items: Iterable<T>,
  keys: readonly SortKey[],
  docOf: (item: T) => Doc,
  options: SortOptions = {},
): T[] {
  const sorter = new Sorter<T>(keys, options);
  for (const item of items) {
    sorter.add(item, docOf(item));
  }
  return sorter.sorted();
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
