import { MongoError } from "../errors";
import { type Doc, isDocument } from "../bson/values";
import { kept } from "../query/memory-budget";
import { pipelineArgument, type Stage, type StageContext, stageEntry } from "./stage";

const REFUSED = new Set([
  "$collStats",
  "$currentOp",
  "$documents",
  "$facet",
  "$geoNear",
  "$indexStats",
  "$listLocalSessions",
  "$listSessions",
  "$out",
  "$merge",
  "$planCacheStats",
]);

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/facet/ */
export function facet(argument: unknown, context: StageContext): Stage {
  if (!isDocument(argument) || Object.keys(argument).length === 0) {
    throw new MongoError(40169, "the $facet specification must be a non-empty object");
  }
  const facets = Object.entries(argument).map(([name, value]) => {
    const pipeline = pipelineArgument(value);
    const refused = pipeline
      .map((stage) => stageEntry(stage)[0])
      .find((stage) => REFUSED.has(stage));
    if (refused !== undefined) {
      throw new MongoError(40600, `${refused} is not allowed to be used within a $facet stage`);
    }
    const stages = context.compilePipeline(pipeline, { ...context, branch: undefined });
    return { name, pipeline, stages };
  });
  return (input) => {
    let docs: Doc[] | undefined;
    const all = () => (docs ??= [...kept("$facet", input)]);
    const out: Doc = {};
    for (const { name, pipeline, stages } of facets) {
      const found =
        context.branch?.(pipeline) ??
        stages.reduce<Iterable<Doc>>((current, stage) => stage(current), all());
      out[name] = [...kept("$facet", found)];
    }
    return [out];
  };
}
