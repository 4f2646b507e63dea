import { MongoError } from "../errors";
import { type Doc, double, isDocument, omit } from "../bson/values";
import { planCounting, planLeading, runPipeline } from "../aggregate/pipeline";
import { pipelineArgument } from "../aggregate/stage";
import type { Collection } from "../catalog/collection";
import type { IndexScan, Plan } from "../index/planner";
import { filterArgument, isEverything, parseFilter } from "../query/filter";
import type { ScanStatistics } from "../query/scan";
import { type NearQuery, requireGeoIndex } from "../query/geo/near";
import { countSelected, select } from "../query/select";
import type { Snapshot } from "../storage/storage";
import { MONGODB_VERSION } from "./buildInfo";
import { CommandContext } from "./context";
import { pipelineContext } from "./pipeline-source";
import { type FindQuery, hintOf, parseFind } from "./query";
import { parseSort } from "../query/sort";

/** @see https://www.mongodb.com/docs/manual/reference/command/explain/ */
export function explain(context: CommandContext): Doc {
  const explained = context.command["explain"];
  if (!isDocument(explained)) {
    throw new MongoError(9, "explain command requires a nested object");
  }
  const [name = ""] = Object.keys(explained);
  const verbosity = context.command["verbosity"];
  const command = { ...explained, $db: context.db, verbosity };
  const inner = new CommandContext(name, selecting(name, command), context.connection);
  return name === "aggregate"
    ? explainAggregate(inner, pipelineArgument(explained["pipeline"]))
    : explainFind(inner);
}

/** What a writing command looks for, as a find. */
function selecting(name: string, command: Doc): Doc {
  switch (name) {
    case "find":
    case "aggregate":
    case "count":
    case "distinct":
    case "findAndModify":
      return name === "findAndModify"
        ? { ...command, filter: command["query"], limit: 1, update: undefined, fields: undefined }
        : command;
    case "update":
    case "delete": {
      const [statement] = (command[`${name}s`] ?? [{}]) as Doc[];
      return { ...command, filter: statement?.["q"], hint: statement?.["hint"] };
    }
    default:
      throw new MongoError(59, `Explain failed due to unknown command: ${name}`);
  }
}

function explainFind(context: CommandContext): Doc {
  const collection = context.findCollection();
  if (!collection) {
    return report(context, { stage: "EOF" }, { keysExamined: 0, docsExamined: 0 }, 0);
  }
  const statistics: ScanStatistics = { keysExamined: 0, docsExamined: 0 };
  const snapshot = context.snapshot();
  try {
    const query = parseFind(context, collection);
    if (context.name === "count") {
      return explainCount(context, collection, query, snapshot);
    }
    const { plan, matches } = select(snapshot, collection, query, context.deadline, statistics);
    const returned = [...matches].length;
    const sorts = query.sort.length > 0 && !plan.sorted;
    return report(
      context,
      stagesOf(
        query.filter.near ? nearStage(collection, query.filter.near, plan) : scanStage(plan),
        sorts ? context.document("sort") : undefined,
      ),
      statistics,
      returned,
    );
  } finally {
    snapshot.release();
  }
}

function explainCount(
  context: CommandContext,
  collection: Collection,
  query: FindQuery,
  snapshot: Snapshot,
): Doc {
  const statistics: ScanStatistics = { keysExamined: 0, docsExamined: 0 };
  if (isEverything(query.filter)) {
    return report(context, { stage: "RECORD_STORE_FAST_COUNT" }, statistics, 0);
  }
  const { deadline } = context;
  const { plan, covered } = countSelected(snapshot, collection, query, deadline, statistics);
  const stage =
    covered && plan.stage === "IXSCAN"
      ? countStage(plan)
      : { stage: "COUNT", inputStage: scanStage(plan) };
  return report(context, stage, statistics, 0);
}

