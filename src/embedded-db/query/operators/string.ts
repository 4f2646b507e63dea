import { MongoError } from "../../errors";
import { compareStrings, regexText } from "../../bson/compare";
import { formatValue } from "../../bson/format";
import { type Doc, isNumeric, Rank, rankOf, toNumber, typeName } from "../../bson/values";
import type { BoundedRegex } from "../bounded-regex";
import type { CompileOperator } from "../scope";
import { metaName, metaOf } from "../meta";
import { compileRegex } from "../regex";
import { checkDeadline, checkStringLength } from "../watch";
import { between, fixed, isNullish, namedArguments, placeArgument, untilNull } from "./arguments";
import { toText } from "./conversion";

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/#string-expression-operators */
export const STRING: Record<string, CompileOperator> = {
  $concat: untilNull(concatenable, (texts) => {
    const length = texts.reduce((sum, text) => sum + text.length, 0);
    checkStringLength("$concat", length);
    return texts.join("");
  }),
  $indexOfBytes: indexOf("$indexOfBytes", 40091, (text) => Buffer.from(text)),
  $indexOfCP: indexOf("$indexOfCP", 40093, (text) => [...text]),
  $meta: (argument) => {
    const name = metaName(argument);
    return (scope) => metaOf(scope.root, name);
  },
  $regexFind: matching("$regexFind", (input) => {
    const found = input?.regex.exec(input.text);
    return input && found
      ? matchDocument(found, codePoints(input.text.slice(0, found.index)))
      : null;
  }),
  $regexFindAll: matching("$regexFindAll", (input) => (input ? [...allMatches(input)] : [])),
  $regexMatch: matching("$regexMatch", (input) => input?.regex.test(input.text) ?? false),
  $split: fixed("$split", 2, split),
  $strcasecmp: fixed("$strcasecmp", 2, (...values) => {
    const [a, b] = values.map((value) => upperCase(asText(value)));
    return Math.sign(compareStrings(a as string, b as string));
  }),
  $strLenBytes: lengthOf("$strLenBytes", 34473, (text) => Buffer.byteLength(text)),
  $strLenCP: lengthOf("$strLenCP", 34471, codePoints),
  // The name the messages give is that of the newer one.
  $substr: fixed("$substrBytes", 3, substringOfBytes),
  $substrBytes: fixed("$substrBytes", 3, substringOfBytes),
  $substrCP: fixed("$substrCP", 3, substringOfCharacters),
  $toLower: changeCase((text) => text.replace(/[A-Z]+/g, (part) => part.toLowerCase())),
  $toUpper: changeCase(upperCase),
};

function concatenable(value: unknown): string {
  if (typeof value !== "string") {
    throw new MongoError(16702, `$concat only supports strings, not ${typeName(value)}`);
  }
  return value;
}

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

/** Bytes or code points, of which an index is a place. */
type Units = Buffer | string[];

function indexOf(name: string, notText: number, unitsOf: (text: string) => Units): CompileOperator {
  return between(name, 2, 4, (values) => {
    const [text, part, from = 0, ...rest] = values;
    if (isNullish(text)) {
      return null;
    }
    if (typeof text !== "string") {
      throw new MongoError(
        notText,
        `${name} requires a string as the first argument, found: ${typeName(text)}`,
      );
    }
    if (typeof part !== "string") {
      throw new MongoError(
        notText + 1,
        `${name} requires a string as the second argument, found: ${typeName(part)}`,
      );
    }
    const units = unitsOf(text);
    const start = placeArgument(name, "starting index", from);
    const end = rest.length === 0 ? units.length : placeArgument(name, "ending index", rest[0]);
    return findUnits(units, unitsOf(part), start, Math.min(end, units.length));
  });
}

function findUnits(units: Units, part: Units, start: number, end: number): number {
  for (let at = start; at + part.length <= end; at++) {
    checkDeadline();
    if (part.every((unit: unknown, offset: number) => units[at + offset] === unit)) {
      return at;
    }
  }
  return -1;
}

function split(text: unknown, separator: unknown): unknown {
  if (isNullish(text) || isNullish(separator)) {
    return null;
  }
  if (typeof text !== "string") {
    throw new MongoError(
      40085,
      `$split requires an expression that evaluates to a string as a first argument, found: ${typeName(text)}`,
    );
  }
  if (typeof separator !== "string") {
    throw new MongoError(
      40086,
      `$split requires an expression that evaluates to a string as a second argument, found: ${typeName(separator)}`,
    );
  }
  if (separator === "") {
    throw new MongoError(40087, "$split requires a non-empty separator");
  }
  return text.split(separator);
}

