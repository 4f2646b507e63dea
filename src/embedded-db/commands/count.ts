import { type Doc } from "../bson/values";
import { runPipeline } from "../aggregate/pipeline";
import { countOf } from "../aggregate/stages";
import { select } from "../query/select";
import type { CommandContext } from "./context";
import { pipelineContext } from "./pipeline-source";
import { parseFind } from "./query";

/** @see https://www.mongodb.com/docs/manual/reference/command/count/ */
export function count(context: CommandContext): Doc {
  const collection = context.findCollection();
  if (!collection) {
    return { n: 0 };
  }
  const query = parseFind(context, collection);
  const everything = query.filter.root.kind === "and" && query.filter.root.children.length === 0;
  if (everything && !collection.isView) {
    const total = Math.max(
      collection.count + context.addedInTransaction(collection) - query.skip,
      0,
    );
    return { n: query.limit > 0 ? Math.min(total, query.limit) : total };
  }
  const snapshot = context.snapshot();
  try {
    const matches = collection.isView
      ? runPipeline(pipelineContext(context, snapshot), collection, [
          { $match: context.document("query") ?? {} },
        ])
      : select(snapshot, collection, query, context.deadline).matches;
    return { n: countOf(matches) };
  } finally {
    snapshot.release();
  }
}
