import { badValue, failedToParse, MongoError } from "../../errors";
import { formatValue } from "../../bson/format";
import { toDecimal, truncateToLong } from "../../bson/numbers";
import {
  Binary,
  Decimal128,
  double,
  fitsInt32,
  isDocument,
  isNumeric,
  Long,
  ObjectId,
  textOf,
  Timestamp,
  toNumber,
  TYPE_NUMBERS,
  typeName,
} from "../../bson/values";
import { type Compile, type CompileOperator, type Evaluate, isTruthy } from "../scope";
import {
  binaryNumber,
  type BinaryFormat,
  type BinaryOptions,
  binaryText,
  FORMATS,
  toBinary,
} from "./convert-binary";
import { dateOf } from "./date";
import { fixed, isNullish, namedArguments } from "./arguments";

type Convert = (value: unknown, options: BinaryOptions) => unknown;

/** What the operators for one type, such as `$toString`, do with binary data. */
const DEFAULTS: BinaryOptions = { subtype: 0, format: "auto", bigEndian: false };

const CONVERSIONS: Record<string, Convert> = {
  binData: toBinary,
  bool: isTruthy,
  date: toDate,
  decimal: (value) => convertNumber(value, "decimal", toDecimalValue),
  double: (value, { bigEndian }) =>
    value instanceof Binary
      ? binaryNumber(value, "double", bigEndian)
      : convertNumber(value, "double", (number) => double(Number(number))),
  int: (value, { bigEndian }) =>
    value instanceof Binary
      ? binaryNumber(value, "int", bigEndian)
      : convertNumber(value, "int", toInt),
  long: (value, { bigEndian }) =>
    value instanceof Binary
      ? binaryNumber(value, "long", bigEndian)
      : convertNumber(value, "long", toLong),
  objectId: toObjectId,
  string: (value, { format }) =>
    value instanceof Binary ? binaryText(value, format) : toText(value),
};

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/convert/ */
export const CONVERSION: Record<string, CompileOperator> = {
  $convert: compileConvert,
  $isNumber: fixed("$isNumber", 1, (value) => isNumeric(value)),
  $toBool: converting("$toBool", "bool"),
  $toDate: converting("$toDate", "date"),
  $toDecimal: converting("$toDecimal", "decimal"),
  $toDouble: converting("$toDouble", "double"),
  $toInt: converting("$toInt", "int"),
  $toLong: converting("$toLong", "long"),
  $toObjectId: converting("$toObjectId", "objectId"),
  $toString: converting("$toString", "string"),
  $toUUID: fixed("$toUUID", 1, (value) =>
    isNullish(value)
      ? null
      : toBinary(value, { ...DEFAULTS, subtype: Binary.SUBTYPE_UUID, format: "uuid" }),
  ),
  $type: fixed("$type", 1, (value) => typeName(value)),
};

function converting(name: string, type: string): CompileOperator {
  return (argument, compile) => {
    const given: unknown[] = Array.isArray(argument) ? argument : [argument];
    if (given.length !== 1) {
      throw new MongoError(50723, `${name} requires a single argument, got ${given.length}`);
    }
    const input = compile(given[0]);
    return (scope) => {
      const value = input(scope);
      return isNullish(value) ? null : CONVERSIONS[type]?.(value, DEFAULTS);
    };
  };
}

function compileConvert(argument: unknown, compile: Compile): Evaluate {
  const parts = namedArguments(
    "$convert",
    argument,
    compile,
    ["input", "to"],
    ["onError", "onNull", "format", "byteOrder"],
  );
  return (scope) => {
    const to = parts["to"]?.(scope);
    const input = parts["input"]?.(scope);
    const type = targetType(isDocument(to) ? to["type"] : to);
    if (isNullish(input)) {
      return parts["onNull"]?.(scope) ?? null;
    }
    if (type === undefined) {
      return null;
    }
    const options = binaryOptions(to, parts["format"]?.(scope), parts["byteOrder"]?.(scope));
    try {
      const convert = Object.hasOwn(CONVERSIONS, type) ? CONVERSIONS[type] : undefined;
      if (!convert) {
        throw unsupported(input, type);
      }
      return convert(input, options);
    } catch (error) {
      if (parts["onError"] && error instanceof MongoError && error.code === 241) {
        return parts["onError"](scope);
      }
      throw error;
    }
  };
}

/** The name of a type; undefined for null, which makes the result null. */
function targetType(to: unknown): string | undefined {
  if (isNullish(to)) {
    return undefined;
  }
  if (typeof to === "string") {
    if (to !== "missing" && !Object.hasOwn(TYPE_NUMBERS, to)) {
      throw badValue(`Unknown type name: ${to}`);
    }
    return to;
  }
  const number = toNumber(to);
  if (number === undefined) {
    throw failedToParse(
      `$convert's 'to' argument must be a string or number, but is ${typeName(to)}`,
    );
  }
  if (!fitsInt32(number)) {
    throw failedToParse("In $convert, numeric 'to' argument is not an integer");
  }
  const name = Object.keys(TYPE_NUMBERS).find((known) => TYPE_NUMBERS[known] === number);
  if (name === undefined) {
    throw failedToParse(
      `In $convert, numeric value for 'to' does not correspond to a BSON type: ${number}`,
    );
  }
  return name;
}

