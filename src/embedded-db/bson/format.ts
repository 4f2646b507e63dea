import {
  BSONRegExp,
  type Binary,
  Code,
  Decimal128,
  type Doc,
  Double,
  fitsInt32,
  isDocument,
  Long,
  type ObjectId,
  Rank,
  rankOf,
  Timestamp,
} from "./values";

/** Bytes of a value that are shown: a longer one is cut to the second number. */
const LONG_TEXT = [160, 150] as const;
const LONG_CODE = [80, 70] as const;
const LONG_BINARY = [80, 70] as const;

/** Writes a value the way MongoDB does inside error messages: `{ name: "x", n: 1 }`. */
export function formatValue(value: unknown): string {
  switch (rankOf(value)) {
    case Rank.string:
      return `"${cut(String(value), LONG_TEXT)}"`;
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
  if (value instanceof Code) {
    return formatCode(value);
  }
  switch (rankOf(value)) {
    case Rank.binary:
      return formatBinary(value as Binary);
    case Rank.minKey:
      return "MinKey";
    case Rank.maxKey:
      return "MaxKey";
    default:
      return String(value);
  }
}

/** A long text ends with dots; no character is cut apart. */
function cut(text: string, [longest, shown]: readonly [number, number]): string {
  const bytes = Buffer.from(text);
  // MongoDB counts the zero byte at the end of a text.
  if (bytes.length < longest) {
    return text;
  }
  let end = shown;
  while (((bytes[end] as number) & 0xc0) === 0x80) {
    end--;
  }
  return `${bytes.toString("utf8", 0, end)}...`;
}

function formatCode({ code, scope }: Code): string {
  return isDocument(scope)
    ? `CodeWScope( ${code}, ${formatDocument(scope)})`
    : cut(code, LONG_CODE);
}

function formatBinary(value: Binary): string {
  const bytes = Buffer.from(value.value());
  if (value.sub_type === 4 && bytes.length === 16) {
    const parts = [0, 4, 6, 8, 10].map((from, at, all) => bytes.toString("hex", from, all[at + 1]));
    return `UUID("${parts.join("-")}")`;
  }
  const [longest, shown] = LONG_BINARY;
  const isLong = bytes.length > longest;
  const hex = bytes.toString("hex", 0, isLong ? shown : undefined).toUpperCase();
  return `BinData(${value.sub_type}, ${hex}${isLong ? "..." : ""})`;
}

function formatNumber(value: unknown): string {
  const isWhole = value instanceof Long || (typeof value === "number" && fitsInt32(value));
  return isWhole || value instanceof Decimal128
    ? String(value)
    : formatDouble(value instanceof Double ? value.value : Number(value));
}

/** As C's `%.16g` writes it, with a point behind what has none. */
function formatDouble(value: number): string {
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? "nan.0" : `${value < 0 ? "-" : ""}inf.0`;
  }
  const [digits = "", power = "0"] = value.toExponential(15).split("e");
  const exponent = Number(power);
  const plain = exponent >= -4 && exponent < 16;
  const text = plain
    ? trimZeros(value.toFixed(Math.min(15 - exponent, 100)))
    : `${trimZeros(digits)}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  return text.includes(".") ? text : `${Object.is(value, -0) ? "-" : ""}${text}.0`;
}

function trimZeros(digits: string): string {
  return digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
}

/** Writes a document as MongoDB's messages do. */
export function formatDocument(doc: Doc): string {
  const fields = Object.entries(doc).map(([name, value]) => `${name}: ${formatValue(value)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}

/** A document as messages name it: `{_id: 1}`. */
export function formatIdentity(doc: Doc): string {
  return `{_id: ${formatValue(doc["_id"])}}`;
}

function formatArray(values: unknown[]): string {
  return values.length === 0 ? "[]" : `[ ${values.map(formatValue).join(", ")} ]`;
}
