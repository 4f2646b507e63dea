import { Lazy } from "mingo/lazy";
import type { AnyObject } from "mingo/types";
import { MongoError } from "../errors";
import { toPlain } from "../bson/plain";
import type { Doc } from "../bson/values";
import { mingo } from "../query/expression";
import { guarded } from "../query/mingo";
import { kept } from "../query/memory-budget";
import { checkDeadline } from "../query/watch";
import type { PipelineContext, Stage } from "./stage";

/** mingo's stages that are not replaced here. */
const STAGES = new Set(["$bucketAuto", "$densify"]);

/** Documents $densify may add. */
const MAX_DENSIFIED = 500_000;

/** A stage that mingo runs. */
export function mingoStage(name: string, argument: unknown, context: PipelineContext): Stage {
  const stage = STAGES.has(name) ? mingo.stage(name) : undefined;
  if (!stage) {
    throw new MongoError(40324, `Unrecognized pipeline stage name: '${name}'`);
  }
  return (input) =>
    guarded(name, () => {
      const options = mingo.options(context.variables);
      const docs = [...kept(name, input, itself)].map((doc) => toPlain(doc) as AnyObject);
      const made = limited(name, docs.length, stage(Lazy(docs), toPlain(argument), options));
      return [...kept(name, made, itself)];
    });
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/densify/#number-of-generated-documents */
function* limited(name: string, given: number, made: Iterable<Doc>): Iterable<Doc> {
  let count = 0;
  for (const doc of made) {
    checkDeadline();
    if (name === "$densify" && ++count > given + MAX_DENSIFIED) {
      throw new MongoError(
        5897900,
        `Generated ${MAX_DENSIFIED + 1} documents in $densify, which is over the limit of ${MAX_DENSIFIED}. Increase the 'internalQueryMaxAllowedDensifyDocs' parameter to allow more generated documents`,
      );
    }
    yield doc;
  }
}

function itself(doc: Doc): Doc {
  return doc;
}
