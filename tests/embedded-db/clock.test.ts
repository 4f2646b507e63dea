import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mongo } from "mongoose";
import { LogicalClock } from "../../src/embedded-db/logical-clock";
import { MemoryStorage } from "../../src/embedded-db/storage/memory";
import { startTestDatabase, stopTestDatabase, type TestDatabase } from "./support/database";
import { ServerProcess } from "./support/server-process";
import { WireClient } from "./support/wire-client";

type Doc = mongo.BSON.Document;

const { Timestamp, Long, Binary } = mongo.BSON;

let test: TestDatabase;
let wire: WireClient;
let rows: mongo.Collection<{ _id: number; n?: number }>;

beforeAll(async () => {
  test = await startTestDatabase();
  wire = await WireClient.connect(test.database.port);
});

afterAll(async () => {
  wire.close();
  await stopTestDatabase(test);
});

beforeEach(async () => {
  await test.db.dropDatabase();
  rows = test.db.collection("c");
  await rows.insertMany([{ _id: 1 }, { _id: 2 }]);
});

/** What makes the server tell a cluster time. */
const ASKING = { $clusterTime: { clusterTime: new Timestamp({ t: 1, i: 1 }) } };

function send(command: Doc, $db = "test"): Promise<Doc> {
  return wire.command({ ...command, $db });
}

function operationTime(reply: Doc): mongo.Timestamp {
  return reply["operationTime"] as mongo.Timestamp;
}

function clusterTime(reply: Doc): mongo.Timestamp {
  return (reply["$clusterTime"] as Doc)["clusterTime"] as mongo.Timestamp;
}

function later(time: mongo.Timestamp, seconds: number): mongo.Timestamp {
  return new Timestamp({ t: time.t + seconds, i: 1 });
}

async function now(): Promise<mongo.Timestamp> {
  return operationTime(await send({ ping: 1 }));
}

let sentinels = 0;

/** What a stream from a time on tells, up to a document that is inserted now. */
async function changesFrom(time: mongo.Timestamp, collection = rows): Promise<string[]> {
  const startAtOperationTime = time;
  const stream = collection.watch([], { startAtOperationTime, maxAwaitTimeMS: 20 });
  const last = --sentinels;
  await collection.insertOne({ _id: last });
  const told: string[] = [];
  for await (const event of stream) {
    const { documentKey, operationType } = event as mongo.ChangeStreamInsertDocument<{
      _id: number;
    }>;
    if (documentKey._id === last) {
      break;
    }
    told.push(`${operationType} ${documentKey._id}`);
  }
  await stream.close();
  return told.filter((change) => !change.includes("-"));
}

const insert = (_id: number, more: Doc = {}): Doc => ({
  insert: "c",
  documents: [{ _id }],
  ...more,
});

describe("every reply tells the time:", () => {
  it.each<[string, Doc, string?]>([
    ["a ping", { ping: 1 }],
    ["hello", { hello: 1 }],
    ["a find", { find: "c" }],
    ["a write", insert(9)],
    ["an error", { find: "c", filter: { $nope: 1 } }],
    ["a write error", insert(1)],
    ["an unknown command", { nope: 1 }],
    ["a write that cannot be satisfied", insert(8, { writeConcern: { w: 3 } })],
    ["a cursor", { aggregate: "c", pipeline: [], cursor: { batchSize: 1 } }],
  ])("%s", async (_what, command) => {
    const quiet = await send({ find: "c" });
    expect(Object.keys(quiet).at(-1)).toBe("operationTime");
    expect(quiet).not.toHaveProperty("$clusterTime");
    const reply = await send({ ...command, ...ASKING });
    const names = Object.keys(reply).slice(-2);
    expect(names).toEqual(["$clusterTime", "operationTime"]);
    expect(reply["$clusterTime"]).toEqual({
      clusterTime: expect.any(Timestamp) as mongo.Timestamp,
      signature: { hash: new Binary(new Uint8Array(20)), keyId: Long.ZERO },
    });
    expect(operationTime(reply).t).toBeGreaterThan(0);
    expect(operationTime(reply).compare(clusterTime(reply))).toBeLessThanOrEqual(0);
  });

  it("that of a write to the write, a later one to who reads it, the same to all who read", async () => {
    const before = await now();
    const written = operationTime(await send(insert(3)));
    const read = operationTime(await send({ find: "c" }));
    expect(written.compare(before)).toBe(1);
    expect(read.compare(written)).toBe(1);
    expect(await now()).toEqual(read);
    const unchanged = await send({
      update: "c",
      updates: [{ q: { _id: 99 }, u: { $set: { n: 1 } } }],
    });
    expect(operationTime(unchanged)).toEqual(read);
  });

  it("as hello, serverStatus, replSetGetStatus and $$CLUSTER_TIME do", async () => {
    const time = await now();
    const project = [{ $limit: 1 }, { $project: { _id: 0, at: "$$CLUSTER_TIME" } }];
    const [hello, status, replica, pipeline] = await Promise.all([
      send({ hello: 1 }),
      send({ serverStatus: 1 }),
      send({ replSetGetStatus: 1 }, "admin"),
      send({ aggregate: "c", pipeline: project, cursor: {} }),
    ]);
    const opTime = { ts: time, t: Long.ONE };
    expect(hello).toMatchObject({ operationTime: time, lastWrite: { opTime } });
    expect(status).toMatchObject({ repl: { lastWrite: { opTime, majorityOpTime: opTime } } });
    expect(replica).toMatchObject({
      optimes: { lastCommittedOpTime: opTime },
      members: [{ optime: opTime }],
    });
    expect(pipeline).toMatchObject({ cursor: { firstBatch: [{ at: time }] } });
  });
});

