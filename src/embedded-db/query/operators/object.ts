import { MongoError } from "../../errors";
import { type Doc, isDocument, omit, typeName } from "../../bson/values";
import type { Compile, CompileOperator, Evaluate } from "../scope";
import { own } from "../path";
import { fixed, isNullish, namedArguments, variadic } from "./arguments";

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
  $setField: (argument, compile) =>
    compileSetField("$setField", argument, compile, ["field", "input", "value"]),
  $unsetField: (argument, compile) =>
    compileSetField("$unsetField", argument, compile, ["field", "input"]),
};

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/setField/ */
function compileSetField(
  name: string,
  argument: unknown,
  compile: Compile,
  needed: readonly string[],
): Evaluate {
  const parts = namedArguments(name, argument, compile, needed);
  const field = constantName(name, (argument as Doc)["field"]);
  return (scope) => {
    const input = parts["input"]?.(scope);
    if (isNullish(input)) {
      return null;
    }
    if (!isDocument(input)) {
      throw new MongoError(4161105, "$setField requires 'input' to evaluate to type Object");
    }
    const value = parts["value"]?.(scope);
    return value === undefined ? omit(input, field) : { ...input, [field]: value };
  };
}

/** The name stands in the expression itself, within `$literal` if it starts with a dollar. */
function constantName(name: string, given: unknown): string {
  if (typeof given === "string" && given.startsWith("$")) {
    throw new MongoError(
      4161108,
      `'${given}' is a field path reference which is not allowed in this context. Did you mean {$literal: '${given}'}?`,
    );
  }
  if (isDocument(given) && !("$literal" in given)) {
    throw new MongoError(
      4161106,
      `${name} requires 'field' to evaluate to a constant, but got a non-constant argument`,
    );
  }
  const field = isDocument(given) ? given["$literal"] : given;
  if (typeof field !== "string") {
    throw new MongoError(
      4161107,
      `${name} requires 'field' to evaluate to type String, but got ${typeName(field)}`,
    );
  }
  return field;
}

/** Joins documents, later fields winning; nulls count as empty. */
function mergeObjects(values: readonly unknown[]): Doc {
  const flat = values.length === 1 && Array.isArray(values[0]) ? (values[0] as unknown[]) : values;
  const out: Doc = {};
  flat.forEach((value) => mergeInto(out, value));
  return out;
}

/** Gives a document the fields of another one. */
export function mergeInto(out: Doc, value: unknown): void {
  if (!isNullish(value) && !isDocument(value)) {
    throw new MongoError(
      40400,
      `$mergeObjects requires object inputs, but input is of type ${typeName(value)}`,
    );
  }
  Object.assign(out, value);
}

function compileGetField(argument: unknown, compile: Compile): Evaluate {
  const named = isDocument(argument) && "field" in argument ? argument : { field: argument };
  const field = compile(named["field"]);
  const input = "input" in named ? compile(named["input"]) : undefined;
  return (scope) => {
    const source = input ? input(scope) : scope.current;
    const name = field(scope);
    if (source === null) {
      return null;
    }
    return isDocument(source) && typeof name === "string" ? own(source, name) : undefined;
  };
}
