import { MongoError } from "../../errors";
import { isDocument } from "../../bson/values";
import {
  type Compile,
  type CompileOperator,
  type Evaluate,
  isTruthy,
  withVariables,
} from "../scope";
import { isNullish, namedArguments } from "./arguments";

/** Operators that evaluate only what they need. */
export const CONDITIONAL: Record<string, CompileOperator> = {
  $cond: compileCond,
  $ifNull: (argument, compile) => {
    if (!Array.isArray(argument) || argument.length < 2) {
      const given = Array.isArray(argument) ? argument.length : 1;
      throw new MongoError(1257300, `$ifNull needs at least two arguments, had: ${given}`);
    }
    const items = argument.map(compile);
    return (scope) => {
      let value: unknown;
      for (const item of items) {
        value = item(scope);
        if (!isNullish(value)) {
          return value;
        }
      }
      return value;
    };
  },
  $let: compileLet,
  $literal: (argument) => () => argument,
  $switch: compileSwitch,
};

function compileCond(argument: unknown, compile: Compile): Evaluate {
  const named = Array.isArray(argument)
    ? { if: argument[0] as unknown, then: argument[1] as unknown, else: argument[2] as unknown }
    : argument;
  if (Array.isArray(argument) && argument.length !== 3) {
    throw new MongoError(
      16020,
      `Expression $cond takes exactly 3 arguments. ${argument.length} were passed in.`,
    );
  }
  const parts = namedArguments("$cond", named, compile, ["if", "then", "else"]);
  return (scope) =>
    isTruthy(parts["if"]?.(scope)) ? parts["then"]?.(scope) : parts["else"]?.(scope);
}

function compileLet(argument: unknown, compile: Compile): Evaluate {
  const spec = argument as { vars?: unknown; in?: unknown };
  if (!isDocument(argument) || !isDocument(spec.vars) || !("in" in argument)) {
    throw new MongoError(16875, "Missing 'vars' or 'in' parameter to $let");
  }
  const names = Object.entries(spec.vars).map(([name, value]) => [name, compile(value)] as const);
  const body = compile(spec.in);
  return (scope) => {
    const variables = Object.fromEntries(names.map(([name, value]) => [name, value(scope)]));
    return body(withVariables(scope, variables));
  };
}

function compileSwitch(argument: unknown, compile: Compile): Evaluate {
  const spec = argument as { branches?: unknown; default?: unknown };
  if (!isDocument(argument) || !Array.isArray(spec.branches) || spec.branches.length === 0) {
    throw new MongoError(40068, "$switch requires at least one branch");
  }
  const branches = spec.branches.map((branch) =>
    namedArguments("$switch", branch, compile, ["case", "then"]),
  );
  const fallback = "default" in argument ? compile(spec.default) : undefined;
  return (scope) => {
    const branch = branches.find((parts) => isTruthy(parts["case"]?.(scope)));
    if (branch) {
      return branch["then"]?.(scope);
    }
    if (!fallback) {
      throw new MongoError(
        40066,
        "$switch could not find a matching branch for an input, and no default was specified.",
      );
    }
    return fallback(scope);
  };
}
