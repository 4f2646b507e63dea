import { badValue, MongoError } from "../errors";
import { BSONRegExp } from "../bson/values";
import { BoundedRegex } from "./bounded-regex";

/** Longer patterns are MongoDB's error too. */
const MAX_PATTERN = 32_764;

/**
 * Makes a regular expression of `$regex` with `$options`, or of a stored one.
 * @see https://www.mongodb.com/docs/manual/reference/operator/query/regex/
 */
export function compileRegex(operand: unknown, options: unknown): BoundedRegex {
  const { pattern, flags } = partsOf(operand, options);
  if (pattern.length > MAX_PATTERN) {
    throw new MongoError(51091, "Regular expression is invalid: regular expression is too large");
  }
  const { body, inline } = inlineFlags(pattern);
  const all = new Set([...flags, ...inline]);
  const source = all.has("x") ? stripExtended(body) : body;
  try {
    const flags = [...all].filter((flag) => "ims".includes(flag)).join("");
    return new BoundedRegex(translate(source), flags);
  } catch (error) {
    throw new MongoError(51091, `Regular expression is invalid: ${(error as Error).message}`);
  }
}

function partsOf(operand: unknown, options: unknown): { pattern: string; flags: string } {
  if (options !== undefined && typeof options !== "string") {
    throw badValue("$options has to be a string");
  }
  const wanted = checkFlags(options ?? "");
  if (operand instanceof BSONRegExp) {
    return { pattern: operand.pattern, flags: wanted || operand.options };
  }
  if (operand instanceof RegExp) {
    return { pattern: operand.source, flags: wanted || operand.flags };
  }
  if (typeof operand !== "string") {
    throw badValue("$regex has to be a string");
  }
  return { pattern: operand, flags: wanted };
}

function checkFlags(flags: string): string {
  const bad = [...flags].find((flag) => !"imsxu".includes(flag));
  if (bad !== undefined) {
    throw new MongoError(51108, `invalid flag in regex options: ${bad}`);
  }
  return flags;
}

/** PCRE takes flags at the start of a pattern: `(?i)abc`. */
function inlineFlags(pattern: string): { body: string; inline: string } {
  const [, inline = "", body = pattern] = /^\(\?([imsx]+)\)([^]*)$/.exec(pattern) ?? [];
  return { body, inline };
}

/** PCRE's anchors and classes that JavaScript spells differently. */
function translate(source: string): string {
  return source
    .replaceAll(/\\A/g, "^")
    .replaceAll(/\\[zZ]/g, "$")
    .replaceAll(/\(\?P</g, "(?<")
    .replaceAll(/\[:alnum:\]/g, "a-zA-Z0-9")
    .replaceAll(/\[:alpha:\]/g, "a-zA-Z")
    .replaceAll(/\[:digit:\]/g, "0-9")
    .replaceAll(/\[:space:\]/g, "\\s");
}

function stripExtended(source: string): string {
  return source.replace(/\\.|\[(?:\\.|[^\]])*\]|\s+|#.*$/gm, (token) =>
    /^[\s#]/.test(token) ? "" : token,
  );
}
