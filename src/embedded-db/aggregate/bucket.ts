import { MongoError } from "../errors";
import { compareValues } from "../bson/compare";
import { type Doc, isDocument } from "../bson/values";
import { compileExpression } from "../query/expression";
import { kept } from "../query/memory-budget";
import { scopeFor } from "../query/scope";
import { group } from "./group";
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
