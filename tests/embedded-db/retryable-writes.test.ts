import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mongo } from "mongoose";
import { type EmbeddedDatabase, startEmbeddedDatabase } from "../../src/embedded-db";
import { CuttingProxy } from "./support/cutting-proxy";
import { ServerProcess } from "./support/server-process";
import { WireClient } from "./support/wire-client";

interface Row {
  _id: number;
  n: number;
}

type Rows = mongo.Collection<Row>;

interface Case {
  /** The command whose reply is lost. */
  command: string;
  run: (rows: Rows, client: mongo.MongoClient) => Promise<unknown>;
  result: unknown;
  /** What is stored afterwards; before it was 1 and 2, both with n = 0. */
  after: Row[];
}

const FIRST = { _id: 1, n: 0 };
const SECOND = { _id: 2, n: 0 };

async function transfer(rows: Rows, client: mongo.MongoClient): Promise<number> {
  let attempts = 0;
  await client.withSession((session) =>
    session.withTransaction(async () => {
      attempts++;
      await rows.updateOne({ _id: 1 }, { $inc: { n: -5 } }, { session });
      await rows.updateOne({ _id: 2 }, { $inc: { n: 5 } }, { session });
    }),
  );
  return attempts;
}

const CASES: Record<string, Case> = {
  insertOne: {
    command: "insert",
    run: (rows) => rows.insertOne({ _id: 3, n: 0 }),
    result: { acknowledged: true, insertedId: 3 },
    after: [FIRST, SECOND, { _id: 3, n: 0 }],
  },
  insertMany: {
    command: "insert",
    run: (rows) =>
      rows.insertMany([
        { _id: 3, n: 0 },
        { _id: 4, n: 0 },
      ]),
    result: { insertedCount: 2 },
    after: [FIRST, SECOND, { _id: 3, n: 0 }, { _id: 4, n: 0 }],
  },
  updateOne: {
    command: "update",
    run: (rows) => rows.updateOne({ _id: 1 }, { $inc: { n: 1 } }),
    result: { matchedCount: 1, modifiedCount: 1 },
    after: [{ _id: 1, n: 1 }, SECOND],
  },
  "an upsert": {
    command: "update",
    run: (rows) => rows.updateOne({ _id: 3 }, { $inc: { n: 1 } }, { upsert: true }),
    result: { matchedCount: 0, upsertedId: 3, upsertedCount: 1 },
    after: [FIRST, SECOND, { _id: 3, n: 1 }],
  },
  findOneAndUpdate: {
    command: "findAndModify",
    run: (rows) =>
      rows.findOneAndUpdate({ _id: 1 }, { $inc: { n: 1 } }, { returnDocument: "after" }),
    result: { _id: 1, n: 1 },
    after: [{ _id: 1, n: 1 }, SECOND],
  },
  deleteOne: {
    command: "delete",
    run: (rows) => rows.deleteOne({}),
    result: { deletedCount: 1 },
    after: [SECOND],
  },
  "a bulkWrite of a collection": {
    command: "update",
    run: (rows) =>
      rows.bulkWrite([
        { insertOne: { document: { _id: 3, n: 0 } } },
        { updateOne: { filter: { _id: 1 }, update: { $inc: { n: 1 } } } },
        { updateOne: { filter: { _id: 2 }, update: { $inc: { n: 1 } } } },
      ]),
    result: { insertedCount: 1, modifiedCount: 2 },
    after: [
      { _id: 1, n: 1 },
      { _id: 2, n: 1 },
      { _id: 3, n: 0 },
    ],
  },
  "a bulkWrite of the client": {
    command: "bulkWrite",
    run: (rows, client) =>
      client.bulkWrite<Record<string, Row>>([
        { name: "insertOne", namespace: rows.namespace, document: { _id: 3, n: 0 } },
        {
          name: "updateOne",
          namespace: rows.namespace,
          filter: { _id: 1 },
          update: { $inc: { n: 1 } },
        },
      ]),
    result: { insertedCount: 1, modifiedCount: 1 },
    after: [{ _id: 1, n: 1 }, SECOND, { _id: 3, n: 0 }],
  },
  "the commit of a transaction": {
    command: "commitTransaction",
    run: transfer,
    result: 1,
    after: [
      { _id: 1, n: -5 },
      { _id: 2, n: 5 },
    ],
  },
};

