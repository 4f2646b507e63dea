import { OpType } from "mingo/core";
import { Lazy } from "mingo/lazy";
import type { Any, AnyObject, Options } from "mingo/types";
import { MongoError } from "../errors";
import { toPlain } from "../bson/plain";
import type { Doc } from "../bson/values";
import { guarded, mingoContext, mingoOptions } from "../query/mingo";
import type { PipelineContext, Stage } from "./stage";

/** mingo's stages that are not replaced here. */
const STAGES = new Set([
  "$bucketAuto",
  "$densify",
  "$fill",
  "$graphLookup",
  "$redact",
  "$setWindowFields",
]);

type MingoStage = (input: unknown, argument: Any, options: Options) => Iterable<Doc>;

export function mingoStage(name: string, argument: unknown, context: PipelineContext): Stage {
  return mingoStageOver(name, argument, context, () => []);
}

/** A stage that reads another collection gets its documents from `documents`. */
export function mingoStageOver(
  name: string,
  argument: unknown,
  context: PipelineContext,
  documents: () => Doc[],
): Stage {
  const stage = STAGES.has(name)
    ? (mingoContext.getOperator(OpType.PIPELINE, name) as MingoStage | null)
    : null;
  if (!stage) {
    throw new MongoError(40324, `Unrecognized pipeline stage name: '${name}'`);
  }
  return (input) =>
    guarded(name, () => {
      const options = {
        ...mingoOptions(context.variables),
        collectionResolver: () => documents().map((doc) => toPlain(doc) as AnyObject),
      };
      const plain = Lazy([...input].map((doc) => toPlain(doc) as AnyObject));
      return [...stage(plain, toPlain(argument), options)];
    });
}
