import { failedToParse, MongoError } from "../errors";
import type { RawDocument } from "../bson/decode";
import { isDocument } from "../bson/values";
import { pipelineArgument, runPipeline } from "../aggregate/pipeline";
import { type PipelineContext, stageEntry } from "../aggregate/stage";
import { writingStage } from "../aggregate/write-stages";
import type { Collection } from "../catalog/collection";
import type { DocumentSource } from "../cursors";
import type { Snapshot } from "../storage/storage";
import { changeStream } from "./change-stream";
import type { CommandContext } from "./context";
import { explainAggregate } from "./explain";
import { hintOf } from "./find";
import { batchSizeOf, encoded, openCursor, sourceOf } from "./reply";
import type { Doc } from "../bson/values";

/** Stages that bring their own documents. */
const WITHOUT_COLLECTION = new Set([
  "$documents",
  "$changeStream",
  "$currentOp",
  "$listLocalSessions",
  "$querySettings",
]);

/** @see https://www.mongodb.com/docs/manual/reference/command/aggregate/ */
export async function aggregate(context: CommandContext): Promise<RawDocument | Doc> {
  const pipeline = pipelineArgument(context.command["pipeline"]);
  if (context.flag("explain")) {
    return explainAggregate(context, pipeline);
  }
  if (!isDocument(context.command["cursor"])) {
    throw failedToParse(
      "The 'cursor' option is required, except for aggregate with the explain argument",
    );
  }
  const batchSize = batchSizeOf(context.command["cursor"]["batchSize"]);
  const [first] = pipeline.length > 0 ? stageEntry(pipeline[0]) : [];
  if (first === "$changeStream") {
    return changeStream(context, pipeline, batchSize);
  }
  const collection = targetOf(context, first);
  const ns = `${context.db}.${typeof context.command["aggregate"] === "string" ? context.command["aggregate"] : "$cmd.aggregate"}`;
  const write = writingStage(pipeline.at(-1), context);
  if (write) {
    const documents = collected(context, collection, pipeline.slice(0, -1));
    await write(documents);
    return openCursor(
      context,
      ns,
      sourceOf([], () => undefined),
      { batchSize },
    );
  }
  return openCursor(context, ns, pipelineSource(context, collection, pipeline), { batchSize });
}

function targetOf(context: CommandContext, firstStage: string | undefined): Collection | undefined {
  if (typeof context.command["aggregate"] === "string") {
    return context.findCollection();
  }
  if (firstStage === undefined || !WITHOUT_COLLECTION.has(firstStage)) {
    throw new MongoError(
      73,
      "{aggregate: 1} is not valid for '" + (firstStage ?? "") + "'; a collection is required.",
    );
  }
  return undefined;
}

/** A source that runs a pipeline as its documents are asked for. */
export function pipelineSource(
  context: CommandContext,
  collection: Collection | undefined,
  pipeline: readonly unknown[],
): DocumentSource {
  const snapshot = context.snapshot();
  try {
    const inner = pipelineContext(context, snapshot);
    const documents = runPipeline(inner, collection, pipeline, hintOf(context.command["hint"]));
    return sourceOf(encoded(documents), () => snapshot.release());
  } catch (error) {
    snapshot.release();
    throw error;
  }
}

function collected(
  context: CommandContext,
  collection: Collection | undefined,
  pipeline: readonly unknown[],
): Doc[] {
  const snapshot = context.snapshot();
  try {
    return [...runPipeline(pipelineContext(context, snapshot), collection, pipeline)];
  } finally {
    snapshot.release();
  }
}

export function pipelineContext(context: CommandContext, reader: Snapshot): PipelineContext {
  return {
    catalog: context.engine.catalog,
    reader,
    db: context.db,
    collation: context.collation,
    variables: context.document("let") ?? {},
    deadline: context.deadline,
    statistics: { keysExamined: 0, docsExamined: 0 },
    countOf: (collection) => collection.count + context.addedInTransaction(collection),
    depth: 0,
  };
}
