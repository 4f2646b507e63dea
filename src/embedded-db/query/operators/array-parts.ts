import { MongoError } from "../../errors";
import { compareValues, equalValues } from "../../bson/compare";
import { isDocument, toNumber, typeName } from "../../bson/values";
import type { Compile, CompileOperator, Evaluate } from "../scope";
import { checkArrayLength, checkDeadline } from "../watch";
import {
  between,
  fixed,
  isNullish,
  namedArguments,
  placeArgument,
  requireArray,
} from "./arguments";

/**
 * The operators that take arrays apart and put them together again.
 * @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/#array-expression-operators
 */
export const ARRAY_PARTS: Record<string, CompileOperator> = {
  $firstN: some("$firstN", (items, n) => items.slice(0, n)),
  $indexOfArray: between("$indexOfArray", 2, 4, indexOfArray),
  $lastN: some("$lastN", (items, n) => items.slice(-n)),
  $maxN: some("$maxN", (items, n) => extremes(items, n, -1)),
  $minN: some("$minN", (items, n) => extremes(items, n, 1)),
  $reverseArray: fixed("$reverseArray", 1, (array) =>
    isNullish(array)
      ? null
      : [
          ...requireArray(
            34435,
            "The argument to $reverseArray must be an array, but was of type:",
            array,
          ),
        ].reverse(),
  ),
  $slice: between("$slice", 2, 3, slice),
  $zip: compileZip,
};

function slice(values: unknown[]): unknown {
  const [array, second, third] = values;
  if (isNullish(array) || isNullish(second)) {
    return null;
  }
  const items = requireArray(
    28724,
    "First argument to $slice must be an array, but is of type:",
    array,
  );
  const place = int32("Second", "must be a numeric value, but", second, 28725, 28726);
  if (values.length < 3) {
    return place < 0 ? items.slice(place) : items.slice(0, place);
  }
  if (isNullish(third)) {
    return null;
  }
  const count = int32("Third", "must be numeric, but", third, 28727, 28728);
  if (count <= 0) {
    throw new MongoError(28729, `Third argument to $slice must be positive: ${count}`);
  }
  const start = place < 0 ? Math.max(items.length + place, 0) : place;
  return items.slice(start, start + count);
}

function int32(
  which: string,
  wanted: string,
  value: unknown,
  notNumber: number,
  notInt: number,
): number {
  const number = toNumber(value);
  if (number === undefined) {
    throw new MongoError(
      notNumber,
      `${which} argument to $slice ${wanted} is of type: ${typeName(value)}`,
    );
  }
  if ((number | 0) !== number) {
    throw new MongoError(
      notInt,
      `${which} argument to $slice can't be represented as a 32-bit integer: ${number}`,
    );
  }
  return number;
}

function indexOfArray([array, wanted, start = 0, ...rest]: unknown[]): unknown {
  if (isNullish(array)) {
    return null;
  }
  const items = requireArray(
    40090,
    "$indexOfArray requires an array as a first argument, found:",
    array,
  );
  const from = placeArgument("$indexOfArray", "starting index", start);
  const end =
    rest.length === 0 ? Infinity : placeArgument("$indexOfArray", "ending index", rest[0]);
  for (let at = from; at < Math.min(end, items.length); at++) {
    checkDeadline();
    if (equalValues(items[at], wanted)) {
      return at;
    }
  }
  return -1;
}

/** An operator over `{ n, input }`. */
function some(name: string, take: (items: unknown[], n: number) => unknown[]): CompileOperator {
  return (argument, compile) => {
    const parts = namedArguments(name, argument, compile, ["n", "input"]);
    return (scope) => {
      const n = toNumber(parts["n"]?.(scope));
      if (n === undefined || !Number.isInteger(n)) {
        throw new MongoError(5787902, `Value for 'n' must be of integral type in ${name}`);
      }
      if (n <= 0) {
        throw new MongoError(5787908, `'n' must be greater than 0, found ${n} in ${name}`);
      }
      return take(
        requireArray(5788200, "input must be an array, found", parts["input"]?.(scope)),
        n,
      );
    };
  };
}

/** The first of the values in ascending (sign 1) or descending order, without nulls. */
export function extremes(values: readonly unknown[], count: number, sign: 1 | -1): unknown[] {
  return values
    .filter((value) => !isNullish(value))
    .sort((a, b) => compareValues(a, b) * sign)
    .slice(0, count);
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/zip/ */
function compileZip(argument: unknown, compile: Compile): Evaluate {
  if (!isDocument(argument)) {
    throw new MongoError(
      34460,
      `$zip only supports an object as an argument, found ${typeName(argument)}`,
    );
  }
  const { inputs, defaults, useLongestLength = false } = argument;
  const unknown = Object.keys(argument).find((name) => !ZIP_ARGUMENTS.has(name));
  if (unknown !== undefined) {
    throw new MongoError(34464, `$zip found an unknown argument: ${unknown}`);
  }
  if (inputs !== undefined && !Array.isArray(inputs)) {
    throw new MongoError(
      34461,
      `inputs must be an array of expressions, found ${typeName(inputs)}`,
    );
  }
  if (defaults !== undefined && !Array.isArray(defaults)) {
    throw new MongoError(
      34462,
      `defaults must be an array of expressions, found ${typeName(defaults)}`,
    );
  }
  if (!inputs?.length) {
    throw new MongoError(34465, "$zip requires at least one input array");
  }
  if (typeof useLongestLength !== "boolean") {
    throw new MongoError(34463, "useLongestLength must be a bool, found object");
  }
  if (defaults?.length && !useLongestLength) {
    throw new MongoError(34466, "cannot specify defaults unless useLongestLength is true");
  }
  if (defaults?.length && defaults.length !== inputs.length) {
    throw new MongoError(34467, "defaults and inputs must have the same length");
  }
  const arrays = inputs.map(compile);
  const fill = (defaults ?? []).map(compile);
  return (scope) => {
    const lists: unknown[][] = [];
    for (const array of arrays) {
      const value = array(scope);
      if (isNullish(value)) {
        return null;
      }
      lists.push(requireArray(34468, "$zip found a non-array expression in input:", value));
    }
    const lengths = lists.map(({ length }) => length);
    const length = useLongestLength ? Math.max(...lengths) : Math.min(...lengths);
    checkArrayLength("$zip", length * lists.length);
    const missing = fill.map((value) => value(scope));
    return Array.from({ length }, (_, at) => {
      checkDeadline();
      return lists.map((list, which) => (at < list.length ? list[at] : missing[which]) ?? null);
    });
  };
}

const ZIP_ARGUMENTS = new Set(["inputs", "useLongestLength", "defaults"]);
