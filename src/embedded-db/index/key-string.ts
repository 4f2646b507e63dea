import { createHash } from "node:crypto";
import { compareNumbers, parseDecimal, truncateToLong } from "../bson/numbers";
import { regexText } from "../bson/compare";
import {
  type Binary,
  type Code,
  Decimal128,
  type Doc,
  double,
  Long,
  type ObjectId,
  Rank,
  rankOf,
  type Timestamp,
  toNumber,
} from "../bson/values";

/**
 * Index keys as bytes that sort like the values: MongoDB's KeyString idea.
 *
 * A component starts with its type's rank (never 0x00 or 0xff), so a prefix followed by 0xff is
 * greater than every key that starts with that prefix, in either direction.
 */
export const AFTER_PREFIX = Buffer.from([0xff]);

/** Longer keys are cut, and a digest keeps different ones different. LMDB's limit is 1,978 bytes. */
const MAX_KEY_BYTES = 1500;

/** Encodes one value so that byte order is BSON order. */
export function encodeKey(value: unknown): Buffer {
  const writer = new KeyWriter();
  writer.value(value);
  return shorten(writer.bytes());
}

/** The same key for a descending field. */
export function invert(key: Buffer): Buffer {
  const out = Buffer.allocUnsafe(key.length);
  for (let at = 0; at < key.length; at++) {
    out[at] = 255 - (key[at] as number);
  }
  return out;
}

function shorten(key: Buffer): Buffer {
  if (key.length <= MAX_KEY_BYTES) {
    return key;
  }
  const digest = createHash("sha256").update(key).digest("hex");
  return Buffer.concat([key.subarray(0, MAX_KEY_BYTES - digest.length), Buffer.from(digest)]);
}

/** Writes the components of a key one behind the other. */
export class KeyWriter {
  private out = Buffer.allocUnsafe(64);
  private length = 0;

  bytes(): Buffer {
    return this.out.subarray(0, this.length);
  }

  /** Adds one value as a component of its own; the same bytes as encodeKey() gives. */
  component(value: unknown, descending: boolean): void {
    const start = this.length;
    this.value(value);
    if (this.length - start > MAX_KEY_BYTES) {
      const key = shorten(this.out.subarray(start, this.length));
      this.length = start;
      this.raw(key);
    }
    for (let at = start; descending && at < this.length; at++) {
      this.out[at] = 255 - (this.out[at] as number);
    }
  }

  value(value: unknown): void {
    const rank = rankOf(value);
    this.byte(rank);
    switch (rank) {
      case Rank.number:
        return this.number(value);
      case Rank.string:
        return this.text(String(value));
      case Rank.objectId:
        return this.raw((value as ObjectId).id);
      case Rank.date:
        return this.int64(BigInt((value as Date).getTime()));
      case Rank.boolean:
        return this.byte(value ? 2 : 1);
      case Rank.object:
        return this.document(value as Doc);
      case Rank.array:
        return this.array(value as unknown[]);
      default:
        return this.rareValue(rank, value);
    }
  }

  private rareValue(rank: number, value: unknown): void {
    switch (rank) {
      case Rank.binary:
        return this.binary(value as Binary);
      case Rank.timestamp:
        return this.uint64((value as Timestamp).toBigInt());
      case Rank.regex:
        return this.text(regexText(value));
      case Rank.code:
      case Rank.codeWithScope:
        return this.text((value as Code).code);
      default:
        return;
    }
  }

  /** The nearest double, then what the double lacks of a long's or a decimal's exact value. */
  private number(value: unknown): void {
    const number = toNumber(value) ?? Number(value);
    this.double(number);
    const whole = wholeOf(value);
    this.uint16(0x8000 + (whole === undefined ? 0 : Number(whole - BigInt(number))));
    if (
      value instanceof Decimal128 &&
      whole === undefined &&
      compareNumbers(value, double(number)) !== 0
    ) {
      this.text(canonicalDecimal(value));
    }
  }

  private double(value: number): void {
    this.reserve(8);
    if (Number.isNaN(value)) {
      this.out.fill(0, this.length, this.length + 8);
    } else {
      this.out.writeDoubleBE(value === 0 ? 0 : value, this.length);
      const negative = (this.out[this.length] as number) >= 128;
      for (let at = this.length; at < this.length + 8; at++) {
        const byte = this.out[at] as number;
        this.out[at] = negative ? 255 - byte : at === this.length ? byte + 128 : byte;
      }
    }
    this.length += 8;
  }

  /** Zero bytes inside are followed by 0xff, so that the closing zero sorts before them. */
  private text(text: string): void {
    const bytes = Buffer.from(text, "utf8");
    let from = 0;
    for (let zero = bytes.indexOf(0); zero >= 0; zero = bytes.indexOf(0, from)) {
      this.raw(bytes.subarray(from, zero + 1));
      this.byte(0xff);
      from = zero + 1;
    }
    this.raw(bytes.subarray(from));
    this.byte(0);
  }

  private document(doc: Doc): void {
    for (const name of Object.keys(doc)) {
      this.byte(rankOf(doc[name]));
      this.text(name);
      this.value(doc[name]);
    }
    this.byte(0);
  }

  private array(values: unknown[]): void {
    for (const value of values) {
      this.value(value);
    }
    this.byte(0);
  }

  private binary(value: Binary): void {
    this.reserve(5);
    this.out.writeUInt32BE(value.length(), this.length);
    this.out[this.length + 4] = value.sub_type;
    this.length += 5;
    this.raw(value.value());
  }

  private int64(value: bigint): void {
    this.uint64(BigInt.asUintN(64, value + (1n << 63n)));
  }

  private uint64(value: bigint): void {
    this.reserve(8);
    this.out.writeBigUInt64BE(value, this.length);
    this.length += 8;
  }

  private uint16(value: number): void {
    this.reserve(2);
    this.out.writeUInt16BE(value, this.length);
    this.length += 2;
  }

  private byte(value: number): void {
    this.reserve(1);
    this.out[this.length++] = value;
  }

  /** Adds bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.out.set(bytes, this.length);
    this.length += bytes.length;
  }

  private reserve(extra: number): void {
    if (this.length + extra > this.out.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.out.length * 2, this.length + extra));
      this.out.copy(grown, 0, 0, this.length);
      this.out = grown;
    }
  }
}

/** What a long holds, also when it comes as a decimal: equal numbers have one key. */
function wholeOf(value: unknown): bigint | undefined {
  if (value instanceof Long) {
    return value.toBigInt();
  }
  const whole = value instanceof Decimal128 ? truncateToLong(value) : undefined;
  return whole !== undefined && compareNumbers(value, Long.fromBigInt(whole)) === 0
    ? whole
    : undefined;
}

/** One spelling for equal decimals: 1.50 and 15E-1 are the same key. */
function canonicalDecimal(value: Decimal128): string {
  let { coefficient, exponent } = parseDecimal(value);
  while (coefficient !== 0n && coefficient % 10n === 0n) {
    coefficient /= 10n;
    exponent++;
  }
  return `${coefficient}E${coefficient === 0n ? 0 : exponent}`;
}
