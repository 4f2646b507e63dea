import { Context, evalExpr, OpType } from "mingo/core";
import * as accumulators from "mingo/operators/accumulator";
import * as expressions from "mingo/operators/expression";
import * as pipeline from "mingo/operators/pipeline";
import * as windows from "mingo/operators/window";
import type { Any, AnyObject, Options } from "mingo/types";
import { MongoError } from "../errors";
import { toPlain } from "../bson/plain";
import type { Evaluate, Scope } from "./expression";
import { OPERATORS } from "./operators";

type MingoOperator = (value: Any, expression: Any, options: Options) => Any;

/** How mingo hands local variables to an operator: part of its ComputeOptions. */
interface Locals {
  local?: { root?: unknown; variables?: Record<string, unknown> };
}

/**
 * Our operators, as mingo calls them: inside an expression that mingo evaluates, `$eq` must still
 * be MongoDB's and not mingo's.
 */
function bridged(): Record<string, MingoOperator> {
  const out: Record<string, MingoOperator> = {};
  for (const [name, compile] of Object.entries(OPERATORS)) {
    if (name in accumulators) {
      // mingo's own groups look for an expression operator first and would miss the accumulator.
      continue;
    }
    const compiled = new WeakMap<object, Evaluate>();
    out[name] = (value, expression, options) => {
      const key = expression as object;
      const known = typeof key === "object" && key !== null ? compiled.get(key) : undefined;
      const evaluate = known ?? compile(expression);
      if (typeof key === "object" && key !== null) {
        compiled.set(key, evaluate);
      }
      return toPlain(evaluate(scopeOf(value, options)));
    };
  }
  return out;
}

function scopeOf(current: unknown, options: Options): Scope {
  const local = (options as Locals).local;
  return {
    root: local?.root ?? current,
    current,
    variables: { ...options.variables, this: current, ...local?.variables },
    collation: undefined,
    now: new Date(),
  };
}

/** Everything mingo may use, ours first: operators added later do not replace earlier ones. */
export const mingoContext = Context.init()
  .addExpressionOps(bridged())
  .addExpressionOps(expressions)
  .addAccumulatorOps(accumulators)
  .addPipelineOps(pipeline)
  .addWindowOps(windows);

/** Options for running mingo; it never evaluates JavaScript. */
export function mingoOptions(variables: Record<string, unknown> = {}): Options {
  return {
    idKey: "_id",
    scriptEnabled: false,
    useStrictMode: true,
    failOnError: true,
    processingMode: 0,
    variables: toPlain(variables) as AnyObject,
    context: mingoContext,
  };
}

/** An expression operator that mingo evaluates. */
export function mingoExpression(operator: string, argument: unknown): Evaluate {
  const known =
    mingoContext.getOperator(OpType.EXPRESSION, operator) ??
    mingoContext.getOperator(OpType.ACCUMULATOR, operator);
  if (!known) {
    throw new MongoError(168, `Unrecognized expression '${operator}'`);
  }
  const expression = { [operator]: toPlain(argument) } as Any;
  return (scope) => {
    const root = toPlain(scope.root);
    return guarded(operator, () => evalExpr(root, expression, mingoOptions(scope.variables)));
  };
}

/** A `$group` accumulator that mingo computes over the documents of one group. */
export function mingoAccumulator(
  operator: string,
  argument: unknown,
): (docs: unknown[]) => unknown {
  const known = mingoContext.getOperator(OpType.ACCUMULATOR, operator);
  if (!known) {
    throw new MongoError(15952, `unknown group operator '${operator}'`);
  }
  const expression = toPlain(argument);
  return (docs) =>
    guarded(operator, () => known(docs.map(toPlain) as Any, expression, mingoOptions()));
}

/** mingo's own errors are bad arguments, not faults of the server. */
export function guarded<T>(operator: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof MongoError) {
      throw error;
    }
    throw new MongoError(2, `${operator}: ${(error as Error).message}`);
  }
}
