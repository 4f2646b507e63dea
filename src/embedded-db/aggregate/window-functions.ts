import { failedToParse, MongoError } from "../errors";
import { equalValues } from "../bson/compare";
import { type Doc, double, isDocument, isNumeric, toNumber } from "../bson/values";
import { compileExpression } from "../query/expression";
import { timeUnit, unitLength } from "../query/operators/date";
import { readPath } from "../query/path";
import { type Evaluate, scopeFor } from "../query/scope";
import type { PipelineContext } from "./stage";
import { boundsOf, coordinate, type SortAxis } from "./window-bounds";

/** A value for each document of a partition. */
export type WindowFunction = (partition: readonly Doc[]) => unknown[];

interface Place {
  axis: SortAxis;
  window: unknown;
  context: PipelineContext;
}

/**
 * What `$setWindowFields` knows besides the accumulators of `$group`.
 * @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/setWindowFields/#window-operators
 */
export const WINDOW_FUNCTIONS: Record<string, (operand: unknown, place: Place) => WindowFunction> =
  {
    $covariancePop: (operand, place) => covariance(operand, place, 0),
    $covarianceSamp: (operand, place) => covariance(operand, place, 1),
    $denseRank: (_operand, place) => ranked("$denseRank", place, (_at, different) => different),
    $derivative: (operand, place) => slopes("$derivative", operand, place, derivative),
    $documentNumber: (_operand, place) => {
      sortedBy("$documentNumber", place, 5371602);
      return (partition) => partition.map((_, at) => at + 1);
    },
    $expMovingAvg: movingAverage,
    $integral: (operand, place) => slopes("$integral", operand, place, integral),
    $linearFill: linearFill,
    $locf: (operand, { context }) => {
      const evaluate = compileExpression(operand);
      return (partition) => {
        let last: unknown = null;
        return partition.map((doc) => (last = evaluate(scopeFor(doc, context)) ?? last));
      };
    },
    $rank: (_operand, place) => ranked("$rank", place, (at) => at),
    $shift: shift,
  };

function sortedBy(name: string, { axis, window }: Place, code: number): readonly string[] {
  if (window !== undefined) {
    throw failedToParse(`${name} does not accept a 'window' field`);
  }
  if (!axis.parts && (code !== 5371602 || axis.keys.length === 0)) {
    throw new MongoError(
      code,
      `${name} must be specified with a top level sortBy expression with exactly one element`,
    );
  }
  return axis.parts ?? [];
}

/** Equal values share a rank: the place of the first of them, or how many different ones came. */
function ranked(
  name: string,
  place: Place,
  rankOf: (at: number, different: number) => number,
): WindowFunction {
  const parts = sortedBy(name, place, 5371601);
  return (partition) => {
    let [rank, different] = [0, 0];
    let before: unknown;
    return partition.map((doc, at) => {
      const value = readPath(doc, parts) ?? null;
      if (at === 0 || !equalValues(before, value)) {
        rank = rankOf(at + 1, ++different);
      }
      before = value;
      return rank;
    });
  };
}

function shift(operand: unknown, { axis, context }: Place): WindowFunction {
  const { output, by, default: fallback = null } = isDocument(operand) ? operand : {};
  const step = toNumber(by);
  if (step === undefined || !Number.isInteger(step)) {
    throw failedToParse("'$shift:by' field must be an integer");
  }
  if (output === undefined || axis.keys.length === 0) {
    throw failedToParse("$shift requires an 'output' expression and a sortBy");
  }
  const evaluate = compileExpression(output);
  const otherwise = compileExpression(fallback)(scopeFor({}, context));
  return (partition) =>
    partition.map((_, at) => {
      const other = partition[at + step];
      return other ? (evaluate(scopeFor(other, context)) ?? null) : otherwise;
    });
}

function movingAverage(operand: unknown, { axis, context }: Place): WindowFunction {
  const { input, N, alpha } = isDocument(operand) ? operand : {};
  const weight = N === undefined ? toNumber(alpha) : 2 / ((toNumber(N) ?? NaN) + 1);
  if (
    weight === undefined ||
    !(weight > 0 && weight <= 1) ||
    (N !== undefined) === (alpha !== undefined)
  ) {
    throw failedToParse(
      "$expMovingAvg requires either a positive integer 'N' or an 'alpha' between 0 and 1",
    );
  }
  if (axis.keys.length === 0) {
    throw failedToParse("$expMovingAvg requires an explicit 'sortBy'");
  }
  const evaluate = compileExpression(input);
  return (partition) => {
    let average: number | undefined;
    return partition.map((doc) => {
      const value = toNumber(evaluate(scopeFor(doc, context)));
      if (value !== undefined) {
        average = average === undefined ? value : value * weight + average * (1 - weight);
      }
      return average === undefined ? null : double(average);
    });
  };
}

