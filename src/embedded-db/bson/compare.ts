import type { ObjectId } from "./values";
import {
  type Binary,
  BSONRegExp,
  type Code,
  Decimal128,
  type Doc,
  isDocument,
  Rank,
  rankOf,
  type Timestamp,
  typeName,
} from "./values";
import { compareNumbers } from "./numbers";

/** Orders two strings; absent, by their UTF-8 bytes. */
export type StringOrder = (a: string, b: string) => number;

/**
 * Compares two BSON values of any types.
 * @see https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order/
 */
export function compareValues(
  a: unknown,
  b: unknown,
  strings: StringOrder = compareStrings,
): number {
  if (typeof a === "number" && typeof b === "number") {
    return compareNumbers(a, b);
  }
  if (typeof a === "string" && typeof b === "string") {
    return strings(a, b);
  }
  const rank = rankOf(a);
  const difference = rank - rankOf(b);
  return difference === 0 ? compareSameType(rank, a, b, strings) : difference;
}

/** True when two values are the same to a query: numbers by value, documents field by field. */
export function equalValues(a: unknown, b: unknown, strings?: StringOrder): boolean {
  return a === b || compareValues(a, b, strings) === 0;
}

/** True when two values have the same types and values all the way down, fields in one order. */
export function identicalValues(a: unknown, b: unknown): boolean {
  if (a === b) {
    return !Object.is(a, -0) === !Object.is(b, -0);
  }
  if (typeName(a) !== typeName(b)) {
    return false;
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((element, at) => identicalValues(element, b[at]));
  }
  if (isDocument(a) && isDocument(b)) {
    const [left, right] = [Object.keys(a), Object.keys(b)];
    return (
      left.length === right.length &&
      left.every((name, at) => name === right[at] && identicalValues(a[name], b[name]))
    );
  }
  return a instanceof Decimal128 ? a.toString() === String(b) : equalValues(a, b);
}

function compareSameType(rank: number, a: unknown, b: unknown, strings: StringOrder): number {
  switch (rank) {
    case Rank.number:
      return compareNumbers(a, b);
    case Rank.string:
      return strings(String(a), String(b));
    case Rank.object:
      return compareDocuments(a as Doc, b as Doc, strings);
    case Rank.array:
      return compareArrays(a as unknown[], b as unknown[], strings);
    case Rank.objectId:
      return compareObjectIds(a as ObjectId, b as ObjectId);
    case Rank.boolean:
      return Number(a) - Number(b);
    case Rank.date:
      return Math.sign((a as Date).getTime() - (b as Date).getTime());
    case Rank.binary:
      return compareBinaries(a as Binary, b as Binary);
    case Rank.timestamp:
      return (a as Timestamp).unsigned ? (a as Timestamp).compare(b as Timestamp) : 0;
    case Rank.regex:
      return compareStrings(regexText(a), regexText(b));
    case Rank.code:
    case Rank.codeWithScope:
      return compareStrings((a as Code).code, (b as Code).code);
    default:
      return 0;
  }
}

/** Orders strings by code point, as comparing their UTF-8 bytes does. */
export function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const x = a.charCodeAt(at);
    const y = b.charCodeAt(at);
    if (x !== y) {
      return byCodePoint(x) - byCodePoint(y);
    }
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all other UTF-16 units. */
function byCodePoint(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

function compareDocuments(a: Doc, b: Doc, strings: StringOrder): number {
  const left = Object.keys(a);
  const right = Object.keys(b);
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at++) {
    const x = left[at] as string;
    const y = right[at] as string;
    const order =
      rankOf(a[x]) - rankOf(b[y]) || compareStrings(x, y) || compareValues(a[x], b[y], strings);
    if (order !== 0) {
      return order;
    }
  }
  return left.length - right.length;
}

function compareArrays(a: unknown[], b: unknown[], strings: StringOrder): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const order = compareValues(a[at], b[at], strings);
    if (order !== 0) {
      return order;
    }
  }
  return a.length - b.length;
}

function compareObjectIds(a: ObjectId, b: ObjectId): number {
  return Buffer.compare(a.id, b.id);
}

function compareBinaries(a: Binary, b: Binary): number {
  return a.length() - b.length() || a.sub_type - b.sub_type || Buffer.compare(a.value(), b.value());
}

/** Pattern and flags as one string that orders first by pattern. */
export function regexText(value: unknown): string {
  if (value instanceof BSONRegExp) {
    return `${value.pattern}\0${value.options}`;
  }
  const regex = value as RegExp;
  return `${regex.source}\0${regex.flags}`;
}
