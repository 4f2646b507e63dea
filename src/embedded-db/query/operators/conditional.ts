import { MongoError } from "../../errors";
import { type Doc, isDocument, typeName } from "../../bson/values";
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
  const given = isDocument(argument) ? 3 : Array.isArray(argument) ? argument.length : 1;
  if (given !== 3) {
    throw new MongoError(
      16020,
      `Expression $cond takes exactly 3 arguments. ${given} were passed in.`,
    );
  }
  const named = Array.isArray(argument)
    ? { if: argument[0] as unknown, then: argument[1] as unknown, else: argument[2] as unknown }
    : argument;
  const parts = namedArguments("$cond", named, compile, ["if", "then", "else"]);
  return (scope) =>
    isTruthy(parts["if"]?.(scope)) ? parts["then"]?.(scope) : parts["else"]?.(scope);
}

function compileLet(argument: unknown, compile: Compile): Evaluate {
  const { vars, in: inner } = letArguments(argument);
  const names = Object.entries(vars).map(([name, value]) => [name, compile(value)] as const);
  const body = compile(inner);
  return (scope) => {
    const variables = Object.fromEntries(names.map(([name, value]) => [name, value(scope)]));
    return body(withVariables(scope, variables));
  };
}

function letArguments(argument: unknown): { vars: Doc; in: unknown } {
  if (!isDocument(argument)) {
    throw new MongoError(16874, "$let only supports an object as its argument");
  }
  const unknown = Object.keys(argument).find((name) => name !== "vars" && name !== "in");
  if (unknown !== undefined) {
    throw new MongoError(16875, `Unrecognized parameter to $let: ${unknown}`);
  }
  const { vars, in: inner } = argument;
  if (vars === undefined) {
    throw new MongoError(16876, "Missing 'vars' parameter to $let");
  }
  if (!("in" in argument)) {
    throw new MongoError(16877, "Missing 'in' parameter to $let");
  }
  if (!isDocument(vars)) {
    throw new MongoError(10065, "invalid parameter: expected an object (vars)");
  }
  return { vars, in: inner };
}

function compileSwitch(argument: unknown, compile: Compile): Evaluate {
  if (!isDocument(argument)) {
    throw new MongoError(
      40060,
      `$switch requires an object as an argument, found: ${typeName(argument)}`,
    );
  }
  const unknown = Object.keys(argument).find((name) => name !== "branches" && name !== "default");
  if (unknown !== undefined) {
    throw new MongoError(40067, `$switch found an unknown argument: ${unknown}`);
  }
  const { branches: given = [] } = argument;
  if (!Array.isArray(given)) {
    throw new MongoError(
      40061,
      `$switch expected an array for 'branches', found: ${typeName(given)}`,
    );
  }
  if (given.length === 0) {
    throw new MongoError(40068, "$switch requires at least one branch.");
  }
  const branches = given.map((branch) =>
    namedArguments("$switch", branch, compile, ["case", "then"]),
  );
  const fallback = "default" in argument ? compile(argument["default"]) : undefined;
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
