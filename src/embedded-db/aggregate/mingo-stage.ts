import { Lazy } from "mingo/lazy";
import type { AnyObject } from "mingo/types";
import { MongoError } from "../errors";
import { toPlain } from "../bson/plain";
import type { Doc } from "../bson/values";
import { mingo } from "../query/expression";
import { guarded } from "../query/mingo";
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
  const stage = STAGES.has(name) ? mingo.stage(name) : undefined;
  if (!stage) {
    throw new MongoError(40324, `Unrecognized pipeline stage name: '${name}'`);
  }
  return (input) =>
    guarded(name, () => {
      const options = {
        ...mingo.options(context.variables),
        // mingo runs its own windows as functions; what clients send is never callable.
        scriptEnabled: name === "$setWindowFields",
        collectionResolver: () => documents().map((doc) => toPlain(doc) as AnyObject),
      };
      const plain = Lazy([...input].map((doc) => toPlain(doc) as AnyObject));
      return [...stage(plain, toPlain(argument), options)];
    });
}
