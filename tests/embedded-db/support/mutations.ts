import {
  Binary,
  BSONRegExp,
  Code,
  Decimal128,
  double,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
} from "../../../src/embedded-db/bson/values";
import { encode } from "../../../src/embedded-db/bson/encode";
import type { Doc } from "../../../src/embedded-db/bson/values";
import { crc32c } from "../../../src/embedded-db/wire/crc32c";
import type { Random } from "./random";
import { opMsg } from "./wire-client";

const DB = "fuzz";
const LENGTH = 0;
const OPCODE = 12;
const FLAGS = 16;
const BODY = 21;

const OPCODES = [0, 1, 2001, 2002, 2004, 2005, 2006, 2007, 2010, 2011, 2012, 2013, -1];
const BSON_TYPES = [...Array.from({ length: 0x14 }, (_, type) => type), 0x7f, 0xff, 0x80];

/** One value of every type. */
const EVERYTHING: Doc = {
  double: double(1.5),
  string: "text",
  document: { a: { b: {} } },
  array: [1, [2, [3]]],
  binary: new Binary(Buffer.from("bytes"), 0),
  id: new ObjectId("0123456789abcdef01234567"),
  boolean: true,
  date: new Date(0),
  null: null,
  regex: new BSONRegExp("^a.*b$", "i"),
  code: new Code("return 1", { a: 1 }),
  int: 1,
  timestamp: new Timestamp({ t: 1, i: 2 }),
  long: Long.fromString("9007199254740993"),
  decimal: Decimal128.fromString("1.10"),
  min: new MinKey(),
  max: new MaxKey(),
};

function nested(depth: number): Doc {
  let doc: Doc = {};
  for (let at = 0; at < depth; at++) {
    doc = at % 2 === 0 ? { a: doc } : { $and: [doc] };
  }
  return doc;
}

function message(command: Doc): Buffer {
  return opMsg({ ...command, $db: DB }, 7);
}

/** A command whose documents stand in a section of their own. */
export function withDocuments(command: Doc, ...documents: Buffer[]): Buffer {
  const content = Buffer.concat([Buffer.from("documents\0"), ...documents]);
  const head = Buffer.alloc(5);
  head[0] = 1;
  head.writeInt32LE(content.length + 4, 1);
  return withLength(Buffer.concat([message(command), head, content]));
}

function withSequence(): Buffer {
  return withDocuments({ insert: "a" }, encode({ _id: 1, ...EVERYTHING }), encode({ b: 2 }));
}

function withChecksum(bytes: Buffer): Buffer {
  const all = withLength(Buffer.concat([bytes, Buffer.alloc(4)]));
  all.writeUInt32LE(1, FLAGS);
  all.writeUInt32LE(crc32c(all.subarray(0, -4)), all.length - 4);
  return all;
}

function greeting(): Buffer {
  const name = Buffer.from("admin.$cmd\0");
  const head = Buffer.alloc(20);
  head.writeInt32LE(2004, OPCODE);
  const tail = Buffer.alloc(8);
  tail.writeInt32LE(-1, 4);
  return withLength(Buffer.concat([head, name, tail, encode({ isMaster: 1, helloOk: true })]));
}

function compressed(): Buffer {
  const head = Buffer.alloc(25);
  head.writeInt32LE(2012, OPCODE);
  head.writeInt32LE(2013, 16);
  head.writeInt32LE(1000, 20);
  head[24] = 2;
  return withLength(Buffer.concat([head, message({ ping: 1 }).subarray(16)]));
}

function withLength(bytes: Buffer): Buffer {
  bytes.writeInt32LE(bytes.length, LENGTH);
  return bytes;
}

