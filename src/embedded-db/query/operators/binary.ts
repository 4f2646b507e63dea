import { MongoError } from "../../errors";
import { encode } from "../../bson/encode";
import { Binary, fitsInt32, isDocument, Long, Timestamp, typeName } from "../../bson/values";
import type { CompileOperator } from "../scope";
import { fixed, isNullish, untilNull } from "./arguments";

/** The operators on bits, sizes and timestamps. */
export const BINARY: Record<string, CompileOperator> = {
  $binarySize: fixed("$binarySize", 1, (value) => {
    if (isNullish(value)) {
      return null;
    }
    if (typeof value === "string") {
      return Buffer.byteLength(value);
    }
    if (!(value instanceof Binary)) {
      throw new MongoError(
        51276,
        `$binarySize requires a string or BinData argument, found: ${typeName(value)}`,
      );
    }
    return value.length();
  }),
  $bitAnd: bitwise("$bitAnd", -1n, (a, b) => a & b),
  $bitNot: fixed("$bitNot", 1, (value) =>
    isNullish(value) ? null : ofType(~bitsOf("$bitNot", value), value instanceof Long),
  ),
  $bitOr: bitwise("$bitOr", 0n, (a, b) => a | b),
  $bitXor: bitwise("$bitXor", 0n, (a, b) => a ^ b),
  $bsonSize: fixed("$bsonSize", 1, (value) => {
    if (isNullish(value)) {
      return null;
    }
    if (!isDocument(value)) {
      throw new MongoError(31393, `$bsonSize requires a document input, found: ${typeName(value)}`);
    }
    return encode(value).length;
  }),
  $tsIncrement: ofTimestamp("$tsIncrement", ({ i }) => i),
  $tsSecond: ofTimestamp("$tsSecond", ({ t }) => t),
};

function ofTimestamp(name: string, part: (timestamp: Timestamp) => number): CompileOperator {
  return fixed(name, 1, (value) => {
    if (isNullish(value)) {
      return null;
    }
    if (!(value instanceof Timestamp)) {
      throw new MongoError(
        5687301,
        `${name} requires a timestamp argument, found: ${typeName(value)}`,
      );
    }
    return Long.fromNumber(part(value));
  });
}

function bitwise(
  name: string,
  start: bigint,
  apply: (a: bigint, b: bigint) => bigint,
): CompileOperator {
  return untilNull(
    (value) => ({ bits: bitsOf(name, value), long: value instanceof Long }),
    (values) =>
      ofType(
        values.map(({ bits }) => bits).reduce(apply, start),
        values.some(({ long }) => long),
      ),
  );
}

function bitsOf(name: string, value: unknown): bigint {
  if (value instanceof Long) {
    return value.toBigInt();
  }
  if (typeof value !== "number" || !fitsInt32(value)) {
    throw new MongoError(14, `${name} only supports int and long operands, not ${typeName(value)}`);
  }
  return BigInt(value);
}

function ofType(bits: bigint, long: boolean): unknown {
  return long ? Long.fromBigInt(bits) : Number(bits);
}