describe("a change stream from the time of a reply", () => {
  it("tells exactly what came after a read", async () => {
    const times = [await now()];
    for (const _id of [3, 4, 5]) {
      await rows.insertOne({ _id });
      times.push(await now());
    }
    await rows.deleteMany({ _id: { $in: [3, 4] } });
    const all = ["insert 3", "insert 4", "insert 5", "delete 3", "delete 4"];
    for (const [at, time] of times.entries()) {
      expect(await changesFrom(time)).toEqual(all.slice(at));
    }
  });

  it("begins with a write itself, and with all of a transaction", async () => {
    await rows.insertOne({ _id: 3 });
    const time = operationTime(await send(insert(4)));
    await rows.insertOne({ _id: 5 });
    expect(await changesFrom(time)).toEqual(["insert 4", "insert 5"]);
    await test.client.withSession(async (session) => {
      await session.withTransaction(async () => {
        await rows.insertMany([{ _id: 6 }, { _id: 7 }], { session });
      });
      expect(await changesFrom(session.operationTime as mongo.Timestamp)).toEqual([
        "insert 6",
        "insert 7",
      ]);
    });
  });

  it("is told the times of the replies to the writes", async () => {
    const stream = rows.watch([], { startAtOperationTime: await now() });
    const times = [
      operationTime(await send(insert(3))),
      operationTime(await send({ delete: "c", deletes: [{ q: { _id: 3 }, limit: 1 }] })),
    ];
    const events = [await stream.next(), await stream.next()];
    expect(events.map((event) => event.clusterTime)).toEqual(times);
    await stream.close();
  });

  it("begins right behind what has been forgotten", async () => {
    const before = await now();
    await rows.insertOne({ _id: 3 });
    const startAtOperationTime = await now();
    // More than is remembered together with anything else.
    await rows.insertMany(Array.from({ length: 12_000 }, (_, n) => ({ _id: n + 10 })));
    const stream = rows.watch([], { startAtOperationTime });
    expect(await stream.next()).toMatchObject({ documentKey: { _id: 10 } });
    await stream.close();
    const forgotten = rows.watch([], { startAtOperationTime: before });
    await expect(forgotten.next()).rejects.toMatchObject({ code: 286 });
    await forgotten.close();
  });

  it("is refused for what is no time", async () => {
    const stage = { $changeStream: { startAtOperationTime: new Date() } };
    const command = { aggregate: "c", pipeline: [stage], cursor: {} };
    expect(await send(command)).toMatchObject({ code: 14 });
  });
});

describe("a restart", () => {
  let folder: string;
  let server: ServerProcess;
  let client: mongo.MongoClient;
  let docs: typeof rows;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "embedded-db-"));
    await start();
  });

  afterEach(async () => {
    await client.close();
    await server.kill();
    rmSync(folder, { recursive: true });
  });

  async function start(): Promise<void> {
    server = await ServerProcess.start(folder);
    client = await connect();
    docs = client.db("test").collection("c");
  }

  function connect(): Promise<mongo.MongoClient> {
    return mongo.MongoClient.connect(`mongodb://127.0.0.1:${server.port}`);
  }

  async function restart(): Promise<void> {
    await client.close();
    await server.kill();
    await start();
  }

  async function time(): Promise<mongo.Timestamp> {
    return operationTime(await client.db("test").command({ ping: 1 }));
  }

  it("loses nothing: a stream goes on from a time of before", async () => {
    const first = await time();
    await restart();
    await docs.insertOne({ _id: 1 });
    const second = await time();
    await restart();
    await docs.insertOne({ _id: 2 });
    expect(await changesFrom(second, docs)).toEqual(["insert 2"]);
    const forgotten = docs.watch([], { startAtOperationTime: first });
    await expect(forgotten.next()).rejects.toMatchObject({ code: 286 });
    await forgotten.close();
  });

  it("does not take the time back, nor what clients have brought", async () => {
    const ahead = later(await time(), 5000);
    const other = await WireClient.connect(server.port);
    await other.command({ ping: 1, $clusterTime: { clusterTime: ahead }, $db: "test" });
    other.close();
    await restart();
    const written = await client.db("test").command(insert(1));
    expect(operationTime(written).compare(ahead)).toBe(1);
    await restart();
    expect((await time()).compare(operationTime(written))).toBe(1);
  });
});

