import { MongoError } from "../errors";
import { compareValues } from "../bson/compare";
import { type Doc, isDocument, toNumber, typeName } from "../bson/values";
import { compileExpression } from "../query/expression";
import { kept } from "../query/memory-budget";
import { likeType } from "../query/operators/arithmetic";
import { type Scope, scopeFor } from "../query/scope";
import { compileFields, groupBy } from "./group";
import { type Granularity, granularityOf } from "./preferred-numbers";
import type { PipelineContext, Stage } from "./stage";

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/bucket/ */
export function bucket(argument: unknown, context: PipelineContext): Stage {
  const spec: Doc = isDocument(argument) ? argument : {};
  const boundaries = spec["boundaries"];
  if (!("groupBy" in spec) || !Array.isArray(boundaries)) {
    throw new MongoError(40198, "$bucket requires 'groupBy' and 'boundaries' to be specified.");
  }
  if (boundaries.length < 2) {
    throw new MongoError(
      40192,
      `The $bucket 'boundaries' field must have at least 2 values, but found ${boundaries.length} value(s).`,
    );
  }
  if (boundaries.some((value, at) => at > 0 && compareValues(boundaries[at - 1], value) >= 0)) {
    throw new MongoError(40194, "The 'boundaries' option to $bucket must be sorted");
  }
  const value = compileExpression(spec["groupBy"]);
  const inBucket = (scope: Scope) => lowerBoundary(value(scope), boundaries, spec);
  const grouped = groupBy("$bucket", inBucket, outputOf(spec), context);
  return (input) => [...grouped(input)].sort((a, b) => compareValues(a["_id"], b["_id"]));
}

function outputOf({ output = { count: { $sum: 1 } } }: Doc): ReturnType<typeof compileFields> {
  return compileFields(output as Doc);
}

function lowerBoundary(value: unknown, boundaries: readonly unknown[], spec: Doc): unknown {
  const above = boundaries.findIndex((boundary) => compareValues(value, boundary) < 0);
  if (above > 0) {
    return boundaries[above - 1];
  }
  if (!("default" in spec)) {
    throw new MongoError(
      40066,
      "$switch could not find a matching branch for an input, and no default was specified.",
    );
  }
  return spec["default"];
}

interface Valued {
  doc: Doc;
  value: unknown;
}

/** Documents in order of their values, with the bounds their values lie in. */
interface AutoBucket {
  min: unknown;
  max: unknown;
  members: readonly Valued[];
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/bucketAuto/ */
export function bucketAuto(argument: unknown, context: PipelineContext): Stage {
  const spec: Doc = isDocument(argument) ? argument : {};
  const wanted = toNumber(spec["buckets"]);
  if (!("groupBy" in spec) || wanted === undefined) {
    throw new MongoError(40246, "$bucketAuto requires 'groupBy' and 'buckets' to be specified");
  }
  if (!Number.isInteger(wanted) || wanted <= 0) {
    throw new MongoError(40243, "The $bucketAuto 'buckets' field must be greater than 0");
  }
  const granularity =
    spec["granularity"] === undefined ? undefined : granularityOf(spec["granularity"]);
  const value = compileExpression(spec["groupBy"]);
  const output = outputOf(spec);
  return (input) => {
    const sorted = [...kept("$bucketAuto", input)]
      .map((doc) => ({ doc, value: value(scopeFor(doc, context)) ?? null }))
      .sort((a, b) => compareValues(a.value, b.value, context.collation?.order));
    const buckets = granularity
      ? preferredBuckets(sorted, wanted, granularity)
      : evenBuckets(sorted, wanted);
    return buckets.flatMap(({ min, max, members }) => {
      const docs = members.map(({ doc }) => doc);
      return [...groupBy("$bucketAuto", () => ({ min, max }), output, context)(docs)];
    });
  };
}

/** Equal values stay together; a bucket ends where the next begins. */
function evenBuckets(sorted: readonly Valued[], wanted: number): AutoBucket[] {
  const cut = cutEvenly(sorted, wanted, (next, last) => compareValues(next, last) === 0);
  return cut.map((members, at) => ({
    min: members[0]?.value,
    max: (cut[at + 1]?.[0] ?? members.at(-1))?.value,
    members,
  }));
}

/** The bounds are numbers of the series; all values below the upper one are taken in. */
function preferredBuckets(
  sorted: readonly Valued[],
  wanted: number,
  { up, down }: Granularity,
): AutoBucket[] {
  sorted.forEach(({ value }) => checkRoundable(value));
  const cut = cutEvenly(sorted, wanted, (next, last) => numberOf(next) < up(numberOf(last)));
  let min: unknown;
  return cut.map((members, at) => {
    min ??= rounded(members[0]?.value, down);
    const last = members.at(-1)?.value;
    const next = cut[at + 1]?.[0]?.value;
    // Zero is in no series: the bucket of zeros ends below the value after them.
    const max =
      numberOf(last) === 0 && next !== undefined ? rounded(next, down) : rounded(last, up);
    const bucket = { min, max, members };
    min = max;
    return bucket;
  });
}

function numberOf(value: unknown): number {
  return toNumber(value) as number;
}

/** A double, or a decimal of a decimal. */
function rounded(value: unknown, round: (value: number) => number): unknown {
  return likeType(round(numberOf(value)), value);
}

function checkRoundable(value: unknown): void {
  const number = toNumber(value);
  if (number === undefined) {
    throw new MongoError(
      40258,
      `$bucketAuto can specify a 'granularity' with numeric boundaries only, but found a value with type: ${typeName(value)}`,
    );
  }
  if (Number.isNaN(number)) {
    throw new MongoError(
      40259,
      "$bucketAuto can specify a 'granularity' with numeric boundaries only, but found a NaN",
    );
  }
  if (number < 0) {
    throw new MongoError(
      40260,
      "$bucketAuto can specify a 'granularity' with non-negative numbers only, but found a negative number",
    );
  }
}

/** About as many in each; who belongs with the last of a bucket joins it, the last takes the rest. */
function cutEvenly(
  sorted: readonly Valued[],
  wanted: number,
  together: (next: unknown, last: unknown) => boolean,
): Valued[][] {
  const size = Math.max(1, Math.round(sorted.length / wanted));
  const buckets: Valued[][] = [];
  let start = 0;
  while (start < sorted.length) {
    let end = buckets.length === wanted - 1 ? sorted.length : Math.min(start + size, sorted.length);
    const last = sorted[end - 1]?.value;
    while (end < sorted.length && together(sorted[end]?.value, last)) {
      end++;
    }
    buckets.push(sorted.slice(start, end));
    start = end;
  }
  return buckets;
}
