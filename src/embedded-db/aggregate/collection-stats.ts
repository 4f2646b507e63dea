import { badValue, failedToParse, MongoError, typeMismatch } from "../errors";
import { hostname } from "node:os";
import { type Doc, isDocument, Long, toNumber, typeName } from "../bson/values";
import type { Collection } from "../catalog/collection";
import type { PipelineContext, Stage } from "./stage";

/** By what sizes in statistics are divided; 1024 asks for kilobytes. */
export function scaleFactor(scale: unknown): number {
  const factor = scale === undefined ? 1 : toNumber(scale);
  if (factor === undefined) {
    throw typeMismatch("BSON field 'scale' is the wrong type, expected a number");
  }
  if (!(factor >= 1)) {
    throw badValue(`BSON field 'scale' value must be >= 1, actual value '${factor}'`);
  }
  return Math.trunc(factor);
}

/** Sizes as collStats answers them; storage is not measured, so it counts as the data's size. */
export function storageStats(collection: Collection, count: number, scale: unknown): Doc {
  const { ns, capped, indexes, options } = collection;
  const factor = scaleFactor(scale);
  const scaled = (bytes: number) => Math.floor(bytes / factor);
  const bytes = scaled(collection.bytes);
  return {
    ns,
    size: bytes,
    count,
    avgObjSize: count === 0 ? 0 : Math.round(collection.bytes / count),
    numOrphanDocs: 0,
    storageSize: bytes,
    freeStorageSize: 0,
    capped,
    ...(capped
      ? { max: options["max"] ?? 0, maxSize: scaled(toNumber(options["size"]) ?? 0) }
      : {}),
    nindexes: indexes.length,
    indexBuilds: [],
    totalIndexSize: 0,
    totalSize: bytes,
    indexSizes: Object.fromEntries(indexes.map(({ name }) => [name, 0])),
    scaleFactor: factor,
  };
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/collStats/ */
export function collStats(argument: unknown, context: PipelineContext): Stage {
  const { collection } = context;
  if (!collection) {
    throw new MongoError(
      26,
      "Unable to retrieve storageStats in $collStats stage :: caused by :: Collection not found.",
    );
  }
  if (!isDocument(argument)) {
    throw new MongoError(
      5447000,
      `$collStats must take a nested object but found: ${typeName(argument)}`,
    );
  }
  const wanted = argument;
  const count = context.countOf(collection);
  const out: Doc = { ns: collection.ns, host: hostname(), localTime: new Date() };
  if ("storageStats" in wanted) {
    out["storageStats"] = storageStats(
      collection,
      count,
      (wanted["storageStats"] as Doc | undefined)?.["scale"],
    );
  }
  if ("count" in wanted) {
    out["count"] = count;
  }
  return () => [out];
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/indexStats/ */
export function indexStats(_argument: unknown, context: PipelineContext): Stage {
  const indexes = context.collection?.indexes ?? [];
  return () =>
    indexes.map(({ name, spec, accesses: { ops, since } }) => ({
      name,
      key: spec["key"],
      host: hostname(),
      accesses: { ops: Long.fromNumber(ops), since },
      spec,
    }));
}

/**
 * Plans are not cached.
 * @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/planCacheStats/
 */
export function planCacheStats(argument: unknown): Stage {
  if (!isDocument(argument)) {
    throw failedToParse(`$planCacheStats value must be an object. Found: ${typeName(argument)}`);
  }
  return () => [];
}
