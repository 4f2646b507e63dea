import { badValue, MongoError } from "../errors";
import { compareValues, equalValues, regexText, type StringOrder } from "../bson/compare";
import { MAX_DOCUMENT_BYTES } from "../bson/encode";
import { parseLong, truncateToLong } from "../bson/numbers";
import {
  type Binary,
  Decimal128,
  type Doc,
  isDocument,
  isNumeric,
  Long,
  ObjectId,
  Rank,
  rankOf,
  toNumber,
  TYPE_NUMBERS,
  typeName,
} from "../bson/values";
import { compileGeoPredicate } from "./geo/area";
import { someValueAt } from "./path";
import { compileRegex } from "./regex";

export type DocPredicate = (doc: Doc) => boolean;

/** Tests one value; `undefined` stands for a missing field. */
type ValuePredicate = (value: unknown) => boolean;

interface Compiled {
  test: ValuePredicate;
  /** The operator looks at an array as a whole, never at its elements. */
  wholeArray?: boolean;
}

type Compile = (operand: unknown, strings: StringOrder | undefined, siblings: Doc) => Compiled;

/** The query operators on a field, sorted. The logical ones stand in filter.ts. */
const OPERATORS: Record<string, Compile> = {
  $bitsAllClear: bits((all, mask) => (all & mask) === 0n),
  $bitsAllSet: bits((all, mask) => (all & mask) === mask),
  $bitsAnyClear: bits((all, mask) => (all & mask) !== mask),
  $bitsAnySet: bits((all, mask) => (all & mask) !== 0n),
  $eq: (operand, strings) => ({ test: equals(operand, strings) }),
  // Whether a path must or must not exist is decided over all of its values, in filter.ts.
  $exists: () => ({ wholeArray: true, test: (value) => value !== undefined }),
  $geoIntersects: (operand) => ({ test: compileGeoPredicate("$geoIntersects", operand) }),
  $geoWithin: (operand) => ({ test: compileGeoPredicate("$geoWithin", operand) }),
  $gt: ordering("$gt", (order) => order > 0),
  $gte: ordering("$gte", (order) => order >= 0),
  $in: compileIn,
  $lt: ordering("$lt", (order) => order < 0),
  $lte: ordering("$lte", (order) => order <= 0),
  $mod: compileMod,
  $regex: (operand, _strings, siblings) => ({ test: matchesRegex(operand, siblings["$options"]) }),
  $size: compileSize,
  $type: compileType,
  $within: (operand) => ({ test: compileGeoPredicate("$geoWithin", operand) }),
};

/** Builds the test of one `{ path: { $operator: operand } }`. */
export function compileOperator(
  path: string,
  operator: string,
  operand: unknown,
  siblings: Doc,
  strings: StringOrder | undefined,
): DocPredicate {
  const compile = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
  if (!compile) {
    throw badValue(`unknown operator: ${operator}`);
  }
  const { test, wholeArray } = compile(operand, strings, siblings);
  const parts = path.split(".");
  const onValue = wholeArray
    ? test
    : (value: unknown, byPlace?: boolean) =>
        (!byPlace && Array.isArray(value) && value.some(test)) || test(value);
  return (doc) => someValueAt(doc, parts, 0, onValue);
}

/** Builds the test that some element of the array at `path` satisfies `test`. */
export function compileElementMatch(path: string, test: ValuePredicate): DocPredicate {
  const parts = path.split(".");
  return (doc) => someValueAt(doc, parts, 0, (value) => Array.isArray(value) && value.some(test));
}

function equals(operand: unknown, strings: StringOrder | undefined): ValuePredicate {
  if (operand === null || operand === undefined) {
    return (value) => value === null || value === undefined;
  }
  if (operand instanceof ObjectId) {
    const hex = operand.toHexString();
    return (value) => value instanceof ObjectId && value.toHexString() === hex;
  }
  if (typeof operand === "string" && !strings) {
    return (value) =>
      value === operand || (typeof value !== "string" && equalValues(value, operand));
  }
  const rank = rankOf(operand);
  return (value) => rankOf(value) === rank && equalValues(value, operand, strings);
}

