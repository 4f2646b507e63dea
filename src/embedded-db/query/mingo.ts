import { Context, evalExpr, OpType } from "mingo/core";
import * as expressions from "mingo/operators/expression";
import type { Any, AnyObject, Options } from "mingo/types";
import { MongoError } from "../errors";
import { toPlain } from "../bson/plain";
import { OPERATORS } from "./operators";
import type { Compile, Evaluate, Scope } from "./scope";

type MingoOperator = (value: Any, expression: Any, options: Options) => Any;

/** How mingo hands local variables to an operator: part of its ComputeOptions. */
interface Locals {
  local?: { root?: unknown; variables?: Record<string, unknown> };
}

/** mingo: evaluates the operators that are not written here. */
export class Mingo {
  private readonly context: Context;

  constructor(compile: Compile) {
    // Ours first: operators added later do not replace earlier ones.
    this.context = Context.init().addExpressionOps(bridged(compile)).addExpressionOps(expressions);
  }

  /** Options for running mingo; it never evaluates JavaScript. */
  private options(variables: Record<string, unknown> = {}): Options {
    return {
      idKey: "_id",
      scriptEnabled: false,
      useStrictMode: true,
      failOnError: true,
      processingMode: 0,
      variables: toPlain(variables) as AnyObject,
      context: this.context,
    };
  }

  /** An expression operator that mingo evaluates. */
  expression(operator: string, argument: unknown): Evaluate {
    if (!this.context.getOperator(OpType.EXPRESSION, operator)) {
      throw new MongoError(168, `Unrecognized expression '${operator}'`);
    }
    const expression = { [operator]: toPlain(argument) } as Any;
    return (scope) => {
      const root = toPlain(scope.root);
      return guarded(operator, () => evalExpr(root, expression, this.options(scope.variables)));
    };
  }
}

/**
 * Our operators, as mingo calls them: inside an expression that mingo evaluates, `$eq` must still
 * be MongoDB's and not mingo's.
 */
function bridged(compile: Compile): Record<string, MingoOperator> {
  const out: Record<string, MingoOperator> = {};
  for (const [name, compileOperator] of Object.entries(OPERATORS)) {
    out[name] = bridge((argument) => compileOperator(argument, compile));
  }
  return out;
}

/** mingo brings the same argument for every document: it is compiled once. */
function bridge(compile: Compile): MingoOperator {
  const compiled = new WeakMap<object, Evaluate>();
  return (value, expression, options) => {
    const key = typeof expression === "object" && expression !== null ? expression : undefined;
    const evaluate = (key && compiled.get(key)) ?? compile(expression);
    if (key) {
      compiled.set(key, evaluate);
    }
    return toPlain(evaluate(scopeOf(value, options)));
  };
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

/** mingo's own errors are bad arguments, not faults of the server. */
function guarded<T>(operator: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof MongoError) {
      throw error;
    }
    if (error instanceof RangeError) {
      // A string or an array longer than JavaScript can make.
      throw new MongoError(146, `${operator} would use too much memory: ${error.message}`);
    }
    throw new MongoError(2, `${operator}: ${(error as Error).message}`);
  }
}
