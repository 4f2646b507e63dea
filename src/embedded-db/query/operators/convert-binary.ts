import { MongoError } from "../../errors";
import { Binary, Double, double, Long, typeName } from "../../bson/values";

/** What `$convert` is told of the binary side of a conversion. */
export interface BinaryOptions {
  subtype: number;
  format: BinaryFormat | undefined;
  bigEndian: boolean;
}

export type BinaryFormat = "auto" | "base64" | "base64url" | "hex" | "utf8" | "uuid";

export const FORMATS: ReadonlySet<unknown> = new Set<BinaryFormat>([
  "auto",
  "base64",
  "base64url",
  "hex",
  "utf8",
  "uuid",
]);

const FORMS: Partial<Record<BinaryFormat, RegExp>> = {
  base64: /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
  base64url: /^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2}(==)?|[A-Za-z0-9_-]{3}=?)?$/,
  hex: /^([0-9a-f]{2})*$/i,
  utf8: /^/,
  uuid: /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i,
};

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/convert/ */
export function toBinary(value: unknown, { subtype, format, bigEndian }: BinaryOptions): Binary {
  if (value instanceof Binary) {
    if (value.sub_type !== subtype) {
      throw failure("Conversions between different binData subtypes are not supported");
    }
    return value;
  }
  if (typeof value === "string") {
    return textToBinary(value, subtype, required(format, "string", "binData"));
  }
  const bytes = numberBytes(value);
  return new Binary(bigEndian ? bytes.reverse() : bytes, subtype);
}

/** The text of binary data. */
export function binaryText(value: Binary, given: BinaryFormat | undefined): string {
  const asked = required(given, "binData", "string");
  const isUuid = value.sub_type === Binary.SUBTYPE_UUID;
  const format = asked === "auto" ? (isUuid ? "uuid" : "base64") : asked;
  const bytes = Buffer.from(value.value());
  if (format === "utf8") {
    return validText(bytes);
  }
  if (format !== "uuid") {
    const text = bytes.toString(format);
    return format === "hex" ? text.toUpperCase() : text;
  }
  if (!isUuid || bytes.length !== 16) {
    throw failure("Only binData of the UUID subtype has the format uuid");
  }
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** The number that bytes hold, of the length its type may have. */
export function binaryNumber(
  value: Binary,
  target: "int" | "long" | "double",
  bigEndian: boolean,
): unknown {
  const bytes = Buffer.from(value.value());
  const lengths = { int: [1, 2, 4], long: [1, 2, 4, 8], double: [4, 8] }[target];
  if (!lengths.includes(bytes.length)) {
    throw failure(
      `Failed to convert binData of ${bytes.length} bytes to ${target}: its length must be one of ${lengths.join(", ")}`,
    );
  }
  if (bigEndian) {
    bytes.reverse();
  }
  if (target === "double") {
    return double(bytes.length === 4 ? bytes.readFloatLE() : bytes.readDoubleLE());
  }
  const whole =
    bytes.length === 8 ? bytes.readBigInt64LE() : BigInt(bytes.readIntLE(0, bytes.length));
  return target === "int" ? Number(whole) : Long.fromBigInt(whole);
}

function textToBinary(text: string, subtype: number, format: BinaryFormat): Binary {
  const form = FORMS[format];
  if ((format === "uuid") !== (subtype === Binary.SUBTYPE_UUID)) {
    throw failure("Only the UUID format is allowed with the UUID subtype");
  }
  if (!form?.test(text)) {
    throw failure(`Failed to parse BinData '${text}': Input is not a valid ${format} string.`);
  }
  const bytes =
    format === "uuid"
      ? Buffer.from(text.replaceAll("-", ""), "hex")
      : Buffer.from(text, format as BufferEncoding);
  return new Binary(bytes, subtype);
}

/** Little-endian. */
function numberBytes(value: unknown): Buffer {
  const type = typeName(value);
  const bytes = Buffer.alloc(type === "int" ? 4 : 8);
  if (type === "int") {
    bytes.writeInt32LE(Number(value));
  } else if (value instanceof Long) {
    bytes.writeBigInt64LE(value.toBigInt());
  } else if (type === "double") {
    bytes.writeDoubleLE(value instanceof Double ? value.value : Number(value));
  } else {
    throw failure(`Unsupported conversion from ${type} to binData`);
  }
  return bytes;
}

function validText(bytes: Buffer): string {
  try {
    return new TextDecoder("utf8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw failure("BinData does not represent a valid UTF-8 string");
  }
}

function required(format: BinaryFormat | undefined, from: string, to: string): BinaryFormat {
  if (format === undefined) {
    throw new MongoError(
      4341115,
      `Format must be speficied when converting from '${from}' to '${to}'`,
    );
  }
  return format;
}

function failure(message: string): MongoError {
  return new MongoError(241, `${message} in $convert with no onError value`);
}
