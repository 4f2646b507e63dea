import {
  type Binary,
  BSONRegExp,
  type Code,
  Decimal128,
  Double,
  Long,
  type ObjectId,
  Rank,
  rankOf,
  Timestamp,
  type Doc,
} from "./values";

/** Writes a value the way MongoDB does inside error messages: `{ name: "x", n: 1 }`. */
export function formatValue(value: unknown): string {
  switch (rankOf(value)) {
    case Rank.string:
      return JSON.stringify(String(value));
    case Rank.number:
      return formatNumber(value);
    case Rank.object:
      return formatDocument(value as Doc);
    case Rank.array:
      return formatArray(value as unknown[]);
    case Rank.objectId:
      return `ObjectId('${(value as ObjectId).toHexString()}')`;
    case Rank.date:
      return `new Date(${(value as Date).getTime()})`;
    case Rank.undefined:
      return "undefined";
    default:
      return formatRare(value);
  }
}

function formatRare(value: unknown): string {
  if (value instanceof BSONRegExp) {
    return `/${value.pattern}/${value.options}`;
  }
  if (value instanceof Timestamp) {
    return `Timestamp(${value.t}, ${value.i})`;
  }
  switch (rankOf(value)) {
    case Rank.binary:
      return `BinData(${(value as Binary).sub_type}, ${hex(value as Binary)})`;
    case Rank.code:
      return (value as Code).code;
    case Rank.minKey:
      return "MinKey";
    case Rank.maxKey:
      return "MaxKey";
    default:
      return String(value);
  }
}

function hex(value: Binary): string {
  return Buffer.from(value.value()).toString("hex").toUpperCase();
}

function formatNumber(value: unknown): string {
  if (value instanceof Double) {
    return value.value.toFixed(1);
  }
  if (value instanceof Decimal128) {
    return `Decimal128('${value.toString()}')`;
  }
  return value instanceof Long ? value.toString() : String(value);
}

/** Writes a document as MongoDB's messages do. */
export function formatDocument(doc: Doc): string {
  const fields = Object.entries(doc).map(([name, value]) => `${name}: ${formatValue(value)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}

function formatArray(values: unknown[]): string {
  return values.length === 0 ? "[]" : `[ ${values.map(formatValue).join(", ")} ]`;
}
