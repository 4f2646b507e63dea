import { MongoError } from "../errors";
import {
  Binary,
  BSONRegExp,
  BSONSymbol,
  Code,
  Decimal128,
  type Doc,
  double,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
} from "./values";

/** MongoDB refuses to store documents nested deeper than this. */
export const MAX_DEPTH = 180;

/** A document that nobody needed to look into: its bytes go on unchanged. */
export class RawDocument {
  constructor(readonly bytes: Buffer) {}
}

export interface DecodeOptions {
  /**
   * Numbers become JavaScript numbers and regular expressions RegExp.
   * The BSON type of a number is lost, so never write such a document back to a collection.
   */
  plain?: boolean;
  /** The name of a top-level array whose documents stay undecoded. */
  rawArray?: string | undefined;
  /** Only these top-level fields are given; the others are checked and left out. */
  only?: ReadonlySet<string> | undefined;
}

/**
 * Reads one BSON document and checks every length on the way. An own decoder and not the one of
 * `bson`, because that either loses the type of numbers (promoteValues) or wraps each of them.
 * @see https://bsonspec.org/spec.html
 */
export function decode(bytes: Buffer, options: DecodeOptions = {}): Doc {
  return new Decoder(bytes, options).root();
}

/** Where an element of a document stands: its type, its name and its value. */
export interface ElementPlace {
  start: number;
  end: number;
}

/** Reads one BSON document, all of it or some top-level fields, and says where its `_id` stands. */
export function decodeWithId(
  bytes: Buffer,
  only: ReadonlySet<string> | undefined,
): { doc: Doc; id: ElementPlace | undefined } {
  const decoder = new Decoder(bytes, { only });
  const doc = decoder.root();
  return { doc, id: decoder.id };
}

/** Where a top-level element of a document stands that decode() has found to be well-formed. */
export function elementOf(bytes: Buffer, name: string): ElementPlace | undefined {
  for (let at = 4; bytes[at] !== 0;) {
    const nameEnd = bytes.indexOf(0, at + 1);
    const end = valueEnd(bytes, bytes[at] as number, nameEnd + 1);
    if (nameEnd - at - 1 === name.length && bytes.toString("latin1", at + 1, nameEnd) === name) {
      return { start: at, end };
    }
    at = end;
  }
  return undefined;
}

/** Types whose values have all the same length. */
const FIXED_LENGTHS: Record<number, number> = {
  ...{ 0x01: 8, 0x06: 0, 0x07: 12, 0x08: 1, 0x09: 8, 0x0a: 0, 0x10: 4 },
  ...{ 0x11: 8, 0x12: 8, 0x13: 16, 0x7f: 0, 0xff: 0 },
};

function valueEnd(bytes: Buffer, type: number, at: number): number {
  const fixed = FIXED_LENGTHS[type];
  if (fixed !== undefined) {
    return at + fixed;
  }
  switch (type) {
    case 0x03:
    case 0x04:
    case 0x0f:
      return at + bytes.readInt32LE(at);
    case 0x05:
      return at + 5 + bytes.readInt32LE(at);
    case 0x0b:
      return bytes.indexOf(0, bytes.indexOf(0, at) + 1) + 1;
    case 0x0c:
      return at + 4 + bytes.readInt32LE(at) + 12;
    default:
      return at + 4 + bytes.readInt32LE(at);
  }
}

function corrupt(what: string): MongoError {
  return new MongoError(22, `Invalid BSON: ${what}`);
}

class Decoder {
  /** Where the top-level `_id` stands, once the document has been read. */
  id: ElementPlace | undefined;
  private at = 0;
  private readonly plain: boolean;
  private readonly rawArray: string | undefined;
  private readonly only: ReadonlySet<string> | undefined;

  constructor(
    private readonly bytes: Buffer,
    { plain = false, rawArray, only }: DecodeOptions,
  ) {
    this.plain = plain;
    this.rawArray = rawArray;
    this.only = only;
  }

  root(): Doc {
    try {
      return this.document(0, this.bytes.length, 0);
    } catch (error) {
      // The classes of bson refuse some values themselves, such as unknown regular expression flags.
      throw error instanceof MongoError ? error : corrupt((error as Error).message);
    }
  }

