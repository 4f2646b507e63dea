import { MongoError } from "../errors";
import { type Doc, double, isDocument, isNumeric, omit, toNumber } from "../bson/values";
import { planCounting, planLeading, runPipeline } from "../aggregate/pipeline";
import { pipelineArgument, stageEntry } from "../aggregate/stage";
import type { Collection } from "../catalog/collection";
import type { IndexScan, Plan } from "../index/planner";
import { canonicalFilter } from "../query/canonical";
import { filterArgument, isEverything } from "../query/filter";
import type { ScanStatistics } from "../query/scan";
import { type NearQuery, requireGeoIndex } from "../query/geo/near";
import { countSelected, select } from "../query/select";
import type { Snapshot } from "../storage/storage";
import { MONGODB_VERSION } from "./buildInfo";
import { CommandContext } from "./context";
import { choice } from "./fields";
import { pipelineContext } from "./pipeline-source";
import { type FindQuery, hintOf, parseFind, viewPipeline } from "./query";

/** @see https://www.mongodb.com/docs/manual/reference/command/explain/ */
export function explain(context: CommandContext): Doc {
  const explained = context.command["explain"];
  if (!isDocument(explained)) {
    throw new MongoError(9, "explain command requires a nested object");
  }
  const [name = ""] = Object.keys(explained);
  const verbosity = choice("explain", context.command, "verbosity", VERBOSITIES);
  const command = { ...explained, $db: context.db };
  const { maxTimeMS } = context.command;
  const selection = {
    ...selecting(name, command),
    ...(maxTimeMS === undefined ? {} : { maxTimeMS }),
  };
  const inner = new CommandContext(name, selection, context.connection);
  return name === "aggregate"
    ? explainAggregate(inner, pipelineArgument(explained["pipeline"]), verbosity)
    : explainFind(inner, { command, verbosity });
}

const VERBOSITIES = ["allPlansExecution", "executionStats", "queryPlanner"] as const;
type Verbosity = (typeof VERBOSITIES)[number];

/** What is explained, as the client sent it, and in which detail. */
interface Question {
  command: Doc;
  verbosity: Verbosity;
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
      const [statement = {}] = (command[`${name}s`] ?? []) as Doc[];
      const { q, hint, sort, collation, limit, multi } = statement;
      const all = name === "update" ? multi === true : toNumber(limit) === 0;
      return { ...command, filter: q, hint, sort, collation, limit: all ? 0 : 1 };
    }
    default:
      throw new MongoError(59, `Explain failed due to unknown command: ${name}`);
  }
}

function explainFind(context: CommandContext, question: Question): Doc {
  const collection = context.findCollection();
  if (!collection) {
    parseFind(context, collection);
    return report(context, question, { winningPlan: { stage: "EOF" } });
  }
  const query = parseFind(context, collection);
  if (collection.isView) {
    return explainAggregate(context, viewPipeline(context, query), question.verbosity);
  }
  const statistics: ScanStatistics = { keysExamined: 0, docsExamined: 0 };
  const snapshot = context.snapshot();
  try {
    if (context.name === "count") {
      return explainCount(context, question, collection, query, snapshot);
    }
    const { plan, matches } = select(snapshot, collection, query, context.deadline, statistics);
    const found = [...matches].length;
    const writing = writingStage(context);
    const read = readingStages(context, collection, query, plan, writing === undefined);
    return report(context, question, {
      winningPlan: writing === undefined ? read : { stage: writing, inputStage: read },
      statistics,
      returned: writing === undefined || context.name === "findAndModify" ? found : 0,
    });
  } finally {
    snapshot.release();
  }
}

/** The stage on top of the plan of a command that writes. */
function writingStage({ name, command }: CommandContext): string | undefined {
  switch (name) {
    case "delete":
      return "DELETE";
    case "update":
      return "UPDATE";
    case "findAndModify":
      return command["remove"] === true ? "DELETE" : "UPDATE";
    default:
      return undefined;
  }
}

/** From what is read of the collection up to what the client gets. */
function readingStages(
  { command }: CommandContext,
  collection: Collection,
  { filter, sort, skip, limit, projection }: FindQuery,
  plan: Plan,
  limits: boolean,
): Doc {
  const scan = filter.near
    ? nearStage(collection, filter.near, plan)
    : withFilter(scanStage(plan), filterOf(command));
  const sorts = sort.length > 0 && !plan.sorted;
  const layers: (Doc | false)[] = [
    sorts && {
      stage: "SORT",
      sortPattern: command["sort"],
      ...(limit > 0 ? { limitAmount: skip + limit } : {}),
      type: "simple",
    },
    skip > 0 && { stage: "SKIP", skipAmount: skip },
    projection !== undefined && projectionStage(command["projection"] ?? command["fields"]),
    limits && limit > 0 && !sorts && { stage: "LIMIT", limitAmount: limit },
  ];
  return layers.reduce<Doc>(
    (inputStage, layer) => (layer ? { ...layer, inputStage } : inputStage),
    scan,
  );
}

