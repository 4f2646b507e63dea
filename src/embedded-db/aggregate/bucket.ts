import { MongoError } from "../errors";
import { compareValues } from "../bson/compare";
import { type Doc, isDocument, toNumber } from "../bson/values";
import { compileExpression } from "../query/expression";
import { kept } from "../query/memory-budget";
import { scopeFor } from "../query/scope";
import { group } from "./group";
import { mingoStage } from "./mingo-stage";
import type { PipelineContext, Stage } from "./stage";

/**
 * Not mingo's, which puts a value equal to a boundary into the bucket below it.
 * @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/bucket/
 */
export function bucket(argument: unknown, context: PipelineContext): Stage {
  const spec: Doc = isDocument(argument) ? argument : {};
  const boundaries = spec["boundaries"];
  if (!("groupBy" in spec) || !Array.isArray(boundaries) || boundaries.length < 2) {
    throw new MongoError(40198, "$bucket requires 'groupBy' and 'boundaries' to be specified.");
  }
  if (boundaries.some((value, at) => at > 0 && compareValues(boundaries[at - 1], value) >= 0)) {
    throw new MongoError(40194, "The 'boundaries' option to $bucket must be sorted");
  }
  const value = compileExpression(spec["groupBy"]);
  const output = (spec["output"] ?? { count: { $sum: 1 } }) as Doc;
  const inBucket = (doc: Doc) => lowerBoundary(value(scopeFor(doc, context)), boundaries, spec);
  return (input) => {
    const buckets = new Map<unknown, Doc[]>();
    for (const doc of kept("$bucket", input, (one) => one)) {
      const id = inBucket(doc);
      buckets.set(id, [...(buckets.get(id) ?? []), doc]);
    }
    return [...buckets.keys()]
      .sort((a, b) => compareValues(a, b))
      .flatMap((id) => [
        ...group({ _id: { $literal: id }, ...output }, context)(buckets.get(id) ?? []),
      ]);
  };
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

/** Mingo knows the series of preferred numbers; without one the buckets are counted here. */
export function bucketAuto(argument: unknown, context: PipelineContext): Stage {
  const spec: Doc = isDocument(argument) ? argument : {};
  const wanted = toNumber(spec["buckets"]);
  if (!("groupBy" in spec) || wanted === undefined) {
    throw new MongoError(40246, "$bucketAuto requires 'groupBy' and 'buckets' to be specified");
  }
  if (!Number.isInteger(wanted) || wanted <= 0) {
    throw new MongoError(40243, "The $bucketAuto 'buckets' field must be greater than 0");
  }
  if (spec["granularity"] !== undefined) {
    const stage = mingoStage("$bucketAuto", argument, context);
    return (input) => [...stage(input)].map(({ _id, ...rest }) => ({ _id, ...rest }));
  }
  const value = compileExpression(spec["groupBy"]);
  const output = (spec["output"] ?? { count: { $sum: 1 } }) as Doc;
  return (input) => {
    const sorted = [...kept("$bucketAuto", input, (doc) => doc)]
      .map((doc) => ({ doc, value: value(scopeFor(doc, context)) ?? null }))
      .sort((a, b) => compareValues(a.value, b.value, context.collation?.order));
    const buckets = cutEvenly(sorted, wanted);
    return buckets.flatMap((bucketed, at) => {
      const max = (buckets[at + 1]?.[0] ?? bucketed.at(-1))?.value;
      const id = { min: bucketed[0]?.value, max };
      const docs = bucketed.map(({ doc }) => doc);
      return [...group({ _id: { $literal: id }, ...output }, context)(docs)];
    });
  };
}

/** Equal values stay together; the last bucket takes what remains. */
function cutEvenly<T extends { value: unknown }>(sorted: readonly T[], wanted: number): T[][] {
  const size = Math.max(1, Math.round(sorted.length / wanted));
  const buckets: T[][] = [];
  let start = 0;
  while (start < sorted.length) {
    let end = buckets.length === wanted - 1 ? sorted.length : Math.min(start + size, sorted.length);
    while (end < sorted.length && compareValues(sorted[end]?.value, sorted[end - 1]?.value) === 0) {
      end++;
    }
    buckets.push(sorted.slice(start, end));
    start = end;
  }
  return buckets;
}