  private document(start: number, limit: number, depth: number): Doc {
    const end = this.open(start, limit, depth);
    const out: Doc = {};
    while (this.at < end) {
      const element = this.at;
      const type = this.bytes[this.at++] as number;
      const name = this.cstring(end);
      if (depth === 0 && this.only && !this.only.has(name)) {
        this.check(type, name, end);
        continue;
      }
      const value =
        depth === 0 && name === this.rawArray && type === 4
          ? this.rawDocuments(end)
          : this.value(type, end, depth);
      assign(out, name, value);
      if (depth === 0 && name === "_id") {
        this.id = { start: element, end: this.at };
      }
    }
    this.close(end);
    return out;
  }

  /** Checks a top-level value that nobody asks for; the common types without building it. */
  private check(type: number, name: string, limit: number): void {
    const fixed = FIXED_LENGTHS[type];
    if (fixed !== undefined && name !== "_bsontype") {
      this.need(fixed, limit);
      this.at += fixed;
    } else if (type === 0x02 && name !== "_bsontype") {
      this.stringEnd(limit);
    } else {
      assign({}, name, this.value(type, limit, 0));
    }
  }

  private open(start: number, limit: number, depth: number): number {
    if (depth > MAX_DEPTH) {
      throw new MongoError(15, `BSONObj exceeds maximum nested object depth: ${MAX_DEPTH}`);
    }
    if (limit - start < 5) {
      throw corrupt("document too short");
    }
    const length = this.bytes.readInt32LE(start);
    if (length < 5 || length > limit - start) {
      throw corrupt(`document length ${length} does not fit`);
    }
    this.at = start + 4;
    return start + length - 1;
  }

  private close(end: number): void {
    if (this.at !== end || this.bytes[end] !== 0) {
      throw corrupt("document does not end in a zero byte");
    }
    this.at = end + 1;
  }

  private array(limit: number, depth: number): unknown[] {
    const end = this.open(this.at, limit, depth);
    const out: unknown[] = [];
    while (this.at < end) {
      const type = this.bytes[this.at++] as number;
      this.skipCstring(end);
      out.push(this.value(type, end, depth));
    }
    this.close(end);
    return out;
  }

  private rawDocuments(limit: number): RawDocument[] {
    const end = this.open(this.at, limit, 1);
    const out: RawDocument[] = [];
    while (this.at < end) {
      if (this.bytes[this.at++] !== 3) {
        throw new MongoError(14, `BSON field '${this.rawArray}' must hold objects only`);
      }
      this.skipCstring(end);
      const length = this.need(4, end) && this.bytes.readInt32LE(this.at);
      if (length < 5 || length > end - this.at) {
        throw corrupt(`document length ${length} does not fit`);
      }
      out.push(new RawDocument(this.take(length, end)));
    }
    this.close(end);
    return out;
  }

  private value(type: number, limit: number, depth: number): unknown {
    switch (type) {
      case 0x01:
        return this.double(limit);
      case 0x02:
        return this.string(limit);
      case 0x03: {
        return this.document(this.at, limit, depth + 1);
      }
      case 0x04:
        return this.array(limit, depth + 1);
      case 0x05:
        return this.binary(limit);
      case 0x06:
        return undefined;
      case 0x07:
        return new ObjectId(this.take(12, limit));
      case 0x08:
        return this.take(1, limit)[0] === 1;
      case 0x09:
        return new Date(this.long(limit).toNumber());
      case 0x0a:
        return null;
      case 0x10:
        this.need(4, limit);
        this.at += 4;
        return this.bytes.readInt32LE(this.at - 4);
      case 0x12:
        return this.plain ? plainLong(this.long(limit)) : this.long(limit);
      default:
        return this.rareValue(type, limit, depth);
    }
  }

  private rareValue(type: number, limit: number, depth: number): unknown {
    switch (type) {
      case 0x0b:
        return this.regex(limit);
      case 0x0c:
        return { $ref: this.string(limit), $id: new ObjectId(this.take(12, limit)) };
      case 0x0d:
        return new Code(this.string(limit));
      case 0x0e:
        return new BSONSymbol(this.string(limit));
      case 0x0f:
        return this.codeWithScope(limit, depth);
      case 0x11: {
        const bits = this.long(limit);
        return new Timestamp({ i: bits.low >>> 0, t: bits.high >>> 0 });
      }
      case 0x13:
        return new Decimal128(Uint8Array.from(this.take(16, limit)));
      case 0x7f:
        return new MaxKey();
      case 0xff:
        return new MinKey();
      default:
        throw corrupt(`unknown element type 0x${type.toString(16)}`);
    }
  }

