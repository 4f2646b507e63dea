import { MongoError } from "../errors";
import { type Doc, double, isDocument, isNumeric, toNumber } from "../bson/values";
import { compileExpression } from "../query/expression";
import { extremes } from "../query/operators/array-parts";
import { percentilesOf, sharesOf } from "../query/operators/percentile";
import { type Evaluate, scopeFor } from "../query/scope";
import { parseSort, sortDocuments } from "../query/sort";
import type { PipelineContext } from "./stage";

/** Computes a field of a group from the group's documents. */
type Accumulator = (docs: readonly Doc[], context: PipelineContext) => unknown;

/**
 * The accumulators that take several arguments, or need all values at once.
 * @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/group/#accumulator-operator
 */
export const COMPOUND_ACCUMULATORS: Record<string, (operand: unknown) => Accumulator> = {
  $bottom: (operand) => ranked("$bottom", operand, (items) => items.at(-1) ?? null, false),
  $bottomN: (operand) => ranked("$bottomN", operand, (items, n) => items.slice(-n), true),
  $firstN: (operand) => several("$firstN", operand, (values, n) => values.slice(0, n)),
  $lastN: (operand) => several("$lastN", operand, (values, n) => values.slice(-n)),
  $maxN: (operand) => several("$maxN", operand, (values, n) => extremes(values, n, -1)),
  $median: (operand) => percentiles("$median", operand, (found) => found[0] ?? null),
  $minN: (operand) => several("$minN", operand, (values, n) => extremes(values, n, 1)),
  $percentile: (operand) => percentiles("$percentile", operand, (found) => found),
  $stdDevPop: (operand) => deviation(operand, 0),
  $stdDevSamp: (operand) => deviation(operand, 1),
  $top: (operand) => ranked("$top", operand, (items) => items[0] ?? null, false),
  $topN: (operand) => ranked("$topN", operand, (items, n) => items.slice(0, n), true),
};

function evaluateAll(
  docs: readonly Doc[],
  evaluate: Evaluate,
  context: PipelineContext,
): unknown[] {
  return docs.map((doc) => evaluate(scopeFor(doc, context)));
}

function specOf(name: string, operand: unknown, needed: readonly string[]): Doc {
  if (!isDocument(operand)) {
    throw new MongoError(5787801, `specification must be an object; found ${name}`);
  }
  const unknown = Object.keys(operand).find((key) => !needed.includes(key));
  if (unknown !== undefined) {
    throw new MongoError(5787901, `Unknown argument for ${name}: ${unknown}`);
  }
  const missing = needed.find((key) => !(key in operand));
  if (missing !== undefined) {
    throw new MongoError(5787907, `Missing value for '${missing}' in ${name}`);
  }
  return operand;
}

/** How many are wanted; the same for the whole group. */
function countOf(
  name: string,
  evaluate: Evaluate,
  docs: readonly Doc[],
  context: PipelineContext,
): number {
  const [first] = docs;
  const count = toNumber(evaluate(scopeFor(first, context)));
  if (count === undefined || !Number.isInteger(count)) {
    throw new MongoError(
      5787902,
      `Value for 'n' must be of integral type, but found ${String(count)} in ${name}`,
    );
  }
  if (count <= 0) {
    throw new MongoError(5787908, `'n' must be greater than 0, found ${count} in ${name}`);
  }
  return count;
}

function several(
  name: string,
  operand: unknown,
  take: (values: unknown[], count: number) => unknown[],
): Accumulator {
  const spec = specOf(name, operand, ["input", "n"]);
  const [input, n] = [compileExpression(spec["input"]), compileExpression(spec["n"])];
  return (docs, context) =>
    take(
      evaluateAll(docs, input, context).map((value) => value ?? null),
      countOf(name, n, docs, context),
    );
}

function ranked(
  name: string,
  operand: unknown,
  take: (outputs: unknown[], count: number) => unknown,
  counted: boolean,
): Accumulator {
  const spec = specOf(name, operand, ["sortBy", "output", ...(counted ? ["n"] : [])]);
  const keys = parseSort(spec["sortBy"]);
  const output = compileExpression(spec["output"]);
  const n = counted ? compileExpression(spec["n"]) : undefined;
  return (docs, context) => {
    const sorted = sortDocuments([...docs], keys, (doc) => doc, { collation: context.collation });
    const outputs = evaluateAll(sorted, output, context).map((value) => value ?? null);
    return take(outputs, n ? countOf(name, n, docs, context) : 1);
  };
}

function deviation(operand: unknown, correction: 0 | 1): Accumulator {
  const evaluate = compileExpression(operand);
  return (docs, context) => {
    const numbers = evaluateAll(docs, evaluate, context)
      .filter(isNumeric)
      .map((value) => toNumber(value) as number);
    if (numbers.length <= correction) {
      return null;
    }
    const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
    const squares = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return double(Math.sqrt(squares / (numbers.length - correction)));
  };
}

function percentiles(
  name: string,
  operand: unknown,
  finish: (found: unknown[]) => unknown,
): Accumulator {
  const spec = specOf(name, operand, name === "$median" ? MEDIAN : PERCENTILE);
  const shares = sharesOf(name, spec);
  const input = compileExpression(spec["input"]);
  return (docs, context) => finish(percentilesOf(evaluateAll(docs, input, context), shares));
}

const MEDIAN = ["input", "method"];

const PERCENTILE = ["input", "p", "method"];
