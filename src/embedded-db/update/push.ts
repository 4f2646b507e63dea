import { badValue } from "../errors";
import { compareValues } from "../bson/compare";
import { formatIdentity } from "../bson/format";
import { parseLong } from "../bson/numbers";
import { type Doc, isDocument, toNumber, typeName } from "../bson/values";
import type { Collation } from "../query/collation";
import { checkSortPattern, parseSort, sortDocuments } from "../query/sort";
import type { Application } from "./operators";

const SORT_ERRORS = { pattern: badValue, direction: badValue, type: badValue };

const MODIFIERS = new Set(["$each", "$position", "$slice", "$sort"]);

/**
 * Refuses modifiers that say nothing `$push` could do.
 * @see https://www.mongodb.com/docs/manual/reference/operator/update/push/
 */
export function checkPush(_path: string, operand: unknown): void {
  if (!hasEach(operand)) {
    return;
  }
  const unknown = Object.keys(operand).find((name) => !MODIFIERS.has(name));
  if (unknown !== undefined) {
    throw badValue(`Unrecognized clause in $push: ${unknown}`);
  }
  if (!Array.isArray(operand["$each"])) {
    throw badValue(
      `The argument to $each in $push must be an array but it was of type: ${typeName(operand["$each"])}`,
    );
  }
  checkWhole("$slice", operand["$slice"], "value but was given type");
  if (operand["$sort"] !== undefined) {
    checkSortPattern(operand["$sort"], SORT_ERRORS);
  }
  checkWhole("$position", operand["$position"], "value, not of type");
}

function checkWhole(name: string, value: unknown, otherwise: string): void {
  if (value !== undefined) {
    parseLong(name, value, () =>
      badValue(`The value for ${name} must be an integer ${otherwise}: ${typeName(value)}`),
    );
  }
}

function hasEach(operand: unknown): operand is Doc {
  return isDocument(operand) && "$each" in operand;
}

/** The array with the new elements at their place, then sorted, then cut. */
export function push(before: unknown, { operand, path, doc, collation }: Application): unknown[] {
  if (before !== undefined && !Array.isArray(before)) {
    throw badValue(
      `The field '${path}' must be an array but is of type ${typeName(before)} in document ${formatIdentity(doc)}`,
    );
  }
  const {
    $each: each,
    $position: position,
    $slice: slice,
    $sort: sort,
  } = hasEach(operand) ? operand : { $each: [operand] };
  const old: unknown[] = before ?? [];
  const place = placeIn(old.length, position);
  // A list of arguments, as splice takes, would have an end.
  const after = [...old.slice(0, place), ...(each as unknown[]), ...old.slice(place)];
  return sliced(sorted(after, sort, collation), slice);
}

function placeIn(length: number, position: unknown): number {
  const place = toNumber(position) ?? length;
  return place < 0 ? Math.max(length + place, 0) : Math.min(place, length);
}

function sorted(values: unknown[], sort: unknown, collation: Collation | undefined): unknown[] {
  if (sort === undefined) {
    return values;
  }
  if (isDocument(sort)) {
    const docOf = (value: unknown) => (isDocument(value) ? value : {});
    return sortDocuments(values, parseSort(sort), docOf, { collation });
  }
  const direction = toNumber(sort) as number;
  return values.sort((a, b) => compareValues(a, b, collation?.order) * direction);
}

function sliced(values: unknown[], slice: unknown): unknown[] {
  const count = toNumber(slice);
  if (count === undefined) {
    return values;
  }
  // The last zero elements are none, which a slice from -0 would not say.
  return count < 0 ? values.slice(count) : values.slice(0, count);
}