/** Comparisons stay within a type, except those with MinKey and MaxKey. */
function ordering(name: string, accept: (order: number) => boolean): Compile {
  return (operand, strings) => {
    if (operand === null || operand === undefined) {
      const test = accept(0) ? equals(null, strings) : () => false;
      return { test };
    }
    const rank = rankOf(operand);
    if (rank === Rank.regex) {
      throw badValue(`Can't have RegEx as arg to predicate over field '${name}'.`);
    }
    const anyType = rank === Rank.minKey || rank === Rank.maxKey;
    if (rank === Rank.number && Number.isNaN(toNumber(operand))) {
      return { test: accept(0) ? equals(operand, strings) : () => false };
    }
    return {
      test: (value) =>
        (anyType ? value !== undefined : rankOf(value) === rank && !isNotANumber(value)) &&
        accept(compareValues(value, operand, strings)),
    };
  };
}

function isNotANumber(value: unknown): boolean {
  return Number.isNaN(value instanceof Decimal128 ? toNumber(value) : value);
}

function compileIn(operand: unknown, strings: StringOrder | undefined): Compiled {
  if (!Array.isArray(operand)) {
    throw badValue("$in needs an array");
  }
  if (
    operand.some(
      (entry) => isDocument(entry) && Object.keys(entry)[0]?.startsWith("$") && !("$ref" in entry),
    )
  ) {
    throw badValue("cannot nest $ under $in");
  }
  const tests = operand
    .filter((entry) => rankOf(entry) === Rank.regex)
    .map((entry) => matchesRegex(entry, undefined));
  const values = operand.filter((entry) => rankOf(entry) !== Rank.regex);
  const member = strings ? undefined : setOf(values);
  const others = member ? [] : values.map((value) => equals(value, strings));
  return {
    test: (value) =>
      (member?.(value) ?? false) ||
      others.some((test) => test(value)) ||
      tests.some((test) => test(value)),
  };
}

/** A set lookup when every value has a short canonical text. */
function setOf(values: readonly unknown[]): ValuePredicate | undefined {
  const texts = values.map(canonicalText);
  if (texts.includes(undefined)) {
    return undefined;
  }
  const set = new Set(texts);
  return (value) => {
    const text = canonicalText(value);
    return text === undefined ? values.some((member) => equalValues(member, value)) : set.has(text);
  };
}

function canonicalText(value: unknown): string | undefined {
  if (value === null || value === undefined) {
    return "null";
  }
  if (typeof value === "string") {
    return `s${value}`;
  }
  if (value instanceof ObjectId) {
    return `o${value.toHexString()}`;
  }
  if (typeof value === "boolean") {
    return `b${value}`;
  }
  if (value instanceof Date) {
    return `d${value.getTime()}`;
  }
  const number = typeName(value) === "decimal" ? undefined : toNumber(value);
  return number !== undefined && Math.abs(number) < 2 ** 53
    ? `n${number === 0 ? 0 : number}`
    : undefined;
}

function compileMod(operand: unknown): Compiled {
  if (!Array.isArray(operand)) {
    throw badValue("malformed mod, needs to be an array");
  }
  if (operand.length !== 2) {
    throw badValue(`malformed mod, ${operand.length < 2 ? "not enough" : "too many"} elements`);
  }
  const [divisor, remainder] = ["divisor", "remainder"].map((name, at) =>
    modOperand(name, operand[at]),
  ) as [bigint, bigint];
  if (divisor === 0n) {
    throw badValue("divisor cannot be 0");
  }
  return {
    test: (value) => {
      const whole = isNumeric(value) ? truncateToLong(value) : undefined;
      return whole !== undefined && whole % divisor === remainder;
    },
  };
}

/** Longs are compared exactly, fractions are cut off. */
function modOperand(name: string, value: unknown): bigint {
  const whole = isNumeric(value) ? truncateToLong(value) : undefined;
  if (whole === undefined) {
    throw badValue(`malformed mod, ${name} not a number`);
  }
  return whole;
}

