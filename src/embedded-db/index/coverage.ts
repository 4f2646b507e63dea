import { compareValues } from "../bson/compare";
import { BSONSymbol, Decimal128, Long, Rank, rankOf, toNumber } from "../bson/values";
import type { Index } from "../catalog/collection-index";
import type { Collation } from "../query/collation";
import type { Filter, FilterNode } from "../query/filter";
import type { KeyRange } from "../storage/storage";
import { type Condition, conditionsOf, type FieldBounds, prefixesOf } from "./bounds";
import { fieldKey, hasPlace, type IndexField } from "./index-keys";
import { invert } from "./key-string";

/** Keys of longer strings may be cut. */
const MAX_STRING = 300;

/** Looking for doubts in more places costs more than reading the documents. */
const MAX_DOUBTS = 64;

const RANGES = new Set(["$gt", "$gte", "$lt", "$lte"]);

/** What the digits start with that a decimal which no double equals has behind the double's key. */
const DIGITS = { first: Buffer.from("-"), last: Buffer.from("9") };

/**
 * Says when a scan needs no look at the documents: every condition of the filter is one of the
 * bounds, the bounds hold exactly the values that fulfil it, and one key fulfils all of them.
 * Undefined when the documents must be read; else the ranges that must be empty, because keys there
 * are of decimals next to a number of the filter.
 */
export function doubtsOf(
  index: Index,
  { filter, collation }: { filter: Filter; collation?: Collation | undefined },
  bounds: FieldBounds,
  used: number,
): KeyRange[] | undefined {
  if (filter.text || filter.near || !onlyComparisons(filter.root)) {
    return undefined;
  }
  const conditions = conditionsOf(filter.root);
  const bounded = bounds.slice(0, used + 1);
  const arrays = bounded.filter((field, at) => field && index.multikey.has(at));
  const strings = collation === undefined && index.collation === undefined;
  const exact = conditions.every((condition) => {
    const at = index.fields.findIndex(({ path }) => path === condition.path);
    return bounded[at]
      ? holdsExactly(condition, index, at, strings) && standsAlone(condition, conditions, index, at)
      : strings && givenByIndex(index, condition);
  });
  return exact && arrays.length <= 1 ? decimalRanges(index, conditions, bounds, used) : undefined;
}

function onlyComparisons(node: FilterNode): boolean {
  return node.kind === "compare" || (node.kind === "and" && node.children.every(onlyComparisons));
}

/** All documents of a partial index fulfil the conditions of its filter. */
function givenByIndex({ partialFilter }: Index, { path, operator, operand }: Condition): boolean {
  return (
    partialFilter !== undefined &&
    conditionsOf(partialFilter.root).some(
      (given) =>
        given.path === path &&
        given.operator === operator &&
        compareValues([given.operand], [operand]) === 0,
    )
  );
}

/** Of several conditions on a path the bounds keep ranges only, and with arrays just one. */
function standsAlone(
  { path }: Condition,
  conditions: readonly Condition[],
  index: Index,
  at: number,
): boolean {
  const same = conditions.filter((other) => other.path === path);
  return (
    same.length === 1 ||
    (!index.multikey.has(at) && same.every(({ operator }) => RANGES.has(operator)))
  );
}

function holdsExactly(
  { operator, operand }: Condition,
  index: Index,
  at: number,
  strings: boolean,
): boolean {
  const field = index.fields[at] as IndexField;
  const byPlace = hasPlace(field);
  // An array at a place of another one has a key for each element, which the filter does not open.
  if (field.hashed || (byPlace && index.multikey.has(at))) {
    return false;
  }
  // A string that goes on with a zero byte sorts between another one and its end there.
  const ordered = strings && !field.descending;
  const nulls = !index.multikey.has(at) && !byPlace;
  switch (operator) {
    case "$eq":
      return isExact(operand, ordered, nulls);
    case "$in":
      return Array.isArray(operand) && operand.every((value) => isExact(value, ordered, nulls));
    default:
      return RANGES.has(operator) && isExact(operand, ordered, false);
  }
}

/** True when the keys of a value are those of the values equal to it, and sort like them. */
export function isExact(value: unknown, strings: boolean, nulls: boolean): boolean {
  switch (rankOf(value)) {
    case Rank.number:
      return isExactNumber(value);
    case Rank.string:
      return strings && !(value instanceof BSONSymbol) && String(value).length <= MAX_STRING;
    case Rank.objectId:
    case Rank.boolean:
    case Rank.date:
      return true;
    case Rank.null:
      return nulls;
    default:
      return false;
  }
}

/** Other decimals and longs may equal a number that has another key. */
function isExactNumber(value: unknown): boolean {
  const number = toNumber(value);
  return (
    !(value instanceof Decimal128) &&
    !Number.isNaN(number) &&
    (!(value instanceof Long) || Number.isSafeInteger(number))
  );
}

function decimalRanges(
  index: Index,
  conditions: readonly Condition[],
  bounds: FieldBounds,
  used: number,
): KeyRange[] | undefined {
  const ranges: KeyRange[] = [];
  for (const [at, field] of index.fields.slice(0, used + 1).entries()) {
    const numbers = conditions.filter(({ path }) => path === field.path).flatMap(numbersOf);
    const prefixes = numbers.length === 0 ? [] : prefixesOf(bounds.slice(0, at), index.scanPrefix);
    if (ranges.length + prefixes.length * numbers.length > MAX_DOUBTS) {
      return undefined;
    }
    for (const prefix of prefixes) {
      ranges.push(...numbers.map((number) => withDigits(prefix, number, field)));
    }
  }
  return ranges;
}

function numbersOf({ operand }: Condition): unknown[] {
  const values: unknown[] = Array.isArray(operand) ? operand : [operand];
  return values.filter((value) => rankOf(value) === Rank.number);
}

function withDigits(prefix: Buffer, number: unknown, field: IndexField): KeyRange {
  const key = Buffer.concat([prefix, fieldKey(number, field)]);
  const [low, high] = field.descending
    ? [invert(DIGITS.last), invert(DIGITS.first)]
    : [DIGITS.first, DIGITS.last];
  return {
    start: Buffer.concat([key, low]),
    end: Buffer.concat([key, high, Buffer.from([0xff])]),
  };
}
