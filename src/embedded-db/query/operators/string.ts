import { MongoError } from "../../errors";
import { textOf, typeName } from "../../bson/values";
import { compileExpression, type Evaluate } from "../expression";
import { metaOf } from "../meta";
import { compileRegex } from "../regex";
import type { CompileOperator } from ".";
import { isNullish, namedArguments, variadic } from "./arguments";

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/#string-expression-operators */
export const STRING: Record<string, CompileOperator> = {
  $concat: variadic((values) => {
    if (values.some(isNullish)) {
      return null;
    }
    const bad = values.find((value) => typeof value !== "string");
    if (bad !== undefined) {
      throw new MongoError(16702, `$concat only supports strings, not ${typeName(bad)}`);
    }
    return values.join("");
  }),
  $meta: (argument) => (scope) => metaOf(scope.root, String(argument)),
  $regexMatch: compileRegexMatch,
  $toLower: changeCase((text) => text.toLowerCase()),
  $toUpper: changeCase((text) => text.toUpperCase()),
};

function changeCase(apply: (text: string) => string): CompileOperator {
  return (argument) => {
    const item = compileExpression(Array.isArray(argument) ? argument[0] : argument);
    return (scope) => {
      const value = item(scope);
      return isNullish(value) ? "" : apply(textOf(value));
    };
  };
}

function compileRegexMatch(argument: unknown): Evaluate {
  const parts = namedArguments("$regexMatch", argument, ["input", "regex"], ["options"]);
  return (scope) => {
    const input = parts["input"]?.(scope);
    const regex = parts["regex"]?.(scope);
    if (isNullish(input) || isNullish(regex)) {
      return false;
    }
    return compileRegex(regex, parts["options"]?.(scope)).test(textOf(input));
  };
}
