import { MongoError } from "../errors";
import type { Doc } from "../bson/values";
import { Deadline } from "../query/scan";
import { compilePipeline } from "./pipeline";
import { type PipelineContext, stageEntry } from "./stage";

const ALLOWED = new Set([
  "$addFields",
  "$project",
  "$replaceRoot",
  "$replaceWith",
  "$set",
  "$unset",
]);

/** @see https://www.mongodb.com/docs/manual/tutorial/update-documents-with-aggregation-pipeline/ */
export function compileUpdatePipeline(
  pipeline: readonly unknown[],
  variables: Doc | undefined,
): (doc: Doc) => Doc {
  for (const stage of pipeline) {
    const [name] = stageEntry(stage);
    if (!ALLOWED.has(name)) {
      throw new MongoError(72, `${name} is not allowed to be used within an update`);
    }
  }
  const stages = compilePipeline(pipeline, contextOf(variables));
  return (doc) => {
    const [after] = stages.reduce<Iterable<Doc>>((input, stage) => stage(input), [doc]);
    return after as Doc;
  };
}

/** These stages look at nothing but their document. */
function contextOf(variables: Doc | undefined): PipelineContext {
  return {
    catalog: { find: () => undefined },
    reader: { get: () => undefined, range: () => [], count: () => 0 },
    db: "",
    collation: undefined,
    variables: variables ?? {},
    deadline: new Deadline(),
    statistics: { keysExamined: 0, docsExamined: 0 },
    countOf: () => 0,
    depth: 0,
  };
}