function projectionStage(transformBy: unknown): Doc {
  const simple = Object.entries(transformBy as Doc).every(
    ([path, value]) => !path.includes(".") && (typeof value === "boolean" || isNumeric(value)),
  );
  return { stage: simple ? "PROJECTION_SIMPLE" : "PROJECTION_DEFAULT", transformBy };
}

/** A scan of the whole collection shows what it looks for. */
function withFilter(scan: Doc, filter: Doc): Doc {
  const { stage, ...rest } = scan;
  return stage === "COLLSCAN" && Object.keys(filter).length > 0
    ? { stage, filter: canonicalFilter(filter), ...rest }
    : scan;
}

function explainCount(
  context: CommandContext,
  question: Question,
  collection: Collection,
  query: FindQuery,
  snapshot: Snapshot,
): Doc {
  const statistics: ScanStatistics = { keysExamined: 0, docsExamined: 0 };
  if (isEverything(query.filter)) {
    return report(context, question, { winningPlan: { stage: "RECORD_STORE_FAST_COUNT" } });
  }
  const { deadline } = context;
  const { plan, covered } = countSelected(snapshot, collection, query, deadline, statistics);
  const winningPlan =
    covered && plan.stage === "IXSCAN"
      ? countStage(plan)
      : { stage: "COUNT", inputStage: scanStage(plan) };
  return report(context, question, { winningPlan, statistics });
}

export function explainAggregate(
  context: CommandContext,
  pipeline: readonly unknown[],
  verbosity: Verbosity = "queryPlanner",
): Doc {
  const collection = context.findCollection();
  const snapshot = context.snapshot();
  try {
    const inner = pipelineContext(context, snapshot, collection);
    const returned = [...runPipeline(inner, collection, pipeline, hintOf(context.command["hint"]))]
      .length;
    const { plan, filter } = collection
      ? leadingPlan(context, collection, pipeline, inner)
      : { plan: { stage: "EOF" }, filter: {} };
    const question = { command: omit(context.command, "explain"), verbosity };
    const answer = report(context, question, {
      winningPlan: withFilter(plan, filter),
      statistics: inner.statistics,
      returned,
      filter,
    });
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
): { plan: Doc; filter: Doc } {
  const filter = leadingFilter(pipeline);
  const counting = planCounting(
    inner,
    collection,
    pipeline,
    undefined,
    hintOf(context.command["hint"]),
  );
  if (counting?.plan) {
    return { plan: countStage(counting.plan), filter };
  }
  const leading = planLeading(inner, collection, pipeline, hintOf(context.command["hint"]));
  const scan = scanStage(leading.plan);
  const sorts = leading.sort.length > 0 && !leading.plan.sorted;
  const sortPattern = pipeline.map((stage) => stageEntry(stage)).find(([name]) => name === "$sort");
  return {
    plan: sorts ? { stage: "SORT", sortPattern: sortPattern?.[1], inputStage: scan } : scan,
    filter,
  };
}

/** The stages in front that choose documents, as one filter. */
function leadingFilter(pipeline: readonly unknown[]): Doc {
  const stages = pipeline.map((stage) => stageEntry(stage));
  const end = stages.findIndex(([name]) => name !== "$match");
  const filters = stages.slice(0, end < 0 ? stages.length : end).map(([, filter]) => filter as Doc);
  return filters.length === 0 ? {} : { $and: filters };
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
      return plan.index.spec["clustered"] === true
        ? { stage: "CLUSTERED_IXSCAN", direction: plan.reverse ? "backward" : "forward" }
        : { stage: "FETCH", inputStage: keysOf(plan) };
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

function filterOf(command: Doc): Doc {
  return filterArgument("filter", command["filter"] ?? command["query"]);
}

interface Outcome {
  winningPlan: Doc;
  statistics?: ScanStatistics;
  returned?: number;
  /** What was looked for, where the command does not say it. */
  filter?: Doc;
}

function report(context: CommandContext, { command, verbosity }: Question, outcome: Outcome): Doc {
  const { winningPlan, statistics, returned = 0, filter = filterOf(context.command) } = outcome;
  return {
    explainVersion: "1",
    queryPlanner: {
      namespace: `${context.db}.${String(context.command[context.name])}`,
      indexFilterSet: false,
      parsedQuery: canonicalFilter(filter),
      winningPlan: { isCached: false, ...winningPlan },
      rejectedPlans: [],
    },
    ...(verbosity === "queryPlanner"
      ? {}
      : {
          executionStats: {
            executionSuccess: true,
            nReturned: returned,
            executionTimeMillis: 0,
            totalKeysExamined: statistics?.keysExamined ?? 0,
            totalDocsExamined: statistics?.docsExamined ?? 0,
            executionStages: winningPlan,
            // No plan is tried beside the one that is chosen.
            ...(verbosity === "executionStats" ? {} : { allPlansExecution: [] }),
          },
        }),
    command,
    serverInfo: { host: context.connection.host, version: MONGODB_VERSION },
    ok: double(1),
  };
}
