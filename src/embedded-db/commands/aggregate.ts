import { failedToParse, MongoError, within } from "../errors";
import type { RawDocument } from "../bson/decode";
import { isDocument } from "../bson/values";
import { runPipeline } from "../aggregate/pipeline";
import { pipelineArgument, refuseDocuments, stageEntry } from "../aggregate/stage";
import { writingStage } from "../aggregate/write-stages";
import type { Collection } from "../catalog/collection";
import { changeStream } from "./change-stream";
import { kept } from "../query/memory-budget";
import type { CommandContext } from "./context";
import { explainAggregate } from "./explain";
import { pipelineContext, pipelineSource } from "./pipeline-source";
import { batchSizeOf, DURING_AGGREGATE, openCursor, sourceOf } from "./reply";
import { serverStage } from "./server-stages";
import type { Doc } from "../bson/values";

/** Stages that bring their own documents. */
const WITHOUT_COLLECTION = new Set([
  "$changeStream",
  "$currentOp",
  "$documents",
  "$listLocalSessions",
  "$listSampledQueries",
  "$listSessions",
  "$querySettings",
  "$queryStats",
  "$shardedDataDistribution",
]);

/** @see https://www.mongodb.com/docs/manual/core/transactions-operations/ */
const NOT_IN_TRANSACTION = new Set([
  "$changeStream",
  "$collStats",
  "$currentOp",
  "$indexStats",
  "$listLocalSessions",
  "$listSessions",
  "$merge",
  "$out",
  "$planCacheStats",
]);

/** @see https://www.mongodb.com/docs/manual/reference/command/aggregate/ */
export async function aggregate(context: CommandContext): Promise<RawDocument | Doc> {
  const given = pipelineArgument(context.command["pipeline"]);
  if (context.flag("explain")) {
    return explainAggregate(context, given);
  }
  if (!isDocument(context.command["cursor"])) {
    throw failedToParse(
      "The 'cursor' option is required, except for aggregate with the explain argument",
    );
  }
  refuseInTransaction(context, given);
  const batchSize = batchSizeOf(context.command["cursor"]["batchSize"]);
  const [first = "", argument] = given.length > 0 ? stageEntry(given[0]) : [];
  if (first === "$changeStream") {
    refuseSnapshot(context);
    return changeStream(context, given, batchSize);
  }
  const documents = serverStage(context, first, argument);
  const pipeline = documents ? [{ $documents: { $literal: documents } }, ...given.slice(1)] : given;
  const collection = targetOf(context, given, first);
  const ns = `${context.db}.${typeof context.command["aggregate"] === "string" ? context.command["aggregate"] : "$cmd.aggregate"}`;
  const write = writingStage(pipeline.at(-1), context);
  if (write) {
    refuseLinearizable(context);
    await write(collected(context, collection, pipeline.slice(0, -1)));
    return openCursor(
      context,
      ns,
      sourceOf([], () => undefined),
      { batchSize },
    );
  }
  const source = pipelineSource(context, collection, pipeline);
  return openCursor(context, ns, source, { batchSize, during: DURING_AGGREGATE });
}

/** A stream goes on, a snapshot does not. */
function refuseSnapshot({ atClusterTime }: CommandContext): void {
  if (atClusterTime) {
    throw new MongoError(
      72,
      "Aggregation stage $changeStream cannot run with a readConcern other than 'majority', or in a multi-document transaction. Current readConcern: snapshot",
    );
  }
}

/** What a linearizable read promises, a pipeline that writes cannot. */
function refuseLinearizable({ command }: CommandContext): void {
  const concern = command["readConcern"];
  if (isDocument(concern) && concern["level"] === "linearizable") {
    throw new MongoError(72, "$out and $merge can't be used with a 'linearizable' read concern");
  }
}

function refuseInTransaction(
  { inTransaction }: CommandContext,
  pipeline: readonly unknown[],
): void {
  const refused = inTransaction
    ? pipeline.map((stage) => stageEntry(stage)[0]).find((name) => NOT_IN_TRANSACTION.has(name))
    : undefined;
  if (refused !== undefined) {
    throw new MongoError(
      263,
      `Operation not permitted in transaction :: caused by :: Aggregation stage ${refused} cannot run within a multi-document transaction`,
    );
  }
}

function targetOf(
  context: CommandContext,
  pipeline: readonly unknown[],
  firstStage: string,
): Collection | undefined {
  if (typeof context.command["aggregate"] === "string") {
    refuseDocuments(pipeline);
    return context.findCollection();
  }
  if (!WITHOUT_COLLECTION.has(firstStage)) {
    throw new MongoError(
      73,
      "{aggregate: 1} is not valid for '" + firstStage + "'; a collection is required.",
    );
  }
  return undefined;
}

function collected(
  context: CommandContext,
  collection: Collection | undefined,
  pipeline: readonly unknown[],
): Doc[] {
  const snapshot = context.snapshot();
  try {
    const inner = pipelineContext(context, snapshot, collection);
    const documents = kept("$out and $merge", runPipeline(inner, collection, pipeline));
    return within(DURING_AGGREGATE, () => [...documents]);
  } finally {
    snapshot.release();
  }
}