/** A negative length means the rest. */
function substringOfBytes(text: unknown, start: unknown, length: unknown): string {
  const bytes = Buffer.from(asText(text));
  const from = wholeOf(start);
  const count = wholeOf(length);
  if (from === undefined) {
    throw new MongoError(
      16034,
      `$substrBytes:  starting index must be a numeric type (is BSON type ${typeName(start)})`,
    );
  }
  if (count === undefined) {
    throw new MongoError(
      16035,
      `$substrBytes:  length must be a numeric type (is BSON type ${typeName(length)})`,
    );
  }
  if (from < 0) {
    throw new MongoError(
      50752,
      `$substrBytes:  starting index must be non-negative (got: ${from})`,
    );
  }
  const end = count < 0 ? bytes.length : Math.min(from + count, bytes.length);
  if (isContinuation(bytes[from])) {
    throw new MongoError(
      28656,
      "$substrBytes:  Invalid range, starting index is a UTF-8 continuation byte.",
    );
  }
  if (isContinuation(bytes[end])) {
    throw new MongoError(
      28657,
      "$substrBytes:  Invalid range, ending index is in the middle of a UTF-8 character.",
    );
  }
  return bytes.toString("utf8", from, Math.max(end, from));
}

function wholeOf(value: unknown): number | undefined {
  const number = toNumber(value);
  return number === undefined ? undefined : Math.trunc(number);
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

function substringOfCharacters(text: unknown, start: unknown, length: unknown): string {
  const characters = asText(text);
  const from = int32Of("starting index", start, 34450, 34451);
  const count = int32Of("length", length, 34452, 34453);
  if (count < 0) {
    throw new MongoError(34454, "$substrCP: length must be a nonnegative integer.");
  }
  if (from < 0) {
    throw new MongoError(34455, "$substrCP: the starting index must be nonnegative integer.");
  }
  return [...characters].slice(from, from + count).join("");
}

function int32Of(what: string, value: unknown, notNumber: number, notInt: number): number {
  const number = toNumber(value);
  if (number === undefined) {
    throw new MongoError(
      notNumber,
      `$substrCP: ${what} must be a numeric type (is BSON type ${typeName(value)})`,
    );
  }
  if ((number | 0) !== number) {
    throw new MongoError(
      notInt,
      `$substrCP: ${what} cannot be represented as a 32-bit integral value: ${formatValue(value)}`,
    );
  }
  return number;
}

function upperCase(text: string): string {
  return text.replace(/[a-z]+/g, (part) => part.toUpperCase());
}

/** What these operators take for text: numbers and dates, too, but neither booleans nor ids. */
function asText(value: unknown): string {
  if (isNullish(value)) {
    return "";
  }
  if (typeof value === "string" || value instanceof Date || isNumeric(value)) {
    return toText(value);
  }
  throw new MongoError(16007, `can't convert from BSON type ${typeName(value)} to String`);
}

/** Only ASCII letters have a case, as in MongoDB. */
function changeCase(apply: (text: string) => string): CompileOperator {
  return (argument, compile) => {
    const item = compile(Array.isArray(argument) ? argument[0] : argument);
    return (scope) => apply(asText(item(scope)));
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
      const options = parts["options"]?.(scope) ?? undefined;
      if (!isNullish(input) && typeof input !== "string") {
        throw new MongoError(51104, `${name} needs 'input' to be of type string`);
      }
      checkRegex(name, regex, options);
      if (isNullish(input) || isNullish(regex)) {
        return apply(undefined);
      }
      return apply({ text: input, regex: compileRegex(regex, options) });
    };
  };
}

function checkRegex(name: string, regex: unknown, options: unknown): void {
  const stored = rankOf(regex) === Rank.regex;
  if (!isNullish(regex) && !stored && typeof regex !== "string") {
    throw new MongoError(51105, `${name} needs 'regex' to be of type string or regex`);
  }
  if (options !== undefined && typeof options !== "string") {
    throw new MongoError(51106, `${name} needs 'options' to be of type string`);
  }
  if (stored && options !== undefined && !regexText(regex).endsWith("\0")) {
    throw new MongoError(
      51107,
      `${name}: found regex option(s) specified in both 'regex' and 'option' fields`,
    );
  }
}

function* allMatches({ text, regex }: RegexInput): Iterable<Doc> {
  let idx = 0;
  let counted = 0;
  let found = regex.exec(text);
  while (found) {
    checkDeadline();
    idx += codePoints(text.slice(counted, found.index));
    counted = found.index;
    yield matchDocument(found, idx);
    // An empty match would be found again for ever.
    const after = found.index + (found[0].length || characterLength(text, found.index));
    found = after >= text.length ? null : regex.exec(text, after);
  }
}

function characterLength(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

/** `idx` counts code points, not UTF-16 units. */
function matchDocument(found: RegExpExecArray, idx: number): Doc {
  const [match, ...captures] = found;
  return { match, idx, captures: captures.map((capture: string | undefined) => capture ?? null) };
}