function matchesRegex(operand: unknown, options: unknown): ValuePredicate {
  const regex = compileRegex(operand, options);
  const text = rankOf(operand) === Rank.regex ? regexText(operand) : undefined;
  return (value) => {
    if (rankOf(value) === Rank.string) {
      return regex.test(String(value));
    }
    return text !== undefined && rankOf(value) === Rank.regex && regexText(value) === text;
  };
}

function compileSize(operand: unknown): Compiled {
  const refuse = (message: string) => badValue(`Failed to parse $size. ${message}`);
  const size = Number(parseLong("$size", operand, refuse));
  if (size < 0) {
    throw refuse(`Expected a non-negative number in: $size: ${size}`);
  }
  return { wholeArray: true, test: (value) => Array.isArray(value) && value.length === size };
}

function compileType(operand: unknown): Compiled {
  const wanted = new Set((Array.isArray(operand) ? operand : [operand]).map(typeAlias));
  if (wanted.size === 0) {
    throw new MongoError(9, "$type must match at least one type");
  }
  return {
    test: (value) =>
      value !== undefined &&
      (wanted.has(typeName(value)) || (wanted.has("number") && isNumeric(value))),
  };
}

function typeAlias(operand: unknown): string {
  if (typeof operand === "string") {
    if (operand !== "number" && !Object.hasOwn(TYPE_NUMBERS, operand)) {
      throw badValue(`Unknown type name alias: ${operand}`);
    }
    return operand;
  }
  const number = toNumber(operand);
  const name = Object.keys(TYPE_NUMBERS).find((key) => TYPE_NUMBERS[key] === number);
  if (number === undefined) {
    throw new MongoError(14, "type must be represented as a number or a string");
  }
  if (name === undefined) {
    throw badValue(`Invalid numerical type code: ${number}`);
  }
  return name;
}

function bits(accept: (value: bigint, mask: bigint) => boolean): Compile {
  return (operand) => {
    const mask = bitMask(operand);
    return {
      test: (value) => {
        const all = bitsOf(value);
        return all !== undefined && accept(all, mask);
      },
    };
  };
}

function bitMask(operand: unknown): bigint {
  if (Array.isArray(operand)) {
    return bitsAt(operand.map(bitPosition));
  }
  const mask = bitsOf(operand);
  if (mask === undefined || (isNumeric(operand) && mask < 0n)) {
    throw badValue("bitmask must be a positive number, an array of bit positions or binary data");
  }
  return mask;
}

function bitPosition(place: unknown): number {
  const position = toNumber(place);
  if (position === undefined || !Number.isInteger(position) || position < 0) {
    throw badValue(`bit positions must be an integer >= 0 but got: ${String(place)}`);
  }
  return Math.min(position, LAST_BIT);
}

/** No value has bits behind this one: there a number has its sign, and binary data nothing. */
const LAST_BIT = 8 * MAX_DOCUMENT_BYTES;

function bitsAt(positions: readonly number[]): bigint {
  const last = positions.reduce((most, position) => Math.max(most, position), 0);
  const bytes = Buffer.alloc((last >> 3) + 1);
  for (const position of positions) {
    bytes[position >> 3] = (bytes[position >> 3] as number) | (1 << (position & 7));
  }
  return littleEndian(bytes);
}

/** In one step: shifting byte after byte takes the square of their number. */
function littleEndian(bytes: Buffer): bigint {
  return BigInt(`0x0${Buffer.from(bytes).reverse().toString("hex")}`);
}

function bitsOf(value: unknown): bigint | undefined {
  if (rankOf(value) === Rank.binary) {
    return littleEndian(Buffer.from((value as Binary).value()));
  }
  // A timestamp is a Long to the library, but no number.
  if (value instanceof Long && isNumeric(value)) {
    return value.toBigInt();
  }
  const number = toNumber(value);
  return number !== undefined && Number.isSafeInteger(number) ? BigInt(number) : undefined;
}
