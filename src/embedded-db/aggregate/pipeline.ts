import { MongoError } from "../errors";
import type { Doc } from "../bson/values";
import type { Collection } from "../catalog/collection";
import { type Plan, planQuery } from "../index/planner";
import { type Filter, filterArgument, parseFilter } from "../query/filter";
import { refuseNear } from "../query/geo/near";
import { kept } from "../query/memory-budget";
import { metaOf, setMeta } from "../query/meta";
import { type Match, runPlan } from "../query/scan";
import { parseSort, sortDocuments, type SortKey } from "../query/sort";
import { type PipelineContext, type Stage, stageEntry } from "./stage";
import { compileStage } from "./stages";

const MAX_DEPTH = 20;

/** How the beginning of a pipeline is answered by the collection itself. */
export interface Leading {
  plan: Plan;
  filter: Filter;
  sort: SortKey[];
  limit: number | undefined;
  /** The stages that remain. */
  rest: readonly unknown[];
}

/** Runs a pipeline over a collection, a view, or nothing (a missing collection is empty). */
export function runPipeline(
  context: PipelineContext,
  collection: Collection | undefined,
  pipeline: readonly unknown[],
  hint?: unknown,
): Iterable<Doc> {
  if (context.depth > MAX_DEPTH) {
    throw new MongoError(165, "View depth too deep or pipelines nested too deeply");
  }
  if (collection?.isView) {
    const inner = [...(collection.options["pipeline"] as unknown[]), ...pipeline];
    const target = context.catalog.find(collection.db, collection.options["viewOn"] as string);
    const collation = context.collation ?? collection.collation;
    return runPipeline(
      { ...context, db: collection.db, collation, depth: context.depth + 1 },
      target,
      inner,
      hint,
    );
  }
  const collation = context.collation ?? collection?.collation;
  const inner = { ...context, collation, collection };
  if (pipeline.some((stage, at) => at > 0 && stageEntry(stage)[0] === "$geoNear")) {
    throw new MongoError(40602, "$geoNear is only valid as the first stage in a pipeline.");
  }
  const counted = collection && countingAll(collection, pipeline, inner);
  if (counted) {
    return counted;
  }
  const leading = collection ? planLeading(inner, collection, pipeline, hint) : undefined;
  const stages = compilePipeline(leading?.rest ?? pipeline, inner);
  const source = collection && leading ? readLeading(inner, collection, leading) : [];
  return stages.reduce<Iterable<Doc>>((input, stage) => stage(input), source);
}

/** Makes the stages of a pipeline; those that hold pipelines themselves get this file's functions. */
export function compilePipeline(pipeline: readonly unknown[], context: PipelineContext): Stage[] {
  const inner = { ...context, compilePipeline, runPipeline };
  return pipeline.map((stage) => {
    const [name, argument] = stageEntry(stage);
    return compileStage(name, argument, inner);
  });
}

/** Takes `$match`, `$sort` and `$limit` from the front, so that an index can answer them. */
export function planLeading(
  context: PipelineContext,
  collection: Collection,
  pipeline: readonly unknown[],
  hint?: unknown,
): Leading {
  let at = 0;
  const filters: Doc[] = [];
  for (; at < pipeline.length; at++) {
    const [name, argument] = stageEntry(pipeline[at]);
    if (name !== "$match") {
      break;
    }
    filters.push(filterArgument("$match", argument));
  }
  const [filterDoc = {}] = filters.length > 1 ? [{ $and: filters }] : filters;
  const filter = refuseNear(parseFilter(filterDoc, context));
  const [next, argument] = at < pipeline.length ? stageEntry(pipeline[at]) : [];
  const sort = next === "$sort" ? parseSort(argument) : [];
  const rest = pipeline.slice(sort.length > 0 ? at + 1 : at);
  const plan = planQuery(collection, { filter, sort, hint, collation: context.collation });
  return { plan, filter, sort, limit: limitOf(rest), rest };
}

/** A `$limit` behind a `$sort`, perhaps after a `$skip`, bounds what the sort must keep. */
function limitOf(rest: readonly unknown[]): number | undefined {
  const [first, second] = rest as Doc[];
  const skip = Number(first?.["$skip"] ?? 0);
  const limit =
    first?.["$limit"] ?? (first?.["$skip"] === undefined ? undefined : second?.["$limit"]);
  return limit === undefined ? undefined : skip + Number(limit);
}

function* readLeading(
  context: PipelineContext,
  collection: Collection,
  leading: Leading,
): Iterable<Doc> {
  const { plan, filter, sort, limit } = leading;
  const matches = runPlan(
    context.reader,
    collection,
    plan,
    filter,
    context.statistics,
    context.deadline,
  );
  const docs = documentsOf(matches);
  if (plan.sorted || sort.length === 0) {
    yield* docs;
    return;
  }
  yield* sortDocuments([...kept("$sort", docs, (doc) => doc)], sort, (doc) => doc, {
    collation: context.collation,
    deadline: context.deadline,
    meta: metaOf,
    ...(limit === undefined ? {} : { limit }),
  });
}

function* documentsOf(matches: Iterable<Match>): Iterable<Doc> {
  for (const { doc, score } of matches) {
    if (score !== undefined) {
      setMeta(doc, "textScore", score);
    }
    yield doc;
  }
}

/**
 * What countDocuments({}) and `$count` over everything ask is known without reading: the driver
 * sends `[{ $match: {} }, { $group: { _id: 1, n: { $sum: 1 } } }]`.
 */
function countingAll(
  collection: Collection,
  pipeline: readonly unknown[],
  context: PipelineContext,
): Iterable<Doc> | undefined {
  const stages = pipeline.filter((stage) => !isEmptyMatch(stage)) as Doc[];
  const [first] = stages;
  const name = typeof first?.["$count"] === "string" ? first["$count"] : undefined;
  if (stages.length !== 1 || !(name !== undefined || isCountingGroup(first))) {
    return undefined;
  }
  const total = context.countOf(collection);
  if (total === 0) {
    return [];
  }
  return [name === undefined ? { _id: 1, n: total } : { [name]: total }];
}

function isEmptyMatch(stage: unknown): boolean {
  const match = (stage as Doc)["$match"];
  return typeof match === "object" && match !== null && Object.keys(match).length === 0;
}

function isCountingGroup(stage: Doc | undefined): boolean {
  return JSON.stringify(stage) === '{"$group":{"_id":1,"n":{"$sum":1}}}';
}
