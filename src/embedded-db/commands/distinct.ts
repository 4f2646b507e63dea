import { type Doc } from "../bson/values";
import { runPipeline } from "../aggregate/pipeline";
import { identityOf } from "../index/index-keys";
import { someValueAt } from "../query/path";
import type { Match } from "../query/scan";
import { select } from "../query/select";
import type { CommandContext } from "./context";
import { pipelineContext } from "./pipeline-source";
import { parseFind, viewPipeline } from "./query";
import { readTime } from "./reply";
import { compareValues } from "../bson/compare";

function* documentsOf(matches: Iterable<Match>): Iterable<Doc> {
  for (const { doc } of matches) {
    yield doc;
  }
}

/** @see https://www.mongodb.com/docs/manual/reference/command/distinct/ */
export function distinct(context: CommandContext): Doc {
  const collection = context.findCollection();
  const parts = context.string("key").split(".");
  if (!collection) {
    return { values: [], ...readTime(context) };
  }
  const query = parseFind(context, collection);
  const values = new Map<string, unknown>();
  const note = (value: unknown) => {
    for (const entry of Array.isArray(value) ? value : [value]) {
      const key = identityOf(entry, query.collation?.fold);
      if (entry !== undefined && !values.has(key)) {
        values.set(key, entry);
      }
    }
    return false;
  };
  const snapshot = context.snapshot();
  try {
    const docs = collection.isView
      ? runPipeline(
          pipelineContext(context, snapshot, collection),
          collection,
          viewPipeline(context, query),
        )
      : documentsOf(select(snapshot, collection, query, context.deadline).matches);
    for (const doc of docs) {
      someValueAt(doc, parts, 0, note);
    }
  } finally {
    snapshot.release();
  }
  return {
    values: [...values.values()].sort((a, b) => compareValues(a, b, query.collation?.order)),
    ...readTime(context),
  };
}