function binaryOptions(to: unknown, format: unknown, byteOrder: unknown): BinaryOptions {
  if (!isNullish(format) && typeof format !== "string") {
    throw new MongoError(4341114, mustBeText("format", format));
  }
  if (!isNullish(format) && !FORMATS.has(format)) {
    throw new MongoError(4341125, `Invalid 'format' argument for $convert: ${format}`);
  }
  if (!isNullish(byteOrder) && typeof byteOrder !== "string") {
    throw new MongoError(9130001, mustBeText("byteOrder", byteOrder));
  }
  if (!isNullish(byteOrder) && byteOrder !== "little" && byteOrder !== "big") {
    throw new MongoError(9130002, `Invalid 'byteOrder' argument for $convert: ${byteOrder}`);
  }
  return {
    subtype: (isDocument(to) ? toNumber(to["subtype"]) : undefined) ?? 0,
    format: (format ?? undefined) as BinaryFormat | undefined,
    bigEndian: byteOrder === "big",
  };
}

function mustBeText(option: string, value: unknown): string {
  return `$convert requires that '${option}' be a string, found: ${typeName(value)} with value ${formatValue(value)}`;
}

function unsupported(value: unknown, target: string): MongoError {
  return new MongoError(
    241,
    `Unsupported conversion from ${typeName(value)} to ${target} in $convert with no onError value`,
  );
}

function convertNumber(
  value: unknown,
  target: string,
  finish: (number: unknown) => unknown,
): unknown {
  if (typeof value === "boolean") {
    return finish(value ? 1 : 0);
  }
  if (value instanceof Date && target !== "int") {
    return finish(value.getTime());
  }
  if (typeof value === "string") {
    return finish(parseNumber(value, target));
  }
  if (!isNumeric(value)) {
    throw unsupported(value, target);
  }
  return finish(value);
}

const INTEGRAL = /^[-+]?\d+$/;
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
const NO_FINITE_NUMBER = /^[-+]?(inf(inity)?|nan)$/i;

function parseNumber(text: string, target: string): unknown {
  if (text.startsWith("0x")) {
    throw new MongoError(
      241,
      `Illegal hexadecimal input in $convert with no onError value: ${text}`,
    );
  }
  const integral = target === "int" || target === "long";
  if (!integral && NO_FINITE_NUMBER.test(text)) {
    return withoutEnd(text, target);
  }
  if (!(integral ? INTEGRAL : NUMBER).test(text)) {
    throw new MongoError(241, `Failed to parse number '${text}' in $convert with no onError value`);
  }
  if (target === "decimal") {
    return Decimal128.fromString(text);
  }
  return target === "long" ? parseLongText(text) : Number(text);
}

function withoutEnd(text: string, target: string): unknown {
  const sign = text.startsWith("-") ? -1 : 1;
  const number = /nan/i.test(text) ? NaN : sign * Infinity;
  return target === "decimal" ? toDecimal(number) : double(number);
}

function parseLongText(text: string): Long {
  const value = BigInt(text.replace("+", ""));
  if (BigInt.asIntN(64, value) !== value) {
    throw new MongoError(
      241,
      `Failed to parse number '${text}' in $convert with no onError value: Overflow`,
    );
  }
  return Long.fromBigInt(value);
}

function toDecimalValue(number: unknown): Decimal128 {
  return toDecimal(number);
}

/** Why a number is no integer of a type. */
function overflow(value: unknown): MongoError {
  const number = toNumber(value) as number;
  const because = Number.isNaN(number)
    ? "Attempt to convert NaN value to integer type in $convert with no onError value"
    : Number.isFinite(number)
      ? `Conversion would overflow target type in $convert with no onError value: ${textOf(value)}`
      : "Attempt to convert infinity value to integer type in $convert with no onError value";
  return new MongoError(241, because);
}

function toInt(value: unknown): number {
  const number = Math.trunc(toNumber(value) ?? NaN);
  if (!fitsInt32(number + 0)) {
    throw overflow(value);
  }
  return number + 0;
}

function toLong(value: unknown): Long {
  const whole = truncateToLong(value);
  if (whole === undefined) {
    throw overflow(value);
  }
  return Long.fromBigInt(whole);
}

/** An int is no date: it could hold a moment of the year 1970 only. */
function toDate(value: unknown): Date {
  const datable =
    typeof value === "string" ||
    value instanceof Date ||
    value instanceof ObjectId ||
    value instanceof Timestamp ||
    (isNumeric(value) && typeName(value) !== "int");
  if (!datable) {
    throw unsupported(value, "date");
  }
  const date = dateOf(value);
  if (Number.isNaN(date.getTime())) {
    throw overflow(value);
  }
  return date;
}

function toObjectId(value: unknown): ObjectId {
  if (value instanceof ObjectId) {
    return value;
  }
  if (typeof value !== "string") {
    throw unsupported(value, "objectId");
  }
  if (!/^[0-9a-f]{24}$/i.test(value)) {
    throw new MongoError(
      241,
      `Failed to parse objectId '${value}' in $convert with no onError value`,
    );
  }
  return ObjectId.createFromHexString(value);
}

/** A value as `$toString` writes it. */
export function toText(value: unknown): string {
  if (value instanceof ObjectId) {
    return value.toHexString();
  }
  if (value instanceof Date) {
    return value.toISOString();
  }
  if (typeof value === "string" || typeof value === "boolean" || isNumeric(value)) {
    return Object.is(toNumber(value), -0) && typeName(value) === "double" ? "-0" : String(value);
  }
  throw unsupported(value, "string");
}