/** Runs a case through a proxy that loses its reply, and compares what came of it. */
async function check(
  name: string,
  uri: string,
  proxy: CuttingProxy,
  meanwhile?: () => Promise<void>,
): Promise<void> {
  const { command, run, result, after } = CASES[name] as Case;
  // Its monitor must not hear of the end of the server, too, and clear the pool under the one retry.
  const client = await mongo.MongoClient.connect(uri, { serverMonitoringMode: "poll" });
  try {
    const rows = client.db("retry").collection<Row>(name);
    await rows.insertMany([FIRST, SECOND]);
    const cuts = proxy.cuts;
    proxy.cutReplyTo(command, meanwhile);
    const answer = await run(rows, client);
    expect(proxy.cuts).toBe(cuts + 1);
    if (typeof result === "object") {
      expect(answer).toMatchObject(result as object);
    } else {
      expect(answer).toBe(result);
    }
    expect(await rows.find().sort({ _id: 1 }).toArray()).toEqual(after);
  } finally {
    await client.close();
  }
}

describe("a write whose reply was lost is applied once and answered rightly:", () => {
  it.each(Object.keys(CASES))("%s", async (name) => {
    const database = await startEmbeddedDatabase();
    const proxy = await CuttingProxy.start(database.port);
    await check(name, proxy.uri, proxy);
    await proxy.stop();
    await database.stop();
  });
});

describe("also when the server was killed before the reply and started again:", () => {
  let folder: string;
  let server: ServerProcess;
  let proxy: CuttingProxy;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "embedded-db-"));
    server = await ServerProcess.start(folder);
    proxy = await CuttingProxy.start(server.port);
  });

  afterAll(async () => {
    await proxy.stop();
    await server.kill();
    rmSync(folder, { recursive: true });
  });

  it.each(Object.keys(CASES))("%s", async (name) => {
    await check(name, proxy.uri, proxy, async () => {
      const { port } = server;
      await server.kill();
      server = await ServerProcess.start(folder);
      expect(server.port).toBe(port);
    });
  });
});

describe("a write that is asked for again while it still waits", () => {
  it("is applied once", async () => {
    const database = await startEmbeddedDatabase();
    const client = await mongo.MongoClient.connect(database.uri);
    const rows = client.db("retry").collection<Row>("rows");
    await rows.insertOne({ _id: 1, n: 0 });
    const session = client.startSession();
    session.startTransaction();
    await rows.updateOne({ _id: 1 }, { $inc: { n: 10 } }, { session });

    const command = {
      update: "rows",
      updates: [{ q: { _id: 1 }, u: { $inc: { n: 1 } } }],
      lsid: { id: new mongo.UUID() },
      txnNumber: mongo.Long.fromNumber(1),
      $db: "retry",
    };
    const askers = await Promise.all([
      WireClient.connect(database.port),
      WireClient.connect(database.port),
    ]);
    const replies = askers.map((asker) => asker.command(command));
    await client.db("retry").command({ ping: 1 });
    await session.commitTransaction();
    const [first, second] = await Promise.all(replies);
    expect(first).toMatchObject({ n: 1, nModified: 1 });
    expect(second).toMatchObject({ n: 1, nModified: 1, retriedStmtIds: [0] });
    expect(await rows.findOne()).toEqual({ _id: 1, n: 11 });

    askers.forEach((asker) => asker.close());
    await session.endSession();
    await client.close();
    await database.stop();
  });
});