export function explainAggregate(context: CommandContext, pipeline: readonly unknown[]): Doc {
  const collection = context.findCollection();
  const snapshot = context.snapshot();
  try {
    const inner = pipelineContext(context, snapshot, collection);
    const returned = [...runPipeline(inner, collection, pipeline, hintOf(context.command["hint"]))]
      .length;
    const cursor = collection
      ? leadingPlan(context, collection, pipeline, inner)
      : { stage: "EOF" };
    const answer = report(context, cursor, inner.statistics, returned);
    const { queryPlanner, executionStats } = answer;
    const [first, ...rest] = pipeline;
    return first === undefined || rest.length === 0
      ? answer
      : {
          ...answer,
          stages: [
            { $cursor: { queryPlanner, ...(executionStats ? { executionStats } : {}) } },
            ...rest,
          ],
        };
  } finally {
    snapshot.release();
  }
}

function leadingPlan(
  context: CommandContext,
  collection: Collection,
  pipeline: readonly unknown[],
  inner: ReturnType<typeof pipelineContext>,
): Doc {
  const counting = planCounting(
    inner,
    collection,
    pipeline,
    undefined,
    hintOf(context.command["hint"]),
  );
  if (counting?.plan) {
    return countStage(counting.plan);
  }
  const leading = planLeading(inner, collection, pipeline, hintOf(context.command["hint"]));
  return stagesOf(
    scanStage(leading.plan),
    leading.sort.length > 0 && !leading.plan.sorted ? {} : undefined,
  );
}

function nearStage(collection: Collection, near: NearQuery, plan: Plan): Doc {
  const { name, spec } = requireGeoIndex(collection, near);
  return {
    stage: near.kinds.includes("2dsphere") ? "GEO_NEAR_2DSPHERE" : "GEO_NEAR_2D",
    keyPattern: spec["key"],
    indexName: name,
    inputStage: scanStage(plan),
  };
}

function stagesOf(inner: Doc, sort: Doc | undefined): Doc {
  return sort === undefined ? inner : { stage: "SORT", sortPattern: sort, inputStage: inner };
}

/** Counting from the keys of an index. */
function countStage(plan: IndexScan): Doc {
  return { stage: "COUNT", inputStage: { ...keysOf(plan), stage: "COUNT_SCAN" } };
}

function keysOf({ index, reverse }: IndexScan): Doc {
  return {
    stage: "IXSCAN",
    keyPattern: index.spec["key"],
    indexName: index.name,
    isMultiKey: index.multikey.size > 0,
    isUnique: index.unique,
    isSparse: index.sparse,
    isPartial: index.partialFilter !== undefined,
    direction: reverse ? "backward" : "forward",
  };
}

function scanStage(plan: Plan): Doc {
  switch (plan.stage) {
    case "COLLSCAN":
      return { stage: "COLLSCAN", direction: plan.reverse ? "backward" : "forward" };
    case "IXSCAN":
      return { stage: "FETCH", inputStage: keysOf(plan) };
    case "TEXT":
      return {
        stage: "TEXT_MATCH",
        indexName: plan.index.name,
        inputStage: { stage: "IXSCAN", indexName: plan.index.name },
      };
    case "OR":
      return { stage: "OR", inputStages: plan.plans.map(scanStage) };
  }
}

function report(
  context: CommandContext,
  winningPlan: Doc,
  statistics: ScanStatistics,
  returned: number,
): Doc {
  const filter = filterArgument("filter", context.command["filter"] ?? context.command["query"]);
  parseFilter(filter);
  parseSort(context.command["sort"]);
  return {
    explainVersion: "1",
    queryPlanner: {
      namespace: `${context.db}.${String(context.command[context.name])}`,
      indexFilterSet: false,
      parsedQuery: filter,
      winningPlan,
      rejectedPlans: [],
    },
    ...(context.command["verbosity"] === "queryPlanner"
      ? {}
      : {
          executionStats: {
            executionSuccess: true,
            nReturned: returned,
            executionTimeMillis: 0,
            totalKeysExamined: statistics.keysExamined,
            totalDocsExamined: statistics.docsExamined,
            executionStages: winningPlan,
            // No plan is tried beside the one that is chosen.
            ...(context.command["verbosity"] === "executionStats" ? {} : { allPlansExecution: [] }),
          },
        }),
    command: omit(context.command, "verbosity"),
    serverInfo: { host: context.connection.host, version: MONGODB_VERSION },
    ok: double(1),
  };
}
