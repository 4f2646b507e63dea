import { createHash } from "node:crypto";
import { badValue } from "../errors";
import { compareNumbers, floorOf, parseDecimal } from "../bson/numbers";
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
 * Index keys as bytes that sort like the values: MongoDB's KeyString idea. Equal values have one
 * key, and none is the start of another.
 *
 * A component starts with its type's rank (never 0x00 or 0xff), so a prefix followed by 0xff is
 * greater than every key that starts with that prefix, in either direction.
 */
export const AFTER_PREFIX = Buffer.from([0xff]);

/** Longer components are cut anywhere. */
const MAX_COMPONENT_BYTES = 1500;

/** What all components of a key may take together: LMDB's limit is 1,978 bytes. */
const MAX_COMPONENTS_BYTES = 1900;

/** What a cut component ends with, so that different ones stay different. */
const DIGEST_BYTES = 24;

/** How long each component of a key with so many may be. */
export function componentLimit(components: number): number {
  return Math.min(MAX_COMPONENT_BYTES, Math.floor(MAX_COMPONENTS_BYTES / components));
}

/** Components up to this length sort right beside those that are cut at a limit. */
export function sortableLength(limit: number): number {
  return limit - DIGEST_BYTES;
}

/** Encodes one value so that byte order is BSON order, cut at a limit. */
export function encodeKey(value: unknown, limit = MAX_COMPONENT_BYTES): Buffer {
  const writer = new KeyWriter();
  writer.value(value);
  return cut(writer.bytes(), limit);
}

/** The same key for a descending field. */
export function invert(key: Buffer): Buffer {
  const out = Buffer.allocUnsafe(key.length);
  for (let at = 0; at < key.length; at++) {
    out[at] = 255 - (key[at] as number);
  }
  return out;
}

function cut(component: Buffer, limit: number): Buffer {
  if (component.length <= limit) {
    return component;
  }
  const digest = createHash("sha256").update(component).digest().subarray(0, DIGEST_BYTES);
  return Buffer.concat([component.subarray(0, sortableLength(limit)), digest]);
}

/** Writes the components of a key one behind the other. */
export class KeyWriter {
  private out = Buffer.allocUnsafe(64);
  private length = 0;

  bytes(): Buffer {
    return this.out.subarray(0, this.length);
  }

  /** Adds one value as a component of its own, as encodeKey() gives it; true when it was cut. */
  component(value: unknown, limit: number, descending: boolean): boolean {
    const start = this.length;
    this.value(value);
    const isCut = this.length - start > limit;
    if (isCut) {
      const component = cut(this.out.subarray(start, this.length), limit);
      this.length = start;
      this.raw(component);
    }
    for (let at = start; descending && at < this.length; at++) {
      this.out[at] = 255 - (this.out[at] as number);
    }
    return isCut;
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
        return this.date(value as Date);
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

  private date(value: Date): void {
    const time = value.getTime();
    if (Number.isNaN(time)) {
      throw badValue("A date beyond those of JavaScript cannot be indexed or compared by a key");
    }
    this.int64(BigInt(time));
  }

  /** The nearest double, and for a number that it is not exactly, where that lies beside it. */
  private number(value: unknown): void {
    const nearest = toNumber(value) ?? Number(value);
    this.double(nearest);
    if (isDouble(value) || compareNumbers(value, double(nearest)) === 0) {
      return this.byte(Beside.exact);
    }
    const { step, isWhole } = stepFrom(nearest, value);
    this.byte(step < 0 ? Beside.before : Beside.behind);
    this.uint16(0x8000 + step);
    if (isWhole) {
      this.byte(0);
    } else {
      this.decimal(value as Decimal128);
    }
  }

  /** The exponent of the first digit, then the digits; of a negative number both inverted. */
  private decimal(value: Decimal128): void {
    const { coefficient, exponent } = parseDecimal(value);
    const negative = coefficient < 0n;
    const digits = (negative ? -coefficient : coefficient).toString();
    const magnitude = digits.length + exponent;
    this.uint16(0x4000 + (negative ? -magnitude : magnitude));
    for (const digit of digits.replace(/0+$/, "")) {
      this.byte(negative ? 10 - Number(digit) : 1 + Number(digit));
    }
    this.byte(negative ? 11 : 0);
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

  /** A zero byte ends it. Those inside are 01 01, and 01 is 01 02. */
  private text(text: string): void {
    this.reserve(text.length * 3 + 1);
    const start = this.length;
    this.length += this.out.write(text, start, "utf8");
    if (text.includes("\0") || text.includes("\u0001")) {
      const bytes = Buffer.from(this.out.subarray(start, this.length));
      this.length = start;
      bytes.forEach((byte) => (byte > 1 ? this.byte(byte) : this.uint16(0x0101 + byte)));
    }
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

/** Where a number lies that is not exactly the double in its key. */
const Beside = { before: 1, exact: 2, behind: 3 } as const;

/** Doubles of this size are whole numbers, and longs lie between them. */
const SPARSE = { from: 2 ** 53, to: 2 ** 63 } as const;

function isDouble(value: unknown): boolean {
  return !(value instanceof Long || value instanceof Decimal128);
}

/**
 * How many whole numbers a value is, rounded down, from the double nearest to it; and whether that
 * says all. Where there are no longs, but decimals, it only says on which side the value is.
 */
function stepFrom(nearest: number, value: unknown): { step: number; isWhole: boolean } {
  const size = Math.abs(nearest);
  if (size >= SPARSE.from && size <= SPARSE.to) {
    const { floor, isWhole } = floorOf(value);
    return { step: Number(floor - BigInt(nearest)), isWhole };
  }
  return { step: compareNumbers(value, double(nearest)) < 0 ? -1 : 0, isWhole: false };
}