  private double(limit: number): unknown {
    this.need(8, limit);
    const value = this.bytes.readDoubleLE(this.at);
    this.at += 8;
    return this.plain ? value : double(value);
  }

  private string(limit: number): string {
    const start = this.at + 4;
    const end = this.stringEnd(limit);
    return this.bytes.toString("utf8", start, end);
  }

  /** Goes past a string; answers where its text ends. */
  private stringEnd(limit: number): number {
    this.need(5, limit);
    const length = this.bytes.readInt32LE(this.at);
    this.at += 4;
    if (length < 1 || length > limit - this.at || this.bytes[this.at + length - 1] !== 0) {
      throw corrupt(`string length ${length} does not fit`);
    }
    this.at += length;
    return this.at - 1;
  }

  private binary(limit: number): Binary {
    this.need(5, limit);
    let length = this.bytes.readInt32LE(this.at);
    const subtype = this.bytes[this.at + 4] as number;
    this.at += 5;
    if (subtype === 2) {
      length = this.need(4, limit) && length - 4;
      this.at += 4;
    }
    // A copy: the value may outlive the message it came in.
    return new Binary(Uint8Array.from(this.take(length, limit)), subtype);
  }

  private regex(limit: number): BSONRegExp {
    const pattern = this.cstring(limit);
    const flags = this.cstring(limit);
    return new BSONRegExp(pattern, flags);
  }

  private codeWithScope(limit: number, depth: number): Code {
    this.need(4, limit);
    const end = this.at + this.bytes.readInt32LE(this.at);
    this.at += 4;
    const code = this.string(limit);
    const scope = this.document(this.at, limit, depth + 1);
    if (this.at !== end) {
      throw corrupt("code with scope of another length");
    }
    return new Code(code, scope);
  }

  private long(limit: number): Long {
    this.need(8, limit);
    this.at += 8;
    return new Long(this.bytes.readInt32LE(this.at - 8), this.bytes.readInt32LE(this.at - 4));
  }

  private take(length: number, limit: number): Buffer {
    if (length < 0) {
      throw corrupt(`length ${length} does not fit`);
    }
    this.need(length, limit);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  private need(length: number, limit: number): true {
    if (length > limit - this.at) {
      throw corrupt("value runs over the end of its document");
    }
    return true;
  }

  private cstring(limit: number): string {
    const start = this.at;
    let hash = 0;
    for (let at = start; at < limit; at++) {
      const byte = this.bytes[at] as number;
      if (byte === 0) {
        this.at = at + 1;
        return nameAt(this.bytes, start, at, hash & NAME_MASK);
      }
      hash = (hash * 31 + byte) | 0;
    }
    throw corrupt("name without an end");
  }

  private skipCstring(limit: number): void {
    const end = this.bytes.indexOf(0, this.at);
    if (end < 0 || end >= limit) {
      throw corrupt("name without an end");
    }
    this.at = end + 1;
  }
}

/** Names come again and again: making the same string anew is what reading them costs. */
const NAMES: string[] = [];
const NAME_MASK = 1023;

function nameAt(bytes: Buffer, start: number, end: number, place: number): string {
  const known = NAMES[place];
  if (known?.length === end - start && isAt(known, bytes, start)) {
    return known;
  }
  const name = bytes.toString("utf8", start, end);
  if (name.length <= MAX_NAME) {
    NAMES[place] = name;
  }
  return name;
}

/** Long names are seldom common ones. */
const MAX_NAME = 64;

/** True for ASCII names only: the bytes of others are not their characters. */
function isAt(name: string, bytes: Buffer, start: number): boolean {
  for (let at = 0; at < name.length; at++) {
    const byte = bytes[start + at] as number;
    if (byte > 127 || byte !== name.charCodeAt(at)) {
      return false;
    }
  }
  return true;
}

function plainLong(value: Long): Long | number {
  const number = value.toNumber();
  return Number.isSafeInteger(number) ? number : value;
}

/** `__proto__` must become a field like any other; `_bsontype` would pass for a BSON class. */
function assign(out: Doc, name: string, value: unknown): void {
  if (name === "__proto__") {
    Object.defineProperty(out, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else if (name === "_bsontype") {
    throw new MongoError(2, "The field name '_bsontype' is reserved");
  } else {
    out[name] = value;
  }
}
