import { failedToParse, MongoError } from "../errors";
import type { RawDocument } from "../bson/decode";
import { isDocument } from "../bson/values";
import { runPipeline } from "../aggregate/pipeline";
import { pipelineArgument, stageEntry } from "../aggregate/stage";
import { writingStage } from "../aggregate/write-stages";
import type { Collection } from "../catalog/collection";
import { changeStream } from "./change-stream";
import type { CommandContext } from "./context";
import { explainAggregate } from "./explain";
import { pipelineContext, pipelineSource } from "./pipeline-source";
import { batchSizeOf, openCursor, sourceOf } from "./reply";
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

/** @see https://www.mongodb.com/docs/manual/core/transactions-operations/#restricted-operations */
const NOT_IN_TRANSACTIONS = new Set([
  "$changeStream",
  "$collStats",
  "$currentOp",
  "$indexStats",
  "$listLocalSessions",
  "$listSessions",
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
  const batchSize = batchSizeOf(context.command["cursor"]["batchSize"]);
  const [first = "", argument] = given.length > 0 ? stageEntry(given[0]) : [];
  if (context.inTransaction && NOT_IN_TRANSACTIONS.has(first)) {
    throw new MongoError(
      263,
      `Stage not supported inside of a multi-document transaction: ${first}`,
    );
  }
  if (first === "$changeStream") {
    return changeStream(context, given, batchSize);
  }
  const documents = serverStage(context, first, argument);
  const pipeline = documents ? [{ $documents: documents }, ...given.slice(1)] : given;
  const collection = targetOf(context, first);
  const ns = `${context.db}.${typeof context.command["aggregate"] === "string" ? context.command["aggregate"] : "$cmd.aggregate"}`;
  const write = writingStage(pipeline.at(-1), context);
  if (write) {
    refuseInTransaction(context);
    await write(collected(context, collection, pipeline.slice(0, -1)));
    return openCursor(
      context,
      ns,
      sourceOf([], () => undefined),
      { batchSize },
    );
  }
  return openCursor(context, ns, pipelineSource(context, collection, pipeline), { batchSize });
}

function refuseInTransaction({ inTransaction }: CommandContext): void {
  if (inTransaction) {
    throw new MongoError(
      263,
      "Operation not permitted in transaction :: caused by :: $out and $merge cannot run within a multi-document transaction",
    );
  }
}

function targetOf(context: CommandContext, firstStage: string): Collection | undefined {
  if (typeof context.command["aggregate"] === "string") {
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
    return [...runPipeline(pipelineContext(context, snapshot, collection), collection, pipeline)];
  } finally {
    snapshot.release();
  }
}
