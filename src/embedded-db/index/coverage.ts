import { compareValues } from "../bson/compare";
import { BSONSymbol, Decimal128, Rank, rankOf, toNumber } from "../bson/values";
import type { Index } from "../catalog/collection-index";
import type { Collation } from "../query/collation";
import type { Filter, FilterNode } from "../query/filter";
import { type Condition, conditionsOf, type FieldBounds } from "./bounds";
import { hasPlace, type IndexField } from "./index-keys";
import { sortableLength } from "./key-string";

const RANGES = new Set(["$gt", "$gte", "$lt", "$lte"]);

/**
 * Says when a scan needs no look at the documents: every condition of the filter is one of the
 * bounds, the bounds hold exactly the values that fulfil it, and one key fulfils all of them.
 */
export function isCovered(
  index: Index,
  { filter, collation }: { filter: Filter; collation?: Collation | undefined },
  bounds: FieldBounds,
  used: number,
): boolean {
  if (filter.text || filter.near || !onlyComparisons(filter.root)) {
    return false;
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
  return exact && arrays.length <= 1;
}

/** True for a filter that its conditions say all of. */
export function onlyComparisons(node: FilterNode): boolean {
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
  const nulls = !index.multikey.has(at) && !byPlace;
  switch (operator) {
    case "$eq":
      return isExact(operand, field, strings, nulls);
    case "$in":
      return (
        Array.isArray(operand) && operand.every((value) => isExact(value, field, strings, nulls))
      );
    default:
      return RANGES.has(operator) && isExact(operand, field, strings, false);
  }
}

/** True when the keys of a value are those of the values equal to it, and sort like them. */
export function isExact(
  value: unknown,
  { limit }: IndexField,
  strings: boolean,
  nulls: boolean,
): boolean {
  switch (rankOf(value)) {
    case Rank.number:
      // The digits of a decimal may be cut in an index of many fields.
      return !(value instanceof Decimal128) && !Number.isNaN(toNumber(value));
    case Rank.string:
      return (
        strings &&
        !(value instanceof BSONSymbol) &&
        String(value).length * MAX_BYTES_PER_UNIT + 2 <= sortableLength(limit)
      );
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

/** Of a character in a key. */
const MAX_BYTES_PER_UNIT = 3;
