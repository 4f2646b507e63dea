import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedDatabase } from "../../src/embedded-db";
import { Binary, type Doc, Long } from "../../src/embedded-db/bson/values";
import { MAX_MESSAGE_BYTES } from "../../src/embedded-db/bson/encode";
import { firstLine, ServerProcess, spawnDatabase } from "./support/server-process";
import { opMsg, WireClient } from "./support/wire-client";

const MEGABYTE = 1024 * 1024;
const $db = "test";

async function residentMegabytes(client: WireClient): Promise<number> {
  const { mem } = await client.command({ serverStatus: 1, $db: "admin" });
  return (mem as { resident: number }).resident;
}

async function connectionsOf(client: WireClient): Promise<number> {
  const { connections } = await client.command({ serverStatus: 1, $db: "admin" });
  return (connections as { current: number }).current;
}

/** Asks until it is so; each question takes a turn of the server. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) {
    // The server has not seen all the ends yet.
  }
}

describe("many clients that behave badly", () => {
  let server: ServerProcess;
  let healthy: WireClient;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    server = await ServerProcess.start();
    healthy = await WireClient.connect(server.port);
  });

  afterEach(async () => {
    sockets.splice(0).forEach((socket) => socket.destroy());
    healthy.close();
    await server.kill();
  });

  async function open(): Promise<Socket> {
    const socket = connect({ port: server.port, host: "127.0.0.1" });
    sockets.push(socket);
    socket.on("error", () => undefined);
    await once(socket, "connect");
    return socket;
  }

  it("send half of a large message and no more: they hold little, and large messages still arrive", async () => {
    const half = Buffer.alloc(MAX_MESSAGE_BYTES / 2);
    half.writeInt32LE(MAX_MESSAGE_BYTES, 0);
    half.writeInt32LE(2013, 12);
    for (let count = 0; count < 40; count++) {
      (await open()).write(half);
    }
    const documents = [{ _id: 1, pad: "x".repeat(15 * MEGABYTE) }];
    expect(await healthy.command({ insert: "large", documents, $db })).toMatchObject({ n: 1 });
    expect(await residentMegabytes(healthy)).toBeLessThan(600);
  });

  it("never read their replies: those are not made, and others are served", async () => {
    const documents = [{ _id: 1, pad: "x".repeat(10 * MEGABYTE) }];
    await healthy.command({ insert: "large", documents, $db });
    const asking = Buffer.concat(Array.from({ length: 500 }, () => opMsg({ find: "large", $db })));
    for (let count = 0; count < 10; count++) {
      const socket = await open();
      socket.pause();
      socket.write(asking);
    }
    for (let count = 0; count < 20; count++) {
      await healthy.command({ find: "large", $db });
    }
    expect(await residentMegabytes(healthy)).toBeLessThan(900);
  });

  it("stay connected and say nothing, 3,000 of them", async () => {
    for (let count = 0; count < 3_000; count += 100) {
      await Promise.all(Array.from({ length: 100 }, open));
    }
    expect(await healthy.command({ ping: 1, $db })).toHaveProperty("ok");
    expect(await residentMegabytes(healthy)).toBeLessThan(400);
  });

  it("are more than 5,000: the further ones are turned away, until others have gone", async () => {
    while (sockets.length < 4_999) {
      await Promise.all(Array.from({ length: Math.min(100, 4_999 - sockets.length) }, open));
    }
    const refused = await open();
    await once(refused, "close");
    expect(await healthy.command({ ping: 1, $db })).toHaveProperty("ok");
    const gone = sockets.splice(0, 100);
    gone.forEach((socket) => socket.destroy());
    await until(async () => (await connectionsOf(healthy)) <= 4_900);
    const another = await WireClient.connect(server.port);
    expect(await another.command({ ping: 1, $db })).toHaveProperty("ok");
    another.close();
  });

  it("send on without waiting: others have their turn between two of their commands", async () => {
    const greedy = await WireClient.connect(server.port);
    sockets.push(greedy.socket);
    let answered = 0;
    // Takes some milliseconds.
    const numbers = { $sum: { $map: { input: { $range: [0, 20_000] }, in: "$$this" } } };
    const pipeline = [{ $documents: [{}] }, { $project: { sum: numbers } }];
    const command = { aggregate: 1, pipeline, cursor: {}, $db };
    const replies = Array.from({ length: 200 }, async () => {
      await greedy.command(command);
      answered++;
    });
    await once(greedy.socket, "data");
    await healthy.command({ ping: 1, $db });
    expect(answered).toBeLessThan(replies.length);
    await Promise.all(replies);
  });

  it("send on without waiting: everything is answered in order", async () => {
    const count = 5_000;
    const replies = await Promise.all(
      Array.from({ length: count }, (_, _id) =>
        healthy.command({ insert: "many", documents: [{ _id, pad: "x".repeat(_id) }], $db }),
      ),
    );
    expect(replies.filter(({ n }) => n === 1)).toHaveLength(count);
    expect(await healthy.command({ count: "many", $db })).toMatchObject({ n: count });
  });
});

describe("stopping", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "embedded-db-"));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Clients that write, read, wait for changes and hold up others, until their connection ends. */
  async function load(port: number): Promise<() => void> {
    const clients = await Promise.all(Array.from({ length: 20 }, () => WireClient.connect(port)));
    const [blocker] = clients as [WireClient];
    await blocker.command({ create: "log", capped: true, size: 100_000, $db });
    await blocker.command({ insert: "log", documents: [{ _id: 0 }], $db });
    await blocker.command({ insert: "rows", documents: [{ _id: 0, n: 0 }], $db });
    const updates = [{ q: { _id: 0 }, u: { $inc: { n: 1 } } }];
    await blocker.command({ update: "rows", updates, ...openTransaction(), $db });
    clients.forEach((client, at) => {
      void endless(
        client,
        (n) =>
          [
            { insert: "rows", documents: [{ _id: `${at} ${n}`, n }], $db },
            { find: "rows", filter: { n: { $gte: 0 } }, $db },
            { update: "rows", updates, $db },
            { find: "log", tailable: true, awaitData: true, $db },
          ][at % 4] as Doc,
      );
    });
    return () => clients.forEach((client) => client.close());
  }

  async function endless(client: WireClient, next: (n: number) => Doc): Promise<void> {
    try {
      for (let n = 0; ; n++) {
        const { cursor } = await client.command(next(n));
        const { id } = (cursor ?? {}) as { id?: unknown };
        if (id instanceof Long && !id.isZero()) {
          const maxTimeMS = 60_000;
          await client.command({ getMore: id, collection: "log", maxTimeMS, $db });
        }
      }
    } catch {
      // The server has gone.
    }
  }

  function openTransaction(): Doc {
    const lsid = { id: new Binary(Buffer.alloc(16, 1), 4) };
    return { lsid, txnNumber: Long.fromNumber(1), startTransaction: true, autocommit: false };
  }

  it("ends all connections, whatever they are busy with", async () => {
    const database = await startEmbeddedDatabase({ dataDir: folder });
    const close = await load(database.port);
    const witness = await WireClient.connect(database.port);
    await witness.command({ ping: 1, $db });
    await database.stop();
    await witness.closed;
    close();
    const again = await startEmbeddedDatabase({ dataDir: folder });
    const client = await WireClient.connect(again.port);
    expect(await client.command({ validate: "rows", $db })).toMatchObject({ valid: true });
    client.close();
    await again.stop();
  });

  it("ends on SIGTERM under load", async () => {
    const child = await spawnDatabase("--data", folder);
    const close = await load(Number(new URL(await firstLine(child)).port));
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    close();
  });

  it("ends within seconds when a command goes on for ever", async () => {
    const child = await spawnDatabase("--data", folder);
    const client = await WireClient.connect(Number(new URL(await firstLine(child)).port));
    const documents = Array.from({ length: 3_000 }, (_, _id) => ({ _id }));
    await client.command({ insert: "rows", documents, $db });
    const join = { from: "rows", pipeline: [{ $match: { $expr: { $lt: ["$_id", "$$id"] } } }] };
    const $lookup = { ...join, let: { id: "$_id" }, as: "others" };
    const pipeline = [{ $lookup }, { $unwind: "$others" }, { $count: "n" }];
    const answered = client.command({ aggregate: "rows", pipeline, cursor: {}, $db });
    answered.catch(() => undefined);
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    expect(await ended).toHaveLength(2);
    await expect(answered).rejects.toThrow();
  });
});
