import { MongoError } from "../../errors";
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
  return fixed(name, 1, (value) =>
    isNullish(value) ? null : CONVERSIONS[type]?.(value, DEFAULTS),
  );
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
    const input = parts["input"]?.(scope);
    if (isNullish(input)) {
      return parts["onNull"]?.(scope) ?? null;
    }
    const to = parts["to"]?.(scope);
    const options = binaryOptions(to, parts["format"]?.(scope), parts["byteOrder"]?.(scope));
    const type = targetType(isDocument(to) ? to["type"] : to);
    const convert = Object.hasOwn(CONVERSIONS, type) ? CONVERSIONS[type] : undefined;
    if (!convert) {
      throw new MongoError(2, "Unknown type name in $convert");
    }
    try {
      return convert(input, options);
    } catch (error) {
      if (parts["onError"] && error instanceof MongoError && error.code === 241) {
        return parts["onError"](scope);
      }
      throw error;
    }
  };
}

function targetType(to: unknown): string {
  const number = toNumber(to);
  return number === undefined
    ? String(to)
    : (Object.keys(TYPE_NUMBERS).find((name) => TYPE_NUMBERS[name] === number) ?? "");
}

function binaryOptions(to: unknown, format: unknown, byteOrder: unknown): BinaryOptions {
  if (!isNullish(format) && !FORMATS.has(format)) {
    throw new MongoError(4341125, "Invalid 'format' argument for $convert");
  }
  if (!isNullish(byteOrder) && byteOrder !== "little" && byteOrder !== "big") {
    throw new MongoError(9130003, "Invalid 'byteOrder' argument for $convert: it is little or big");
  }
  return {
    subtype: (isDocument(to) ? toNumber(to["subtype"]) : undefined) ?? 0,
    format: (format ?? undefined) as BinaryFormat | undefined,
    bigEndian: byteOrder === "big",
  };
}

function unsupported(value: unknown, target: string): MongoError {
  return new MongoError(
    241,
    `Unsupported conversion from ${typeName(value)} to ${target} in $convert`,
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

function parseNumber(text: string, target: string): unknown {
  const integral = target === "int" || target === "long";
  if (!(integral ? /^[-+]?\d+$/ : /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i).test(text)) {
    throw new MongoError(241, `Failed to parse number '${text}' in $convert with no onError value`);
  }
  if (target === "decimal") {
    return Decimal128.fromString(text);
  }
  return target === "long" ? BigInt(text.replace("+", "")) : Number(text);
}

function toDecimalValue(number: unknown): Decimal128 {
  return toDecimal(number);
}

function overflow(): MongoError {
  return new MongoError(
    241,
    "Conversion would overflow target type in $convert with no onError value",
  );
}

function toInt(value: unknown): number {
  const number = Math.trunc(toNumber(value) ?? NaN);
  if (!fitsInt32(number + 0)) {
    throw overflow();
  }
  return number + 0;
}

function toLong(value: unknown): Long {
  if (value instanceof Long) {
    return value;
  }
  const whole = typeof value === "bigint" ? value : truncateToLong(value);
  if (whole === undefined || BigInt.asIntN(64, whole) !== whole) {
    throw overflow();
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
    throw overflow();
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
    return String(value);
  }
  throw unsupported(value, "string");
}