describe("the clock", () => {
  const START = 1_700_000_000_000;

  beforeEach(() => {
    jest.useFakeTimers({ now: START, doNotFake: ["nextTick", "setImmediate"] });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it.each([
    ["a restart within the same second", 0],
    ["a restart after the system's clock went back", -60_000],
    ["a restart much later", 60_000],
  ])("goes on over %s", async (_what, ms) => {
    const storage = new MemoryStorage();
    const times: mongo.Timestamp[] = [];
    for (let run = 0; run < 3; run++) {
      const clock = await LogicalClock.open(storage);
      times.push(clock.applied);
      await storage.write((writer) => {
        const { first, last } = clock.tick(writer, 3);
        times.push(first, last);
      });
      times.push(clock.applied);
      jest.setSystemTime(Date.now() + ms);
    }
    const sorted = [...times].sort((a, b) => a.compare(b));
    expect(times).toEqual(sorted);
  });

  it("goes on when the system's clock goes back, and beside a client that is ahead", async () => {
    const storage = new MemoryStorage();
    const clock = await LogicalClock.open(storage);
    const tick = async () => storage.write((writer) => clock.tick(writer, 1).last);
    const first = await tick();
    jest.setSystemTime(START - 3_600_000);
    const second = await tick();
    clock.advance(later(second, 100));
    const third = await tick();
    expect([second.compare(first), third.compare(later(second, 100))]).toEqual([1, 1]);
    expect(third.t).toBe(second.t + 100);
    expect(clock.known).toEqual(clock.applied);
  });
});

describe("the cluster time of a client", () => {
  const gossip = (time: unknown, more: Doc = {}): Doc => ({
    ping: 1,
    $clusterTime: { clusterTime: time, ...more },
  });

  it("is taken over and given on, when it is later", async () => {
    const ahead = later(await now(), 100);
    expect(clusterTime(await send(gossip(ahead)))).toEqual(ahead);
    expect(clusterTime(await send(gossip(later(ahead, -50))))).toEqual(ahead);
    expect((await now()).compare(ahead)).toBe(-1);
    expect(operationTime(await send(insert(3))).compare(ahead)).toBe(1);
    const causal = { find: "c", readConcern: { afterClusterTime: later(ahead, 10) } };
    const sent = { ...causal, $clusterTime: { clusterTime: later(ahead, 10) } };
    expect(await send(causal)).toMatchObject({ code: 72 });
    expect(await send(sent)).not.toHaveProperty("code");
  });

  it("may be signed by a key of another set", async () => {
    const signature = { hash: new Binary(new Uint8Array(20).fill(7)), keyId: Long.fromNumber(7) };
    expect(await send(gossip(await now(), { signature }))).not.toHaveProperty("code");
  });

  it.each<[string, number, Doc]>([
    ["that is none", 14, { ping: 1, $clusterTime: 1 }],
    ["without a time", 4, { ping: 1, $clusterTime: {} }],
    ["whose time is none", 14, gossip(new Date())],
    ["whose signature is none", 14, gossip(new Timestamp({ t: 1, i: 1 }), { signature: 1 })],
    ["years ahead", 205, gossip(new Timestamp({ t: 4_200_000_000, i: 1 }))],
  ])("%s is refused with %i", async (_what, code, command) => {
    const before = clusterTime(await send({ ping: 1, ...ASKING }));
    expect(await send(command)).toMatchObject({ code });
    expect(clusterTime(await send({ ping: 1, ...ASKING }))).toEqual(before);
  });
});

describe("a causal read", () => {
  it("sees what its session has written, and says what it waits for", async () => {
    const started: Doc[] = [];
    const client = await mongo.MongoClient.connect(test.database.uri, { monitorCommands: true });
    client.on("commandStarted", ({ command }) => started.push(command));
    await client.withSession(async (session) => {
      const docs = client.db("test").collection<{ _id: number }>("c");
      await docs.insertOne({ _id: 3 }, { session });
      const written = session.operationTime;
      expect(await docs.findOne({ _id: 3 }, { session })).toEqual({ _id: 3 });
      expect(started.at(-1)).toMatchObject({ readConcern: { afterClusterTime: written } });
    });
    await client.close();
  });

  it.each<[string, number, (known: mongo.Timestamp) => Doc]>([
    ["after what is no time", 14, () => ({ afterClusterTime: 1 })],
    ["after no time at all", 72, () => ({ afterClusterTime: new Timestamp(0n) })],
    ["after a time to come", 72, (known) => ({ afterClusterTime: later(known, 1) })],
    ["at a time to come", 72, (known) => ({ level: "snapshot", atClusterTime: later(known, 1) })],
    ["at what is no time", 14, () => ({ level: "snapshot", atClusterTime: 1 })],
    ["at a time, but not of a snapshot", 72, (known) => ({ atClusterTime: known })],
    [
      "at and after a time",
      72,
      (known) => ({ level: "snapshot", atClusterTime: known, afterClusterTime: known }),
    ],
    ["that is linearizable", 72, (known) => ({ level: "linearizable", afterClusterTime: known })],
  ])("%s is refused with %i", async (_what, code, concern) => {
    const readConcern = concern(clusterTime(await send({ ping: 1, ...ASKING })));
    expect(await send({ find: "c", readConcern })).toMatchObject({ code });
  });
});
