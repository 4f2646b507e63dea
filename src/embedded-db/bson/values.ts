import {
  Binary,
  BSONRegExp,
  BSONSymbol,
  Code,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
} from "bson";

/**
 * A document as this server holds it while working on it.
 *
 * Numbers keep their BSON type: an int32 is a JavaScript number, a double is one too unless it is
 * integral (then it is a `Double`, since a bare 5 would be written back as an int32), a long is
 * always a `Long`.
 */
export type Doc = Record<string, unknown>;

/** BSON types in MongoDB's comparison order; the numbers are the leading bytes of index keys. */
export const Rank = {
  minKey: 1,
  undefined: 2,
  null: 5,
  number: 10,
  string: 15,
  object: 20,
  array: 25,
  binary: 30,
  objectId: 35,
  boolean: 40,
  date: 45,
  timestamp: 47,
  regex: 50,
  dbRef: 55,
  code: 60,
  codeWithScope: 65,
  maxKey: 240,
} as const;

const RANK_OF_CLASS: Record<string, number> = {
  Double: Rank.number,
  Int32: Rank.number,
  Long: Rank.number,
  Decimal128: Rank.number,
  BSONSymbol: Rank.string,
  Binary: Rank.binary,
  UUID: Rank.binary,
  ObjectId: Rank.objectId,
  Timestamp: Rank.timestamp,
  BSONRegExp: Rank.regex,
  DBRef: Rank.object,
  Code: Rank.code,
  MinKey: Rank.minKey,
  MaxKey: Rank.maxKey,
};

/** The place of a value's type in the comparison order. */
export function rankOf(value: unknown): number {
  switch (typeof value) {
    case "number":
    case "bigint":
      return Rank.number;
    case "string":
      return Rank.string;
    case "boolean":
      return Rank.boolean;
    case "undefined":
      return Rank.undefined;
    case "object":
    case "function":
    case "symbol":
      return value === null ? Rank.null : rankOfObject(value);
  }
}

function rankOfObject(value: unknown): number {
  if (Array.isArray(value)) {
    return Rank.array;
  }
  if (value instanceof Date) {
    return Rank.date;
  }
  if (value instanceof RegExp) {
    return Rank.regex;
  }
  const type = (value as { _bsontype?: string })._bsontype;
  if (type === "Code" && (value as Code).scope) {
    return Rank.codeWithScope;
  }
  return type === undefined ? Rank.object : (RANK_OF_CLASS[type] ?? Rank.object);
}

/** True for embedded documents: not arrays, dates or any other BSON class. */
export function isDocument(value: unknown): value is Doc {
  return typeof value === "object" && value !== null && rankOfObject(value) === Rank.object;
}

export function isNumeric(value: unknown): boolean {
  return rankOf(value) === Rank.number;
}

/** A whole BSON number as a bigint; 0 for anything that is no number. */
export function toBigInt(value: unknown): bigint {
  // Every write command brings a long; Long's own way to a bigint leads over text.
  return value instanceof Long
    ? (BigInt(value.high) << 32n) | BigInt(value.low >>> 0)
    : BigInt(toNumber(value) ?? 0);
}

/** The JavaScript number nearest to a BSON number, or undefined for any other type. */
export function toNumber(value: unknown): number | undefined {
  if (typeof value === "number") {
    return value;
  }
  if (value instanceof Double || value instanceof Int32) {
    return value.valueOf();
  }
  if (value instanceof Timestamp) {
    return undefined;
  }
  if (value instanceof Long) {
    return value.toNumber();
  }
  return value instanceof Decimal128 ? Number(value.toString()) : undefined;
}

/** Type names of `$type` and of error messages, with their BSON numbers. */
export const TYPE_NUMBERS: Record<string, number> = {
  double: 1,
  string: 2,
  object: 3,
  array: 4,
  binData: 5,
  undefined: 6,
  objectId: 7,
  bool: 8,
  date: 9,
  null: 10,
  regex: 11,
  dbPointer: 12,
  javascript: 13,
  symbol: 14,
  javascriptWithScope: 15,
  int: 16,
  timestamp: 17,
  long: 18,
  decimal: 19,
  minKey: -1,
  maxKey: 127,
};

const NAME_OF_RANK: Record<number, string> = {
  [Rank.minKey]: "minKey",
  [Rank.undefined]: "missing",
  [Rank.null]: "null",
  [Rank.string]: "string",
  [Rank.object]: "object",
  [Rank.array]: "array",
  [Rank.binary]: "binData",
  [Rank.objectId]: "objectId",
  [Rank.boolean]: "bool",
  [Rank.date]: "date",
  [Rank.timestamp]: "timestamp",
  [Rank.regex]: "regex",
  [Rank.dbRef]: "dbPointer",
  [Rank.code]: "javascript",
  [Rank.codeWithScope]: "javascriptWithScope",
  [Rank.maxKey]: "maxKey",
};

/** The name MongoDB gives a value's type in `$type` and in messages. */
export function typeName(value: unknown): string {
  if (typeof value === "number") {
    return fitsInt32(value) ? "int" : "double";
  }
  if (value instanceof Double) {
    return "double";
  }
  if (value instanceof Int32) {
    return "int";
  }
  if (value instanceof Decimal128) {
    return "decimal";
  }
  if (value instanceof BSONSymbol) {
    return "symbol";
  }
  const rank = rankOf(value);
  return rank === Rank.number ? "long" : (NAME_OF_RANK[rank] ?? "object");
}

/** True when a bare JavaScript number is written as an int32. */
export function fitsInt32(value: number): boolean {
  return Number.isInteger(value) && (value | 0) === value && !Object.is(value, -0);
}

/** A value's own text: a string as it is, numbers and ids in their usual form. */
export function textOf(value: unknown): string {
  return String(value);
}

/** A copy without one field. */
export function omit(doc: Doc, name: string): Doc {
  return Object.fromEntries(Object.entries(doc).filter(([key]) => key !== name));
}

/** A double of this value, in the form decode() gives it. */
export function double(value: number): number | Double {
  return fitsInt32(value) ? new Double(value) : value;
}

export {
  Binary,
  BSONRegExp,
  BSONSymbol,
  Code,
  Decimal128,
  Double,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
};