interface Point {
  x: number;
  y: number;
}

/** A number made of the points in a window, per unit of time where one is given. */
function slopes(
  name: string,
  operand: unknown,
  { axis, window, context }: Place,
  compute: (points: readonly Point[], unit: number) => number | undefined,
): WindowFunction {
  const { input, unit } = isDocument(operand) ? operand : {};
  const { parts } = axis;
  if (input === undefined || !parts) {
    throw failedToParse(`${name} requires an 'input' expression and a sortBy of one field`);
  }
  if (name === "$derivative" && window === undefined) {
    throw failedToParse("$derivative requires explicit window bounds");
  }
  const length = unit === undefined ? 1 : unitLength(timeUnit(unit, name));
  const evaluate = compileExpression(input);
  const bounds = boundsOf(window, axis);
  return (partition) => {
    const points: Point[] = [];
    // How many points come before each document.
    const before = partition.map((doc) => {
      const place = points.length;
      points.push(...pointOf(doc, parts, evaluate, context, unit));
      return place;
    });
    const pointsBefore = (place: number) => before[place] ?? points.length;
    return bounds(partition).map(([from, to]) => {
      context.deadline.check();
      const value = compute(points.slice(pointsBefore(from), pointsBefore(to)), length);
      return value === undefined ? null : double(value);
    });
  };
}

function pointOf(
  doc: Doc,
  parts: readonly string[],
  evaluate: Evaluate,
  context: PipelineContext,
  unit: unknown,
): Point[] {
  const y = toNumber(evaluate(scopeFor(doc, context)));
  const x = coordinate(readPath(doc, parts), unit !== undefined);
  return y === undefined ? [] : [{ x, y }];
}

function derivative(points: readonly Point[], unit: number): number | undefined {
  const [first, last] = [points[0], points.at(-1)];
  return first && last && first.x !== last.x
    ? ((last.y - first.y) / (last.x - first.x)) * unit
    : undefined;
}

/** The area under the line through the points. */
function integral(points: readonly Point[], unit: number): number | undefined {
  return points.reduce((sum, { x, y }, at) => {
    const before = points[at - 1];
    return before ? sum + ((x - before.x) * (y + before.y)) / 2 / unit : sum;
  }, 0);
}

function covariance(
  operand: unknown,
  { axis, window, context }: Place,
  correction: 0 | 1,
): WindowFunction {
  if (!Array.isArray(operand) || operand.length !== 2) {
    throw failedToParse("$covariance requires two arguments");
  }
  const [x, y] = operand.map(compileExpression) as [Evaluate, Evaluate];
  const bounds = boundsOf(window, axis);
  return (partition) => {
    const pairs = partition.map((doc) => {
      const scope = scopeFor(doc, context);
      return [x(scope), y(scope)];
    });
    return bounds(partition).map(([from, to]) => {
      context.deadline.check();
      const numbers = pairs
        .slice(from, to)
        .filter((pair) => pair.every(isNumeric))
        .map((pair) => pair.map(toNumber) as [number, number]);
      return numbers.length <= correction ? null : double(covarianceOf(numbers, correction));
    });
  };
}

function covarianceOf(pairs: readonly [number, number][], correction: number): number {
  const mean = (which: 0 | 1) => pairs.reduce((sum, pair) => sum + pair[which], 0) / pairs.length;
  const [x, y] = [mean(0), mean(1)];
  return pairs.reduce((sum, [a, b]) => sum + (a - x) * (b - y), 0) / (pairs.length - correction);
}

function linearFill(operand: unknown, place: Place): WindowFunction {
  const parts = sortedBy("$linearFill", place, 605001);
  const evaluate = compileExpression(operand);
  return (partition) => {
    const values = partition.map((doc) => evaluate(scopeFor(doc, place.context)) ?? null);
    const xs = partition.map((doc) => {
      const x = readPath(doc, parts);
      return coordinate(x, x instanceof Date);
    });
    const known = values.flatMap((value, at) => (value === null ? [] : [at]));
    let next = 0;
    return values.map((value, at) => {
      while ((known[next] ?? Infinity) < at) {
        next++;
      }
      const [before, after] = [known[next - 1], known[next]];
      if (value !== null || before === undefined || after === undefined) {
        return value;
      }
      const [low, high] = [toNumber(values[before]) ?? NaN, toNumber(values[after]) ?? NaN];
      const [left, here, right] = [xs[before], xs[at], xs[after]] as [number, number, number];
      return double(low + ((high - low) * (here - left)) / (right - left));
    });
  };
}
