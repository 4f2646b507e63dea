import { connect, type Socket } from "node:net";
import { MAX_DOCUMENT_BYTES, MAX_MESSAGE_BYTES } from "../../../src/embedded-db/bson/encode";
import { parseMessage } from "../../../src/embedded-db/wire/parser";
import { MessageSplitter } from "../../../src/embedded-db/wire/splitter";
import { brokenMessage, withDocuments } from "../support/mutations";
import { type Random, randomFrom } from "../support/random";
import { ServerProcess } from "../support/server-process";
import { opMsg, WireClient } from "../support/wire-client";

const MESSAGES = 100_000;
const AT_ONCE = 20;
const SECRET = "another client's secret";
const PROBE_ID = 0x7ffffff0;
const PROBE = opMsg({ ping: 1, $db: "fuzz" }, PROBE_ID);
const RESPONSE_TO = 8;
const OPCODE = 12;
const MEGABYTES_AFTER = 400;

/** A connection for bad messages. What comes back is checked as it comes. */
class Attacker {
  private readonly splitter = new MessageSplitter();
  private readonly received: Buffer[] = [];
  private told: () => void = () => undefined;
  readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.socket.on("error", () => undefined);
    this.socket.once("close", () => this.told());
    this.socket.on("data", (chunk: Buffer) => {
      this.received.push(...this.splitter.push(chunk));
      this.told();
    });
  }

  /** Sends bytes and gives every reply; the connection lives on unless the server has ended it. */
  async exchange(bytes: Buffer): Promise<Buffer[]> {
    const whole = bytes.length >= 16 && bytes.readInt32LE(0) === bytes.length;
    if (whole) {
      this.socket.write(Buffer.concat([bytes, PROBE]));
    } else {
      this.socket.end(bytes);
    }
    while (!this.socket.closed && !this.received.some(isProbed)) {
      await new Promise<void>((resolve) => (this.told = resolve));
    }
    return this.received.splice(0);
  }
}

function isProbed(reply: Buffer): boolean {
  return reply.readInt32LE(RESPONSE_TO) === PROBE_ID;
}

function checkReplies(replies: readonly Buffer[]): void {
  expect(replies.filter((reply) => !isProbed(reply)).length).toBeLessThanOrEqual(1);
  for (const reply of replies) {
    if (reply.includes(SECRET)) {
      throw new Error(`a reply holds what another client sent: ${reply.toString("latin1")}`);
    }
    if (reply.readInt32LE(OPCODE) === 2013 && !("ok" in parseMessage(reply).command)) {
      throw new Error(`not a reply: ${reply.toString("hex")}`);
    }
  }
}

async function attack(port: number, messages: number, random: Random): Promise<void> {
  let attacker = new Attacker(port);
  for (let left = messages; left > 0; left--) {
    const message = brokenMessage(random);
    checkReplies(await attacker.exchange(message));
    if (attacker.socket.destroyed) {
      attacker = new Attacker(port);
    }
  }
  attacker.socket.destroy();
}

describe("the server, given mutated messages", () => {
  let server: ServerProcess;
  let client: WireClient;

  beforeAll(async () => {
    server = await ServerProcess.start();
    client = await WireClient.connect(server.port);
  });

  afterAll(async () => {
    client.close();
    await server.kill();
  });

  /** Another client's work on the same server: it must never notice anything. */
  async function neighbour(done: () => boolean): Promise<number> {
    const $db = "other";
    let written = 0;
    while (!done()) {
      const documents = [{ _id: written, secret: SECRET.repeat(1 + (written % 50)) }];
      expect(await client.command({ insert: "secrets", documents, $db })).toMatchObject({ n: 1 });
      const found = await client.command({ find: "secrets", filter: { _id: written }, $db });
      expect(found).toMatchObject({ cursor: { firstBatch: documents } });
      written++;
      if (written % 50 === 0) {
        await client.command({ dropDatabase: 1, $db: "fuzz" });
      }
    }
    return written;
  }

  it(`answers whole messages or hangs up, ${MESSAGES} times, and works on in bounded memory`, async () => {
    const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000);
    let done = false;
    const attacks = Promise.all(
      Array.from({ length: AT_ONCE }, (_, lane) =>
        attack(server.port, MESSAGES / AT_ONCE, randomFrom(seed + lane)),
      ),
    )
      .catch((cause: unknown) => {
        throw new Error(`with FUZZ_SEED=${seed}`, { cause });
      })
      .finally(() => (done = true));
    const [written] = await Promise.all([neighbour(() => done), attacks]);
    expect(await client.command({ count: "secrets", $db: "other" })).toMatchObject({ n: written });
    const { mem } = await client.command({ serverStatus: 1, $db: "admin" });
    expect((mem as { resident: number }).resident).toBeLessThan(MEGABYTES_AFTER);
  }, 400_000);

  it("hangs up on a message that declares more than 48 MB, before reading it", async () => {
    const head = Buffer.alloc(16);
    head.writeInt32LE(MAX_MESSAGE_BYTES + 1, 0);
    head.writeInt32LE(2013, OPCODE);
    expect(await new Attacker(server.port).exchange(head)).toEqual([]);
  });

  it("takes a message of 48 MB and documents of 16 MB, and refuses a byte more", async () => {
    // A mutated name may have made a database that differs from this one in case only.
    const { databases } = await client.command({ listDatabases: 1, $db: "admin" });
    for (const { name } of databases as { name: string }[]) {
      await client.command({ dropDatabase: 1, $db: name });
    }
    const attacker = new Attacker(server.port);
    const insert = async (message: Buffer) => {
      const [reply] = await attacker.exchange(message);
      return reply && parseMessage(reply).command;
    };
    const tooLarge = { n: 0, writeErrors: [{ index: 0 }] };
    const overhead = withDocuments({ insert: "large" }, paddedDocument(100)).length - 100;
    const largest = (bytes: number) =>
      withDocuments({ insert: "large" }, paddedDocument(bytes - overhead));
    expect(await insert(largest(MAX_MESSAGE_BYTES))).toMatchObject(tooLarge);
    const documentOf = (bytes: number) => withDocuments({ insert: "large" }, paddedDocument(bytes));
    expect(await insert(documentOf(MAX_DOCUMENT_BYTES + 1))).toMatchObject(tooLarge);
    expect(await insert(documentOf(MAX_DOCUMENT_BYTES))).toMatchObject({ n: 1 });
    expect(await insert(largest(MAX_MESSAGE_BYTES + 1))).toBeUndefined();
    await expect(client.command({ ping: 1, $db: "fuzz" })).resolves.toHaveProperty("ok");
  });
});

/** A document of that many bytes, its `_id` being what fills it. */
function paddedDocument(bytes: number): Buffer {
  const doc = Buffer.alloc(bytes, "x");
  const head = Buffer.from("\x05_id\0", "latin1");
  doc.writeInt32LE(bytes, 0);
  head.copy(doc, 4);
  doc.writeInt32LE(bytes - 15, 9);
  doc[13] = 0;
  doc[bytes - 1] = 0;
  return doc;
}
