import { MongoError } from "../errors";
import type { Doc } from "../bson/values";
import type { Collection } from "../catalog/collection";
import { type IndexScan, type Plan, planQuery } from "../index/planner";
import { type Filter, filterArgument, isEverything, parseFilter } from "../query/filter";
import { refuseNear } from "../query/geo/near";
import { lazily } from "../query/lazily";
import { setMeta } from "../query/meta";
import { countKeys, isCovering, type Match, runPlan } from "../query/scan";
import { parseSort, type SortKey } from "../query/sort";
import { type Counting, parseCounting } from "./counting";
import { type PipelineContext, type Stage, stageEntry } from "./stage";
import { compileStage, FIRST_ONLY, mustBeFirst, sortStage } from "./stages";

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
    return runPipeline(
      { ...context, db: collection.db, depth: context.depth + 1 },
      target,
      inner,
      hint,
    );
  }
  const inner = { ...context, collection, branch: undefined };
  const misplaced = pipeline.find((stage, at) => at > 0 && FIRST_ONLY.has(stageEntry(stage)[0]));
  if (misplaced !== undefined) {
    throw mustBeFirst(stageEntry(misplaced)[0]);
  }
  if (!collection) {
    return chain([], compilePipeline(pipeline, inner));
  }
  const matched = leadingMatch(pipeline, inner);
  const counting = planCounting(inner, collection, pipeline, matched, hint);
  if (counting) {
    const stages = compilePipeline(counting.rest, inner);
    return chain(counted(inner, counting), stages);
  }
  const leading = planLeading(inner, collection, pipeline, hint, matched);
  const branch = (stages: readonly unknown[]) =>
    runBranch(inner, collection, [...pipeline.slice(0, matched.stages), ...stages], hint);
  const withBranches = leading.sort.length === 0 ? { ...inner, branch } : inner;
  const stages = [
    ...compilePipeline(leading.rest.slice(0, 1), withBranches),
    ...compilePipeline(leading.rest.slice(1), inner),
  ];
  return chain(readLeading(inner, collection, leading), stages);
}

function chain(source: Iterable<Doc>, stages: readonly Stage[]): Iterable<Doc> {
  return lazily(() => stages.reduce((input, stage) => stage(input), source));
}

/**
 * Runs a branch of a `$facet` on the collection, where an index answers it with less reading than
 * the documents of all branches together: it counts, or takes the first ones of an order.
 */
function runBranch(
  context: PipelineContext,
  collection: Collection,
  pipeline: readonly unknown[],
  hint: unknown,
): Iterable<Doc> | undefined {
  const matched = leadingMatch(pipeline, context);
  const leading = planLeading(context, collection, pipeline, hint, matched);
  const cut = leading.plan.sorted && leading.limit !== undefined;
  return cut || planCounting(context, collection, pipeline, matched, hint)
    ? runPipeline(context, collection, pipeline, hint)
    : undefined;
}

/** Makes the stages of a pipeline; those that hold pipelines themselves get this file's functions. */
export function compilePipeline(pipeline: readonly unknown[], context: PipelineContext): Stage[] {
  return pipeline.map((stage, at) => {
    const [name, argument] = stageEntry(stage);
    const limit = limitOf(pipeline.slice(at + 1, at + 3));
    return compileStage(name, argument, { ...context, compilePipeline, runPipeline, limit });
  });
}

/** Takes `$match`, `$sort` and `$limit` from the front, so that an index can answer them. */
export function planLeading(
  context: PipelineContext,
  collection: Collection,
  pipeline: readonly unknown[],
  hint?: unknown,
  { filter, stages: at } = leadingMatch(pipeline, context),
): Leading {
  const [next, argument] = at < pipeline.length ? stageEntry(pipeline[at]) : [];
  const sort = next === "$sort" ? parseSort(argument) : [];
  const rest = pipeline.slice(sort.length > 0 ? at + 1 : at);
  const plan = planQuery(collection, { filter, sort, hint, collation: context.collation });
  return { plan, filter, sort, limit: limitOf(rest), rest };
}

interface LeadingMatch {
  filter: Filter;
  /** How many stages it was. */
  stages: number;
}

function leadingMatch(pipeline: readonly unknown[], context: PipelineContext): LeadingMatch {
  const filters: Doc[] = [];
  for (const stage of pipeline) {
    const [name, argument] = stageEntry(stage);
    if (name !== "$match") {
      break;
    }
    filters.push(filterArgument("$match", argument));
  }
  const [filter = {}] = filters.length > 1 ? [{ $and: filters }] : filters;
  return { filter: refuseNear(parseFilter(filter, context)), stages: filters.length };
}

/** How a pipeline is answered that counts what it matches; without a plan it counts everything. */
export interface PlannedCounting extends Counting {
  collection: Collection;
  plan: IndexScan | undefined;
}

/** Undefined for a pipeline that does not count, or must read documents for it. */
export function planCounting(
  context: PipelineContext,
  collection: Collection,
  pipeline: readonly unknown[],
  { filter, stages } = leadingMatch(pipeline, context),
  hint?: unknown,
): PlannedCounting | undefined {
  const counting = parseCounting(pipeline, stages);
  if (!counting || (isEverything(filter) && hint === undefined)) {
    return counting && { ...counting, collection, plan: undefined };
  }
  const { collation } = context;
  const plan = planQuery(collection, { filter, sort: [], hint, collation, counting: true });
  return isCovering(plan) ? { ...counting, collection, plan } : undefined;
}

function* counted(
  { reader, statistics, deadline, countOf }: PipelineContext,
  { plan, collection, skip, limit, document }: PlannedCounting,
): Iterable<Doc> {
  const found = plan ? countKeys(reader, plan, statistics, deadline) : countOf(collection);
  const total = Math.min(Math.max(0, found - skip), limit || Infinity);
  if (total > 0) {
    yield document(total);
  }
}

/** How many documents the next stages take, which are a `$limit`, perhaps after a `$skip`. */
function limitOf(next: readonly unknown[]): number | undefined {
  const [first, second] = next as Doc[];
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
  yield* sortStage(sort, context, limit)(docs);
}

function* documentsOf(matches: Iterable<Match>): Iterable<Doc> {
  for (const match of matches) {
    if (match.score !== undefined) {
      setMeta(match.doc, "textScore", match.score);
    }
    yield match.doc;
  }
}
