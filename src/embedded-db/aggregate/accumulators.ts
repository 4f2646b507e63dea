import { badValue, MongoError } from "../errors";
import { NumberSum } from "../bson/numbers";
import { type Doc, double, isDocument, isNumeric, toNumber } from "../bson/values";
import { identityOf } from "../index/index-keys";
import { compileExpression } from "../query/expression";
import type { MemoryBudget } from "../query/memory-budget";
import { meanOf, moreExtreme } from "../query/operators/arithmetic";
import { extremes } from "../query/operators/array-parts";
import { mergeInto } from "../query/operators/object";
import { percentilesOf, sharesOf } from "../query/operators/percentile";
import type { Evaluate, Scope } from "../query/scope";
import { Shortlist } from "../query/shortlist";
import { parseSort, Sorter } from "../query/sort";
import type { PipelineContext } from "./stage";

/** Gathers what one field of a group is made of, document by document. */
export interface Accumulator {
  /** Takes a document, as the scope that expressions see it in. */
  add: (scope: Scope) => void;
  /** The value so far; more documents may follow. */
  result: () => unknown;
}

/** Begins a group. The budget is told of what is kept for each document. */
export type MakeAccumulator = (context: PipelineContext, budget: MemoryBudget) => Accumulator;

/** An accumulator of the values of its expression; missing ones are undefined. */
interface ValueAccumulator {
  add: (value: unknown) => void;
  result: () => unknown;
}

/** The accumulators of one argument, sorted. */
const OF_VALUES: Record<
  string,
  (context: PipelineContext, budget: MemoryBudget) => ValueAccumulator
> = {
  $addToSet: different,
  $avg: () => mean(),
  $count: () => counter(),
  $first: () => first(),
  $last: () => last(),
  $max: ({ collation }) => extreme(1, collation?.order),
  $mergeObjects: () => merged(),
  $min: ({ collation }) => extreme(-1, collation?.order),
  $push: (_context, budget) => list(budget),
  $stdDevPop: () => deviation(0),
  $stdDevSamp: () => deviation(1),
  $sum: () => total(),
};

/** Those that take several arguments, sorted. */
const OF_ARGUMENTS: Record<string, (operand: unknown) => MakeAccumulator> = {
  $bottom: (operand) => ranked("$bottom", operand, { fromEnd: true, several: false }),
  $bottomN: (operand) => ranked("$bottomN", operand, { fromEnd: true, several: true }),
  $firstN: (operand) => several("$firstN", operand, (values, n) => values.slice(0, n)),
  $lastN: (operand) => several("$lastN", operand, (values, n) => values.slice(-n)),
  $maxN: (operand) => several("$maxN", operand, (values, n) => extremes(values, n, -1)),
  $median: (operand) => percentiles("$median", operand, (found) => found[0] ?? null),
  $minN: (operand) => several("$minN", operand, (values, n) => extremes(values, n, 1)),
  $percentile: (operand) => percentiles("$percentile", operand, (found) => found),
  $top: (operand) => ranked("$top", operand, { fromEnd: false, several: false }),
  $topN: (operand) => ranked("$topN", operand, { fromEnd: false, several: true }),
};

/**
 * Compiles `{ $sum: "$views" }`, the field of a group.
 * @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/group/#accumulator-operator
 */
export function compileAccumulator(operator: string, operand: unknown): MakeAccumulator {
  if (operator === "$accumulator") {
    throw badValue("$accumulator is not allowed: this server never evaluates JavaScript");
  }
  const ofArguments = Object.hasOwn(OF_ARGUMENTS, operator) ? OF_ARGUMENTS[operator] : undefined;
  if (ofArguments) {
    return ofArguments(operand);
  }
  const ofValues = Object.hasOwn(OF_VALUES, operator) ? OF_VALUES[operator] : undefined;
  if (!ofValues) {
    throw new MongoError(15952, `unknown group operator '${operator}'`);
  }
  const evaluate = compileExpression(operand);
  return (context, budget) => {
    const { add, result } = ofValues(context, budget);
    return { add: (scope) => add(evaluate(scope)), result };
  };
}

function different({ collation }: PipelineContext, budget: MemoryBudget): ValueAccumulator {
  const values = new Map<string, unknown>();
  return {
    add: (value) => {
      const key = value === undefined ? undefined : identityOf(value, collation?.fold);
      if (key !== undefined && !values.has(key)) {
        budget.keep(value);
        values.set(key, value);
      }
    },
    result: () => [...values.values()],
  };
}

