import { failedToParse } from "../errors";
import { isDocument } from "../bson/values";
import { beginsWithDocuments, refuseDocuments, type Stage, type StageContext } from "./stage";

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/unionWith/ */
export function unionWith(argument: unknown, context: StageContext): Stage {
  const spec = isDocument(argument) ? argument : { coll: argument };
  const { coll, pipeline = [] } = spec as { coll?: unknown; pipeline?: unknown[] };
  if (typeof coll !== "string" && !Array.isArray(pipeline)) {
    throw failedToParse("the $unionWith stage specification must be an object or string");
  }
  if (typeof coll === "string") {
    refuseDocuments(pipeline);
  } else if (!beginsWithDocuments(pipeline)) {
    throw failedToParse(
      "$unionWith stage without explicit collection must have a pipeline with $documents as first stage",
    );
  }
  const collection = typeof coll === "string" ? context.catalog.find(context.db, coll) : undefined;
  const inner = { ...context, depth: context.depth + 1 };
  return function* (input) {
    yield* input;
    yield* context.runPipeline(inner, collection, pipeline);
  };
}
