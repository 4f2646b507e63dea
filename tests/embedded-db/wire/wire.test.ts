import { connect } from "node:net";
import { mongo } from "mongoose";
import { encode } from "../../../src/embedded-db/bson/encode";
import type { RawDocument } from "../../../src/embedded-db/bson/decode";
import { decode } from "../../../src/embedded-db/bson/decode";
import { double, Double, Long } from "../../../src/embedded-db/bson/values";
import { crc32c } from "../../../src/embedded-db/wire/crc32c";
import { parseMessage } from "../../../src/embedded-db/wire/parser";
import { MessageSplitter } from "../../../src/embedded-db/wire/splitter";
import { WireClient } from "../support/wire-client";
import { startTestDatabase, stopTestDatabase, type TestDatabase } from "../support/database";

function header(length: number, opCode = 2013): Buffer {
  const head = Buffer.alloc(16);
  head.writeInt32LE(length, 0);
  head.writeInt32LE(7, 4);
  head.writeInt32LE(opCode, 12);
  return head;
}

function message(flags: number, ...sections: Buffer[]): Buffer {
  const body = Buffer.concat(sections);
  const flagBytes = Buffer.alloc(4);
  flagBytes.writeUInt32LE(flags);
  return Buffer.concat([header(20 + body.length), flagBytes, body]);
}

function body(document: Record<string, unknown>): Buffer {
  return Buffer.concat([Buffer.from([0]), encode(document)]);
}

function sequence(name: string, ...documents: Record<string, unknown>[]): Buffer {
  const content = Buffer.concat([
    Buffer.from(`${name}\0`),
    ...documents.map((document) => encode(document)),
  ]);
  const length = Buffer.alloc(4);
  length.writeInt32LE(content.length + 4);
  return Buffer.concat([Buffer.from([1]), length, content]);
}

describe("the wire codec", () => {
  const insert = message(
    0,
    body({ insert: "a", $db: "test" }),
    sequence("documents", { _id: 1 }, { _id: 2 }),
  );

  it("gives the same message wherever the bytes are split", () => {
    const stream = Buffer.concat([insert, insert]);
    for (let at = 0; at <= stream.length; at++) {
      const splitter = new MessageSplitter();
      const messages = [
        ...splitter.push(stream.subarray(0, at)),
        ...splitter.push(stream.subarray(at)),
      ];
      expect(messages.map((bytes) => bytes.equals(insert))).toEqual([true, true]);
    }
  });

  it("puts document sequences into the command, undecoded for inserts", () => {
    const { command, requestId } = parseMessage(insert);
    expect(requestId).toBe(7);
    const documents = command["documents"] as RawDocument[];
    expect(documents.map(({ bytes }) => decode(bytes))).toEqual([{ _id: 1 }, { _id: 2 }]);
  });

  it("checks the checksum when the flag says there is one", () => {
    const plain = message(1, body({ ping: 1, $db: "admin" }), Buffer.alloc(4));
    plain.writeUInt32LE(crc32c(plain.subarray(0, -4)), plain.length - 4);
    expect(parseMessage(plain).command["ping"]).toBe(1);
    plain.writeUInt32LE(1, plain.length - 4);
    expect(() => parseMessage(plain)).toThrow("checksum");
  });

  it("knows the checksum of the specification", () => {
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  });

  it("reads the legacy greeting", () => {
    const query = encode({ isMaster: 1 });
    const name = Buffer.from("\0\0\0\0admin.$cmd\0\0\0\0\0\xff\xff\xff\xff", "latin1");
    const bytes = Buffer.concat([header(16 + name.length + query.length, 2004), name, query]);
    expect(parseMessage(bytes)).toMatchObject({
      legacy: true,
      command: { isMaster: 1, $db: "admin" },
    });
  });

  it.each([
    ["an unknown opcode", header(16, 2012)],
    ["a message without a body", message(0)],
    ["unknown required flags", message(4, body({ ping: 1 }))],
    ["a section longer than the message", message(0, Buffer.from([0, 255, 0, 0, 0, 0]))],
    ["two bodies", message(0, body({ a: 1 }), body({ a: 1 }))],
  ])("refuses %s", (_what, bytes) => {
    expect(() => parseMessage(bytes)).toThrow();
  });

  it("refuses a length below the header or above the limit", () => {
    expect(() => [...new MessageSplitter().push(header(15))]).toThrow("length");
    expect(() => [...new MessageSplitter().push(header(48_000_001))]).toThrow("length");
  });
});

