import { badValue, MongoError } from "../../errors";
import { double, isDocument, isNumeric, toNumber } from "../../bson/values";
import type { CompileOperator } from "../scope";
import { namedArguments } from "./arguments";

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/percentile/ */
export const PERCENTILE: Record<string, CompileOperator> = {
  $median: ofArray("$median", ["input", "method"], (found) => found[0] ?? null),
  $percentile: ofArray("$percentile", ["input", "p", "method"], (found) => found),
};

/** Over the elements of an array, or a single number. */
function ofArray(
  name: string,
  needed: readonly string[],
  finish: (found: unknown[]) => unknown,
): CompileOperator {
  return (argument, compile) => {
    const parts = namedArguments(name, argument, compile, needed);
    const shares = sharesOf(name, argument);
    return (scope) => {
      const input = parts["input"]?.(scope);
      return finish(percentilesOf(Array.isArray(input) ? input : [input], shares));
    };
  };
}

/** The shares that `$percentile` asks for, and `$median`. */
export function sharesOf(name: string, argument: unknown): number[] {
  const { method, p } = isDocument(argument) ? argument : {};
  if (method !== "approximate") {
    throw badValue(`Currently only 'approximate' can be used as percentile 'method' in ${name}.`);
  }
  const wanted = name === "$median" ? [0.5] : p;
  if (!Array.isArray(wanted) || wanted.length === 0 || !wanted.every(isShare)) {
    throw new MongoError(7750301, "'p' must be an array of numeric values from [0.0, 1.0] range");
  }
  return wanted.map((share) => toNumber(share) as number);
}

function isShare(value: unknown): boolean {
  const share = toNumber(value);
  return share !== undefined && share >= 0 && share <= 1;
}

/** The exact percentiles of the numbers among the values; MongoDB's t-digest comes close to them. */
export function percentilesOf(values: readonly unknown[], shares: readonly number[]): unknown[] {
  const numbers = values
    .filter(isNumeric)
    .map((value) => toNumber(value) as number)
    .sort((a, b) => a - b);
  return shares.map((share) => {
    const found = numbers[Math.max(Math.ceil(share * numbers.length) - 1, 0)];
    return found === undefined ? null : double(found);
  });
}
