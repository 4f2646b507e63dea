import { MongoError } from "../../errors";
import { type Doc, isDocument, textOf, typeName } from "../../bson/values";
import type { Compile, CompileOperator, Evaluate } from "../scope";
import { checkStringLength } from "../watch";
import { isNullish } from "./arguments";

/**
 * Trimming and replacing.
 * @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/trim/
 * @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/replaceAll/
 */
export const STRING_EDIT: Record<string, CompileOperator> = {
  $ltrim: trimming("$ltrim", { left: true, right: false }),
  $replaceAll: replacing("$replaceAll", replaceAll),
  $replaceOne: replacing("$replaceOne", (text, find, replacement) =>
    text.replace(find, () => replacement),
  ),
  $rtrim: trimming("$rtrim", { left: false, right: true }),
  $trim: trimming("$trim", { left: true, right: true }),
};

/** What is trimmed where no `chars` are given: the documented list, not all that Unicode has. */
const WHITESPACE = [..."\0\t\n\v\f\r \u00a0\u1680", ...range(0x2000, 0x200a)];

function range(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, at) => String.fromCharCode(from + at));
}

interface Sides {
  left: boolean;
  right: boolean;
}

function trimming(name: string, sides: Sides): CompileOperator {
  return (argument, compile) => {
    if (!isDocument(argument)) {
      throw new MongoError(
        50696,
        `${name} only supports an object as an argument, found ${typeName(argument)}`,
      );
    }
    refuseUnknown(name, argument, ["input", "chars"], 50694);
    const input = requireArgument(name, argument, "input", 50695, compile);
    const chars = "chars" in argument ? compile(argument["chars"]) : undefined;
    return (scope) => {
      const text = textArgument(input(scope), (found) =>
        wrongText(50699, `${name} requires its input to be a string`, found),
      );
      const trimmed = textArgument(chars ? chars(scope) : WHITESPACE.join(""), (found) =>
        wrongText(50700, `${name} requires 'chars' to be a string`, found),
      );
      return text === null || trimmed === null ? null : trim(text, new Set(trimmed), sides);
    };
  };
}

function trim(text: string, trimmed: ReadonlySet<string>, { left, right }: Sides): string {
  const characters = [...text];
  let from = 0;
  let to = characters.length;
  while (left && from < to && trimmed.has(characters[from] as string)) {
    from++;
  }
  while (right && to > from && trimmed.has(characters[to - 1] as string)) {
    to--;
  }
  return characters.slice(from, to).join("");
}

type Replace = (text: string, find: string, replacement: string) => string;

/** The three arguments of a replacement, each with its codes for missing and for no string. */
const REPLACING = [
  ["input", 51749, 51746],
  ["find", 51748, 51745],
  ["replacement", 51747, 51744],
] as const;

function replacing(name: string, replace: Replace): CompileOperator {
  return (argument, compile) => {
    if (!isDocument(argument)) {
      throw new MongoError(
        51751,
        `${name} requires an object as an argument, found: ${typeName(argument)}`,
      );
    }
    const keys = REPLACING.map(([key]) => key);
    refuseUnknown(name, argument, keys, 51750);
    const parts = REPLACING.map(([key, missing]) =>
      requireArgument(name, argument, key, missing, compile),
    );
    return (scope) => {
      const texts = parts.map((part, at) => {
        const [key, , code] = REPLACING[at] as (typeof REPLACING)[number];
        return textArgument(part(scope), (found) =>
          wrongText(code, `${name} requires that '${key}' be a string`, found),
        );
      });
      const [text, find, replacement] = texts as [string, string, string];
      return texts.includes(null) ? null : replace(text, find, replacement);
    };
  };
}

/** An empty text is found before every character and at the end. */
function replaceAll(text: string, find: string, replacement: string): string {
  const parts = find === "" ? ["", ...text, ""] : text.split(find);
  checkStringLength("$replaceAll", text.length + (parts.length - 1) * replacement.length);
  return parts.join(replacement);
}

function refuseUnknown(name: string, argument: Doc, known: readonly string[], code: number): void {
  const unknown = Object.keys(argument).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new MongoError(code, `${name} found an unknown argument: ${unknown}`);
  }
}

function requireArgument(
  name: string,
  argument: Doc,
  key: string,
  code: number,
  compile: Compile,
): Evaluate {
  if (!(key in argument)) {
    throw new MongoError(code, `${name} requires '${key}' to be specified`);
  }
  return compile(argument[key]);
}

/** Null for what is null or missing. */
function textArgument(value: unknown, refusal: (found: unknown) => MongoError): string | null {
  if (isNullish(value)) {
    return null;
  }
  if (typeof value !== "string") {
    throw refusal(value);
  }
  return value;
}

function wrongText(code: number, message: string, found: unknown): MongoError {
  return new MongoError(code, `${message}, got ${textOf(found)} (of type ${typeName(found)})`);
}