const VALID = [
  message({ hello: 1 }),
  message({ find: "a", filter: { a: { $gt: 1, $in: [1, "x", null] }, $or: [{ b: /x/i }] } }),
  message({ find: "a", filter: { document: EVERYTHING, array: { $elemMatch: { $gt: 1 } } } }),
  message({ insert: "a", documents: [EVERYTHING, { b: "text", c: new Date(0) }] }),
  message({ update: "a", updates: [{ q: { a: 1 }, u: { $inc: { n: 1 }, $push: { l: 1 } } }] }),
  message({ update: "a", updates: [{ q: {}, u: [{ $set: { x: "$string" } }], multi: true }] }),
  message({ delete: "a", deletes: [{ q: { b: "text" }, limit: 1 }] }),
  message({ aggregate: "a", pipeline: [{ $group: { _id: "$a", n: { $sum: 1 } } }], cursor: {} }),
  message({ findAndModify: "a", query: { a: 1 }, update: { $set: { "b.c": 1 } }, upsert: true }),
  message({ createIndexes: "a", indexes: [{ key: { a: 1 }, name: "a_1" }] }),
  message({ getMore: Long.fromNumber(1), collection: "a" }),
  message({ distinct: "a", key: "string", query: {} }),
  message({ insert: "a", documents: [{}], lsid: { id: EVERYTHING["binary"] }, txnNumber: 1 }),
  message({ find: "a", filter: nested(150) }),
  message({ find: "a", filter: nested(1000) }),
  withSequence(),
  withChecksum(withSequence()),
  withChecksum(message({ count: "a", query: EVERYTHING })),
  greeting(),
  compressed(),
];

type Mutate = (bytes: Buffer, random: Random) => Buffer;

/** The ways of breaking a message; each changes its copy in place or gives another buffer. */
const MUTATIONS: Mutate[] = [
  flipped,
  (bytes, random) => withLength(flipped(bytes, random)),
  (bytes, random) => withChecksum(withLength(flipped(bytes, random))),
  // Lengths that lie: of the message, of the document, of anything inside.
  (bytes, random) => {
    const lies = [0, 1, 4, 15, 16, -1, 0x7fffffff, 48_000_001, bytes.length - 1, bytes.length + 1];
    const at = [LENGTH, 17, BODY, random(bytes.length - 4)][random(4)] as number;
    bytes.writeInt32LE(lies[random(lies.length)] as number, at);
    return bytes;
  },
  (bytes, random) => {
    const known = OPCODES[random(OPCODES.length)] as number;
    bytes.writeInt32LE(random(2) === 0 ? known : random(65_536), OPCODE);
    return bytes;
  },
  (bytes, random) => {
    const flags = random(2) === 0 ? (1 << random(32)) >>> 0 : random(65_536);
    bytes.writeUInt32LE(flags, FLAGS);
    return bytes;
  },
  // Another type before the same bytes: values that end too early or too late.
  (bytes, random) => {
    const at = BODY + 4 + random(bytes.length - BODY - 4);
    bytes[at] = BSON_TYPES[random(BSON_TYPES.length)] as number;
    return bytes;
  },
  (bytes, random) => bytes.subarray(0, random(bytes.length)),
  // Cut off, with lengths that say it is whole.
  (bytes, random) => {
    const cut = Buffer.from(bytes.subarray(0, BODY + 4 + random(bytes.length - BODY - 4)));
    cut.writeInt32LE(cut.length - BODY, BODY);
    cut[cut.length - 1] = 0;
    return withLength(cut);
  },
  (bytes, random) => withLength(Buffer.concat([bytes, bytes.subarray(random(bytes.length))])),
];

function flipped(bytes: Buffer, random: Random): Buffer {
  for (let times = 1 + random(4); times > 0; times--) {
    bytes[random(bytes.length)] = random(256);
  }
  return bytes;
}

/** A message that something is wrong with, most of the time. */
export function brokenMessage(random: Random): Buffer {
  const valid = VALID[random(VALID.length)] as Buffer;
  const mutate = MUTATIONS[random(MUTATIONS.length)] as Mutate;
  return mutate(Buffer.from(valid), random);
}