function total(): ValueAccumulator {
  const sum = new NumberSum();
  return {
    add: (value) => {
      if (isNumeric(value)) {
        sum.add(value);
      }
    },
    result: () => sum.total(),
  };
}

function mean(): ValueAccumulator {
  const sum = new NumberSum();
  let count = 0;
  return {
    add: (value) => {
      if (isNumeric(value)) {
        sum.add(value);
        count++;
      }
    },
    result: () => meanOf(sum.total(), count),
  };
}

function counter(): ValueAccumulator {
  let count = 0;
  return { add: () => void count++, result: () => count };
}

function first(): ValueAccumulator {
  let found: { value: unknown } | undefined;
  return { add: (value) => void (found ??= { value }), result: () => found?.value ?? null };
}

function last(): ValueAccumulator {
  let found: unknown;
  return { add: (value) => void (found = value), result: () => found ?? null };
}

function extreme(
  sign: 1 | -1,
  strings: ((a: string, b: string) => number) | undefined,
): ValueAccumulator {
  let best: unknown;
  return {
    add: (value) => void (best = moreExtreme(best, value, sign, strings)),
    result: () => best ?? null,
  };
}

function merged(): ValueAccumulator {
  const out: Doc = {};
  return { add: (value) => mergeInto(out, value), result: () => ({ ...out }) };
}

function list(budget: MemoryBudget): ValueAccumulator {
  const values: unknown[] = [];
  return {
    add: (value) => {
      if (value !== undefined) {
        budget.keep(value);
        values.push(value);
      }
    },
    result: () => [...values],
  };
}

/** Welford's way: the mean and the squares around it are kept up with each number. */
function deviation(correction: 0 | 1): ValueAccumulator {
  let [count, average, squares] = [0, 0, 0];
  return {
    add: (value) => {
      if (isNumeric(value)) {
        const number = toNumber(value) as number;
        const distance = number - average;
        average += distance / ++count;
        squares += distance * (number - average);
      }
    },
    result: () => (count <= correction ? null : double(Math.sqrt(squares / (count - correction)))),
  };
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
function countOf(name: string, evaluate: Evaluate, scope: Scope): number {
  const count = toNumber(evaluate(scope));
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

/** `take` gives those that are wanted, also of wanted ones and later ones together. */
function several(
  name: string,
  operand: unknown,
  take: (values: unknown[], count: number) => unknown[],
): MakeAccumulator {
  const spec = specOf(name, operand, ["input", "n"]);
  const [input, n] = [compileExpression(spec["input"]), compileExpression(spec["n"])];
  return (_context, budget) => {
    let values: Shortlist<unknown> | undefined;
    const begin = (scope: Scope) => {
      const count = countOf(name, n, scope);
      return new Shortlist<unknown>(count, (all) => take(all, count), budget);
    };
    return {
      add: (scope) => {
        values ??= begin(scope);
        const value = input(scope) ?? null;
        values.add(value, value);
      },
      result: () => values?.chosen() ?? [],
    };
  };
}

/** The outputs of the first or last documents in an order. */
function ranked(
  name: string,
  operand: unknown,
  { fromEnd, several }: { fromEnd: boolean; several: boolean },
): MakeAccumulator {
  const spec = specOf(name, operand, ["sortBy", "output", ...(several ? ["n"] : [])]);
  const keys = parseSort(spec["sortBy"]);
  const output = compileExpression(spec["output"]);
  const n = compileExpression(several ? spec["n"] : 1);
  return ({ collation }, budget) => {
    let sorter: Sorter<unknown> | undefined;
    return {
      add: (scope) => {
        const limit = sorter ? 0 : countOf(name, n, scope);
        sorter ??= new Sorter<unknown>(keys, { collation, limit, fromEnd, budget });
        sorter.add(output(scope) ?? null, scope.root as Doc);
      },
      result: () => {
        const found = sorter?.sorted() ?? [];
        return several ? found : (found[0] ?? null);
      },
    };
  };
}

function percentiles(
  name: string,
  operand: unknown,
  finish: (found: unknown[]) => unknown,
): MakeAccumulator {
  const spec = specOf(name, operand, name === "$median" ? MEDIAN : PERCENTILE);
  const shares = sharesOf(name, spec);
  const input = compileExpression(spec["input"]);
  return (_context, budget) => {
    const values: unknown[] = [];
    return {
      add: (scope) => {
        const value = input(scope);
        if (isNumeric(value)) {
          budget.keep(value);
          values.push(value);
        }
      },
      result: () => finish(percentilesOf(values, shares)),
    };
  };
}

const MEDIAN = ["input", "method"];

const PERCENTILE = ["input", "p", "method"];
