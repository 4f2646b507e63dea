import { MongoError } from "../../errors";
import { type Doc, textOf, typeName } from "../../bson/values";
import type { BoundedRegex } from "../bounded-regex";
import type { CompileOperator } from "../scope";
import { metaOf } from "../meta";
import { compileRegex } from "../regex";
import { checkStringLength } from "../watch";
import { fixed, isNullish, namedArguments, variadic } from "./arguments";

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
    const length = (values as string[]).reduce((sum, text) => sum + text.length, 0);
    checkStringLength("$concat", length);
    return values.join("");
  }),
  $meta: (argument) => (scope) => metaOf(scope.root, String(argument)),
  $regexFind: matching("$regexFind", (input) => {
    const found = input?.regex.exec(input.text);
    return input && found ? matchDocument(input.text, found) : null;
  }),
  $regexFindAll: matching("$regexFindAll", (input) => (input ? [...allMatches(input)] : [])),
  $regexMatch: matching("$regexMatch", (input) => input?.regex.test(input.text) ?? false),
  $strLenBytes: lengthOf("$strLenBytes", 34473, (text) => Buffer.byteLength(text)),
  $strLenCP: lengthOf("$strLenCP", 34471, codePoints),
  $toLower: changeCase((text) => text.toLowerCase()),
  $toUpper: changeCase((text) => text.toUpperCase()),
};

function lengthOf(name: string, code: number, apply: (text: string) => number): CompileOperator {
  return fixed(name, 1, (value) => {
    if (typeof value !== "string") {
      throw new MongoError(code, `${name} requires a string argument, found: ${typeName(value)}`);
    }
    return apply(value);
  });
}

function codePoints(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += characterLength(text, at)) {
    count++;
  }
  return count;
}

function changeCase(apply: (text: string) => string): CompileOperator {
  return (argument, compile) => {
    const item = compile(Array.isArray(argument) ? argument[0] : argument);
    return (scope) => {
      const value = item(scope);
      return isNullish(value) ? "" : apply(textOf(value));
    };
  };
}

interface RegexInput {
  text: string;
  regex: BoundedRegex;
}

/** The three regex operators: `apply` gets what to match, or undefined when either is missing. */
function matching(
  name: string,
  apply: (input: RegexInput | undefined) => unknown,
): CompileOperator {
  return (argument, compile) => {
    const parts = namedArguments(name, argument, compile, ["input", "regex"], ["options"]);
    return (scope) => {
      const input = parts["input"]?.(scope);
      const regex = parts["regex"]?.(scope);
      if (isNullish(input) || isNullish(regex)) {
        return apply(undefined);
      }
      if (typeof input !== "string") {
        throw new MongoError(51104, `${name} needs 'input' to be of type string`);
      }
      return apply({
        text: input,
        regex: compileRegex(regex, parts["options"]?.(scope) ?? undefined),
      });
    };
  };
}

function* allMatches({ text, regex }: RegexInput): Iterable<Doc> {
  let found = regex.exec(text);
  while (found) {
    yield matchDocument(text, found);
    // An empty match would be found again for ever.
    const after = found.index + (found[0].length || characterLength(text, found.index));
    found = after > text.length ? null : regex.exec(text, after);
  }
}

function characterLength(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

/** `idx` counts code points, not UTF-16 units. */
function matchDocument(text: string, found: RegExpExecArray): Doc {
  const [match, ...captures] = found;
  const idx = [...text.slice(0, found.index)].length;
  return { match, idx, captures: captures.map((capture: string | undefined) => capture ?? null) };
}
