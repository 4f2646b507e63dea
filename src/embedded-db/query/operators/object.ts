import { MongoError } from "../../errors";
import { type Doc, isDocument, typeName } from "../../bson/values";
import type { Compile, CompileOperator, Evaluate } from "../scope";
import { own } from "../path";
import { fixed, isNullish, variadic } from "./arguments";

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/#object-expression-operators */
export const OBJECT: Record<string, CompileOperator> = {
  $getField: compileGetField,
  $mergeObjects: variadic((values) => mergeObjects(values)),
  $objectToArray: fixed("$objectToArray", 1, (value) => {
    if (isNullish(value)) {
      return null;
    }
    if (!isDocument(value)) {
      throw new MongoError(
        40390,
        `$objectToArray requires a document input, found: ${typeName(value)}`,
      );
    }
    return Object.entries(value).map(([k, v]) => ({ k, v }));
  }),
};

/** Joins documents, later fields winning; nulls count as empty. */
export function mergeObjects(values: readonly unknown[]): Doc {
  const flat = values.length === 1 && Array.isArray(values[0]) ? (values[0] as unknown[]) : values;
  const out: Doc = {};
  for (const value of flat) {
    if (!isNullish(value) && !isDocument(value)) {
      throw new MongoError(
        40400,
        `$mergeObjects requires object inputs, but input is of type ${typeName(value)}`,
      );
    }
    Object.assign(out, value);
  }
  return out;
}

function compileGetField(argument: unknown, compile: Compile): Evaluate {
  const named = isDocument(argument) && "field" in argument ? argument : { field: argument };
  const field = compile(named["field"]);
  const input = "input" in named ? compile(named["input"]) : undefined;
  return (scope) => {
    const source = input ? input(scope) : scope.current;
    const name = field(scope);
    return isDocument(source) && typeof name === "string" ? own(source, name) : undefined;
  };
}
