import { connect } from "node:net";
import { encode } from "../../../src/embedded-db/bson/encode";
import { parseMessage } from "../../../src/embedded-db/wire/parser";
import { MessageSplitter } from "../../../src/embedded-db/wire/splitter";
import { startTestDatabase, stopTestDatabase, type TestDatabase } from "../support/database";

const MESSAGES = 5_000;
const AT_ONCE = 40;
const SECRET = "another client's secret";

/** Seeded, so that a failure can be repeated (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) % below;
  };
}

function opMsg(document: Record<string, unknown>): Buffer {
  const body = encode({ ...document, $db: "fuzz" });
  const head = Buffer.alloc(21);
  head.writeInt32LE(head.length + body.length, 0);
  head.writeInt32LE(2013, 12);
  return Buffer.concat([head, body]);
}

function nested(depth: number): Record<string, unknown> {
  let doc: Record<string, unknown> = {};
  for (let at = 0; at < depth; at++) {
    doc = at % 2 === 0 ? { a: doc } : { $and: [doc] };
  }
  return doc;
}

const VALID = [
  opMsg({ hello: 1 }),
  opMsg({ find: "a", filter: { a: { $gt: 1, $in: [1, "x", null] }, $or: [{ b: /x/i }] } }),
  opMsg({ insert: "a", documents: [{ a: 1 }, { b: "text", c: new Date(0) }] }),
  opMsg({ update: "a", updates: [{ q: { a: 1 }, u: { $inc: { n: 1 }, $push: { l: 1 } } }] }),
  opMsg({ aggregate: "a", pipeline: [{ $group: { _id: "$a", n: { $sum: 1 } } }], cursor: {} }),
  opMsg({ findAndModify: "a", query: { a: 1 }, update: { $set: { "b.c": 1 } }, upsert: true }),
  opMsg({ createIndexes: "a", indexes: [{ key: { a: 1 }, name: "a_1" }] }),
  opMsg({ getMore: 1, collection: "a" }),
  opMsg({ find: "a", filter: nested(150) }),
  opMsg({ find: "a", filter: nested(1000) }),
];

/** The ways of breaking a message; each changes a copy in place or gives another buffer. */
const MUTATIONS: ((bytes: Buffer, random: (below: number) => number) => Buffer)[] = [
  (bytes, random) => {
    for (let times = 1 + random(4); times > 0; times--) {
      bytes[random(bytes.length)] = random(256);
    }
    return bytes;
  },
  // Lengths that lie: of the message, of the document, of anything inside.
  (bytes, random) => {
    const lies = [0, 1, 15, 16, -1, 0x7fffffff, 48_000_001, bytes.length - 1, bytes.length + 1];
    const at = [0, 17, 21, random(bytes.length - 4)][random(4)] ?? 0;
    bytes.writeInt32LE(lies[random(lies.length)] ?? 0, at);
    return bytes;
  },
  (bytes, random) => {
    bytes.writeInt32LE([1, 2001, 2002, 2004, 2006, 2012, 2013, random(65_536)][random(8)] ?? 0, 12);
    return bytes;
  },
  (bytes, random) => {
    bytes.writeUInt32LE(random(2) === 0 ? (1 << random(32)) >>> 0 : random(65_536), 16);
    return bytes;
  },
  (bytes, random) => bytes.subarray(0, random(bytes.length)),
  (bytes, random) => Buffer.concat([bytes, bytes.subarray(random(bytes.length))]),
];

function broken(random: (below: number) => number): Buffer {
  const valid = VALID[random(VALID.length)] as Buffer;
  const mutate = MUTATIONS[random(MUTATIONS.length)] as (typeof MUTATIONS)[number];
  return mutate(Buffer.from(valid), random);
}

/** Sends bytes on a connection of their own and gives everything that came back. */
function exchange(port: number, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const received: Buffer[] = [];
    const socket = connect({ port, host: "127.0.0.1" });
    socket.on("data", (chunk) => received.push(chunk));
    socket.on("error", () => undefined);
    socket.once("close", () => resolve(Buffer.concat(received)));
    socket.end(bytes);
  });
}

describe("the server, given mutated messages", () => {
  let test: TestDatabase;

  beforeAll(async () => {
    test = await startTestDatabase();
  });

  afterAll(() => stopTestDatabase(test));

  it(`answers whole messages or hangs up, ${MESSAGES} times, and works on`, async () => {
    const random = randomFrom(20);
    const one = async () => {
      for (let left = MESSAGES / AT_ONCE; left > 0; left--) {
        const reply = await exchange(test.database.port, broken(random));
        const replies = [...new MessageSplitter().push(reply)];
        expect(Buffer.concat(replies).length).toBe(reply.length);
        replies.forEach((message) => {
          if (message.readInt32LE(12) === 2013) {
            expect(parseMessage(message).command).toHaveProperty("ok");
          }
        });
        expect(reply.includes(SECRET)).toBe(false);
      }
    };
    const other = test.client.db("other").collection("secrets");
    const neighbour = async () => {
      for (let left = 100; left > 0; left--) {
        await other.insertOne({ secret: SECRET });
        await other.findOne({ secret: SECRET });
      }
    };
    await Promise.all([...Array.from({ length: AT_ONCE }, one), neighbour()]);
    expect(await other.countDocuments({})).toBe(100);
    await test.db.collection("after").insertOne({ a: 1 });
    expect(await test.db.collection("after").countDocuments({ a: 1 })).toBe(1);
  });

  it("hangs up on a message that declares more than 48 MB, before reading it", async () => {
    const head = Buffer.alloc(16);
    head.writeInt32LE(48_000_001, 0);
    head.writeInt32LE(2013, 12);
    expect(await exchange(test.database.port, head)).toHaveLength(0);
  });
});
