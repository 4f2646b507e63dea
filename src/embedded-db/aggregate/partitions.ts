import { identityOf } from "../index/index-keys";
import { type Doc, isDocument } from "../bson/values";
import { type Evaluate, scopeFor } from "../query/scope";
import type { PipelineContext } from "./stage";

/** The documents and arrays of a document anew, so that a path in it may be set. */
export function structuredCopy<T>(value: T): T {
  if (Array.isArray(value)) {
    return value.map(structuredCopy) as T;
  }
  return isDocument(value)
    ? (Object.fromEntries(
        Object.entries(value).map(([name, inner]) => [name, structuredCopy(inner)]),
      ) as T)
    : value;
}

/** The documents by the value of an expression, in the order of the values. */
export function partitioned(docs: Iterable<Doc>, by: Evaluate, context: PipelineContext): Doc[][] {
  const partitions = new Map<string, Doc[]>();
  for (const doc of docs) {
    context.deadline.check();
    const key = identityOf(by(scopeFor(doc, context)) ?? null, context.collation?.fold);
    const partition = partitions.get(key);
    if (partition) {
      partition.push(doc);
    } else {
      partitions.set(key, [doc]);
    }
  }
  return [...partitions.keys()].sort().map((key) => partitions.get(key) ?? []);
}
