import { MongoError } from "../../errors";
import { compareValues } from "../../bson/compare";
import { identityOf } from "../../index/index-keys";
import { type Compile, type CompileOperator, type Evaluate, isTruthy } from "../scope";
import { checkDeadline } from "../watch";
import { fixed, isNullish, requireArray, untilNull } from "./arguments";

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/#set-expression-operators */
export const SET: Record<string, CompileOperator> = {
  $allElementsTrue: fixed("$allElementsTrue", 1, (array) =>
    requireArray(17040, "$allElementsTrue's argument must be an array, but is", array).every(
      isTruthy,
    ),
  ),
  $anyElementTrue: fixed("$anyElementTrue", 1, (array) =>
    requireArray(17041, "$anyElementTrue's argument must be an array, but is", array).some(
      isTruthy,
    ),
  ),
  $setDifference: fixed("$setDifference", 2, (a, b) => {
    if (isNullish(a) || isNullish(b)) {
      return null;
    }
    const refused = "both operands of $setDifference must be arrays.";
    const [left, right] = [
      setOf(requireArray(17048, `${refused} First argument is of type:`, a)),
      setOf(requireArray(17049, `${refused} Second argument is of type:`, b)),
    ];
    return [...left].flatMap(([key, value]) => (right.has(key) ? [] : [value]));
  }),
  $setEquals: compileSetEquals,
  $setIntersection: untilNull(
    (array) => operandSet("$setIntersection", 17047, array),
    ([first, ...others]) =>
      inOrder([...(first ?? [])].filter(([key]) => others.every((other) => other.has(key)))),
  ),
  $setIsSubset: fixed("$setIsSubset", 2, (a, b) => {
    const refused = "both operands of $setIsSubset must be arrays.";
    return isSubset(
      setOf(requireArray(17046, `${refused} First argument is of type:`, a)),
      setOf(requireArray(17042, `${refused} Second argument is of type:`, b)),
    );
  }),
  $setUnion: untilNull(
    (array) => operandSet("$setUnion", 17043, array),
    (sets) => inOrder(sets.flatMap((set) => [...set])),
  ),
};

/** Ends at the first set that is another: the arguments behind it are not looked at. */
function compileSetEquals(argument: unknown, compile: Compile): Evaluate {
  const given: unknown[] = Array.isArray(argument) ? argument : [argument];
  if (given.length < 2) {
    throw new MongoError(17045, `$setEquals needs at least two arguments had: ${given.length}`);
  }
  const items = given.map(compile);
  return (scope) => {
    const setAt = (place: number) =>
      setOf(
        requireArray(
          17044,
          `All operands of $setEquals must be arrays. ${place + 1}-th argument is of type:`,
          items[place]?.(scope),
        ),
      );
    const first = setAt(0);
    return items.slice(1).every((_, at) => {
      const other = setAt(at + 1);
      return first.size === other.size && isSubset(first, other);
    });
  };
}

/** Values by their keys, the first of equal ones, in the order they came. */
type ValueSet = Map<string, unknown>;

/** The different ones among the values. */
function setOf(values: readonly unknown[]): ValueSet {
  const set: ValueSet = new Map();
  for (const value of values) {
    checkDeadline();
    const key = identityOf(value);
    if (!set.has(key)) {
      set.set(key, value);
    }
  }
  return set;
}

function operandSet(name: string, code: number, array: unknown): ValueSet {
  const refused = `All operands of ${name} must be arrays. One argument is of type:`;
  return setOf(requireArray(code, refused, array));
}

function isSubset(small: ValueSet, large: ValueSet): boolean {
  return [...small.keys()].every((key) => large.has(key));
}

/** MongoDB promises no order; it gives the order of the values. */
function inOrder(entries: readonly [string, unknown][]): unknown[] {
  return [...new Map(entries).values()].sort((a, b) => compareValues(a, b));
}
