import { type Doc } from "../bson/values";
import { isEverything } from "../query/filter";
import { runPipeline } from "../aggregate/pipeline";
import { lengthOf } from "../query/scan";
import { countSelected } from "../query/select";
import type { CommandContext } from "./context";
import { pipelineContext } from "./pipeline-source";
import { parseFind, viewPipeline } from "./query";

/** @see https://www.mongodb.com/docs/manual/reference/command/count/ */
export function count(context: CommandContext): Doc {
  const collection = context.findCollection();
  if (!collection) {
    return { n: 0 };
  }
  const query = parseFind(context, collection);
  if (isEverything(query.filter) && query.hint === undefined && !collection.isView) {
    const total = Math.max(context.countOf(collection) - query.skip, 0);
    return { n: query.limit > 0 ? Math.min(total, query.limit) : total };
  }
  const snapshot = context.snapshot();
  try {
    if (!collection.isView) {
      return { n: countSelected(snapshot, collection, query, context.deadline).count };
    }
    const inner = pipelineContext(context, snapshot, collection);
    return { n: lengthOf(runPipeline(inner, collection, viewPipeline(context, query))) };
  } finally {
    snapshot.release();
  }
}