describe("a retried write says which statements had been executed before:", () => {
  type Doc = mongo.BSON.Document;
  let database: EmbeddedDatabase;
  let client: WireClient;
  let lsid: Doc;

  beforeAll(async () => {
    database = await startEmbeddedDatabase();
    client = await WireClient.connect(database.port);
  });

  afterAll(async () => {
    client.close();
    await database.stop();
  });

  beforeEach(async () => {
    await client.command({ dropDatabase: 1, $db: "retry" });
    await client.command({ insert: "c", documents: [FIRST], $db: "retry" });
    lsid = { id: new mongo.UUID() };
  });

  const send = ({ $db = "retry", ...command }: Doc) =>
    client.command({ ...command, lsid, txnNumber: mongo.Long.ONE, $db });

  const rows = async () => {
    const { cursor } = await client.command({ find: "c", sort: { _id: 1 }, $db: "retry" });
    return (cursor as { firstBatch: Row[] }).firstBatch;
  };

  const insert = (ids: number[], more: Doc = {}): Doc => ({
    insert: "c",
    documents: ids.map((_id) => ({ _id, n: 0 })),
    ...more,
  });
  const update = {
    update: "c",
    updates: [
      { q: { _id: 1 }, u: { $inc: { n: 1 } } },
      { q: { _id: 1 }, u: { $inc: { n: 1 } } },
    ],
  };

  it.each<[string, Doc, Doc]>([
    ["an insertion", insert([2, 3]), { n: 2, retriedStmtIds: [0, 1] }],
    ["an update", update, { n: 2, nModified: 2, retriedStmtIds: [0, 1] }],
    ["a deletion", { delete: "c", deletes: [{ q: {}, limit: 1 }] }, { n: 1, retriedStmtIds: [0] }],
    [
      "findAndModify",
      { findAndModify: "c", query: { _id: 1 }, update: { $inc: { n: 1 } } },
      { value: FIRST, retriedStmtId: 0 },
    ],
    [
      "bulkWrite",
      {
        bulkWrite: 1,
        ops: [
          { insert: 0, document: { _id: 2 } },
          { delete: 0, filter: { _id: 1 } },
        ],
        nsInfo: [{ ns: "retry.c" }],
        $db: "admin",
      },
      { nInserted: 1, nDeleted: 1, retriedStmtIds: [0, 1] },
    ],
    [
      "an ordered one up to its error",
      insert([2, 1, 3]),
      { n: 1, writeErrors: [{ index: 1, code: 11000 }], retriedStmtIds: [0] },
    ],
    [
      "an unordered one without its errors",
      insert([2, 1, 3], { ordered: false }),
      { n: 2, writeErrors: [{ index: 1, code: 11000 }], retriedStmtIds: [0, 2] },
    ],
    ["one whose first is named", insert([2, 3], { stmtId: 5 }), { n: 2, retriedStmtIds: [5, 6] }],
    ["one of named ones", insert([2, 3], { stmtIds: [7, 4] }), { n: 2, retriedStmtIds: [7, 4] }],
    [
      "a named findAndModify",
      { findAndModify: "c", query: { _id: 1 }, remove: true, stmtId: 3 },
      { value: FIRST, retriedStmtId: 3 },
    ],
  ])("%s", async (_what, command, retried) => {
    const first = await send(command);
    expect(first).not.toHaveProperty("retriedStmtIds");
    expect(first).not.toHaveProperty("retriedStmtId");
    const after = await rows();
    expect(await send(command)).toMatchObject(retried);
    expect(await rows()).toEqual(after);
  });

  it("those of its own command, when it comes in several", async () => {
    const [one, two] = [insert([2], { stmtId: 0 }), insert([3, 4], { stmtIds: [1, 2] })];
    expect(await send(one)).not.toHaveProperty("retriedStmtIds");
    expect(await send(two)).not.toHaveProperty("retriedStmtIds");
    expect(await send(one)).toMatchObject({ n: 1, retriedStmtIds: [0] });
    expect(await send(two)).toMatchObject({ n: 2, retriedStmtIds: [1, 2] });
    expect((await rows()).map(({ _id }) => _id)).toEqual([1, 2, 3, 4]);
  });

  it.each<[string, number, Doc[]]>([
    ["some statements of another command", 217, [insert([2, 3]), insert([3, 4], { stmtId: 1 })]],
    ["both ways of naming", 72, [insert([2], { stmtId: 1, stmtIds: [1] })]],
    ["fewer names than statements", 16, [insert([2, 3], { stmtIds: [1] })]],
    ["names that are no array", 14, [insert([2], { stmtIds: 1 })]],
    ["a name that is no number", 14, [insert([2], { stmtIds: ["1"] })]],
  ])("%s: refused with %i", async (_what, code, commands) => {
    let reply: Doc = {};
    for (const command of commands) {
      reply = await send(command);
    }
    expect(reply).toMatchObject({ code });
  });

  it("also after a restart", async () => {
    const folder = mkdtempSync(join(tmpdir(), "embedded-db-"));
    const sent = { lsid, txnNumber: mongo.Long.ONE, $db: "retry" };
    const commands = [insert([2], { stmtId: 0 }), insert([3, 4], { stmtIds: [1, 2] })];
    const ask = async () => {
      const server = await ServerProcess.start(folder);
      const asker = await WireClient.connect(server.port);
      const replies: Doc[] = [];
      for (const command of commands) {
        replies.push(await asker.command({ ...command, ...sent }));
      }
      asker.close();
      await server.kill();
      return replies.map(({ n, retriedStmtIds }) => ({ n, retriedStmtIds }));
    };
    await ask();
    expect(await ask()).toEqual([
      { n: 1, retriedStmtIds: [0] },
      { n: 2, retriedStmtIds: [1, 2] },
    ]);
    rmSync(folder, { recursive: true });
  });
});

describe("the handshake", () => {
  it("announces sessions and a replica set, without which drivers do not retry", async () => {
    const database = await startEmbeddedDatabase();
    const client = await WireClient.connect(database.port);
    const hello = await client.command({ hello: 1, $db: "admin" });
    expect(hello).toMatchObject({
      isWritablePrimary: true,
      logicalSessionTimeoutMinutes: 30,
      setName: "embedded",
      hosts: [`127.0.0.1:${database.port}`],
      me: `127.0.0.1:${database.port}`,
    });
    expect(hello["maxWireVersion"]).toBeGreaterThanOrEqual(6);
    client.close();
    await database.stop();
  });
});