describe("the BSON decoder", () => {
  it("keeps the type of every number", () => {
    const doc = {
      int: 5,
      double: new Double(5),
      long: Long.fromNumber(5),
      half: 0.5,
      big: double(2 ** 40),
    };
    const bytes = encode(doc);
    expect(encode(decode(bytes)).equals(bytes)).toBe(true);
    expect(decode(bytes)["long"]).toBeInstanceOf(Long);
  });

  it("refuses nesting beyond its limit instead of running out of stack", () => {
    let doc: Record<string, unknown> = {};
    for (let depth = 0; depth < 1000; depth++) {
      doc = { a: doc };
    }
    expect(() => decode(encode(doc))).toThrow("maximum nested object depth");
  });

  it("refuses code whose scope does not end where it says", () => {
    const bytes = encode({ a: new mongo.Code("c", { b: 1 }), _id: 1 });
    expect(decode(bytes)).toHaveProperty("_id", 1);
    const LENGTH = 7;
    bytes.writeInt32LE(bytes.readInt32LE(LENGTH) - 1, LENGTH);
    expect(() => decode(bytes)).toThrow("another length");
  });

  it("never reads beyond its document, whichever byte is changed", () => {
    const bytes = encode({ a: "text", b: [1, { c: new Date(0) }], d: Buffer.from("xyz"), e: /x/i });
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
        const broken = Buffer.from(bytes);
        broken[at] = value;
        try {
          decode(broken);
        } catch (error) {
          expect((error as { code?: number }).code).toBeDefined();
        }
      }
    }
  });
});

/** A name that encoders of documents refuse to write. */
function withReservedName(bytes: Buffer): Buffer {
  const at = bytes.indexOf("Xbsontype");
  if (at >= 0) {
    bytes.write("_", at);
  }
  return bytes;
}

function nested(depth: number): Record<string, unknown> {
  return depth === 0 ? {} : { a: nested(depth - 1) };
}

describe("the server, given broken bytes", () => {
  let test: TestDatabase;

  beforeAll(async () => {
    test = await startTestDatabase();
  });

  afterAll(() => stopTestDatabase(test));

  it.each([
    ["a field named _bsontype", { Xbsontype: 1 }, 2],
    ["nesting beyond the limit", nested(200), 15],
  ])("answers an error to %s and serves the connection on", async (_, key, code) => {
    const client = await WireClient.connect(test.database.port);
    const command = { createIndexes: "c", indexes: [{ key, name: "k" }], $db: "test" };
    await expect(client.command(command, withReservedName)).resolves.toMatchObject({ code });
    await expect(client.command({ ping: 1, $db: "test" })).resolves.not.toHaveProperty("code");
    client.close();
  });

  it("closes that connection and serves the others", async () => {
    const valid = message(0, body({ ping: 1, $db: "admin" }));
    for (let at = 0; at < valid.length; at++) {
      const broken = Buffer.from(valid);
      broken[at] = (broken[at] as number) ^ 0xff;
      const socket = connect({ port: test.database.port, host: "127.0.0.1" });
      socket.on("error", () => undefined);
      await new Promise((resolve) => socket.once("connect", resolve));
      socket.end(broken);
      await new Promise((resolve) => socket.once("close", resolve).resume());
    }
    await expect(test.db.command({ ping: 1 })).resolves.toMatchObject({ ok: 1 });
  });
});
