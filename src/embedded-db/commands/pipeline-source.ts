import { runPipeline } from "../aggregate/pipeline";
import type { PipelineContext } from "../aggregate/stage";
import type { Collection } from "../catalog/collection";
import type { DocumentSource } from "../cursors";
import type { Reader } from "../storage/storage";
import type { CommandContext } from "./context";
import { hintOf } from "./query";
import { encoded, heldSource } from "./reply";

/** A source that runs a pipeline as its documents are asked for. */
export function pipelineSource(
  context: CommandContext,
  collection: Collection | undefined,
  pipeline: readonly unknown[],
): DocumentSource {
  return heldSource(context, (snapshot) => {
    const inner = pipelineContext(context, snapshot, collection);
    return encoded(runPipeline(inner, collection, pipeline, hintOf(context.command["hint"])));
  });
}

export function pipelineContext(
  context: CommandContext,
  reader: Reader,
  collection: Collection | undefined,
): PipelineContext {
  return {
    catalog: context.collections,
    reader,
    db: context.db,
    collation: context.collationFor(collection),
    variables: context.variables ?? {},
    deadline: context.deadline,
    statistics: { keysExamined: 0, docsExamined: 0 },
    countOf: (collection) => context.countOf(collection),
    depth: 0,
  };
}
