import type { mongo } from "mongoose";
import { startTestDatabase, stopTestDatabase, type TestDatabase } from "./support/database";

let test: TestDatabase;
let db: mongo.Db;

beforeAll(async () => {
  test = await startTestDatabase();
  ({ db } = test);
});

beforeEach(() => db.dropDatabase());

afterAll(() => stopTestDatabase(test));

/** Changes the document 1 in a transaction that stays open for the work. */
async function whileClaimed(work: () => Promise<void>): Promise<void> {
  await db.collection<{ _id: number }>("c").insertOne({ _id: 1 });
  await test.client.withSession(async (session) => {
    session.startTransaction();
    await db.collection("c").updateOne({}, { $set: { n: 1 } }, { session });
    await work();
    await session.abortTransaction();
  });
}

describe("a write that waits for a transaction", () => {
  it("gives up when its time is over", async () => {
    await whileClaimed(async () => {
      const write = db.collection("c").updateOne({}, { $set: { n: 2 } }, { maxTimeMS: 20 });
      await expect(write).rejects.toMatchObject({ code: 50 });
    });
  });

  it("keeps dropping the collection waiting no longer either", async () => {
    await whileClaimed(async () => {
      const drop = db.command({ drop: "c", maxTimeMS: 20 });
      await expect(drop).rejects.toMatchObject({ code: 50 });
    });
  });

  it("is shown by currentOp until it is answered", async () => {
    let write: Promise<unknown> | undefined;
    await whileClaimed(async () => {
      write = db.collection("c").updateOne({}, { $set: { n: 2 } });
      const { inprog } = await currentOp((ops) => ops.includes("update"));
      expect(inprog).toContainEqual(expect.objectContaining({ ns: `${db.databaseName}.c` }));
    });
    await write;
    expect((await currentOp(() => true)).names).toEqual(["currentOp"]);
  });
});

interface Running {
  inprog: { command: Record<string, unknown> }[];
  names: string[];
}

/** Asks until the commands at work are as wanted. */
async function currentOp(wanted: (names: string[]) => boolean): Promise<Running> {
  for (;;) {
    const { inprog } = (await db.admin().command({ currentOp: 1 })) as Running;
    const names = inprog.flatMap(({ command }) => Object.keys(command).slice(0, 1));
    if (wanted(names)) {
      return { inprog, names: names.filter((name) => name !== "hello") };
    }
  }
}

describe("what administrators ask", () => {
  it("lists its commands, users and members", async () => {
    await expect(db.command({ listCommands: 1 })).resolves.toHaveProperty("commands.find");
    await expect(db.command({ usersInfo: 1 })).resolves.toMatchObject({ users: [] });
    const status = await db.admin().command({ replSetGetStatus: 1 });
    const { config } = await db.admin().command({ replSetGetConfig: 1 });
    expect(status).toMatchObject({ set: config._id, myState: 1, members: [{ self: true }] });
    await expect(db.admin().serverStatus()).resolves.toHaveProperty("connections.current");
  });

  it("profiles nothing and says so", async () => {
    await expect(db.command({ profile: -1 })).resolves.toMatchObject({ was: 0 });
    await expect(db.command({ profile: 2 })).rejects.toMatchObject({ code: 238 });
  });

  it("syncs, as it always has, but locks nobody out", async () => {
    await expect(db.admin().command({ fsync: 1 })).resolves.toMatchObject({ ok: 1 });
    await expect(db.admin().command({ fsync: 1, lock: true })).rejects.toMatchObject({ code: 238 });
  });

  it("gives databases of the same documents the same hash", async () => {
    const hash = async () => (await db.command({ dbHash: 1 }))["collections"] as unknown;
    await db.collection<{ _id: number }>("c").insertOne({ _id: 1 });
    const before = await hash();
    await db.collection("c").updateOne({}, { $set: { n: 1 } });
    expect(await hash()).not.toEqual(before);
    await db.collection("c").updateOne({}, { $unset: { n: 1 } });
    expect(await hash()).toEqual(before);
  });

  it("tells the size of a collection", async () => {
    await db.collection("c").insertMany([{ n: 1 }, { n: 2 }]);
    const dataSize = `${db.databaseName}.c`;
    await expect(db.command({ dataSize })).resolves.toMatchObject({ numObjects: 2 });
  });
});

describe("statistics", () => {
  it.each([0, "kB"])("refuse the scale %p", async (scale) => {
    await expect(db.command({ dbStats: 1, scale })).rejects.toThrow(/scale/);
    await db.collection("c").insertOne({});
    await expect(db.command({ collStats: "c", scale })).rejects.toThrow(/scale/);
  });

  it("divide sizes by the scale, but not the size of a document", async () => {
    await db.collection("c").insertOne({ text: "x".repeat(5000) });
    const inKilobytes = { size: 4, storageSize: 4, scaleFactor: 1024 };
    const collStats = await db.command({ collStats: "c", scale: 1024 });
    expect(collStats).toMatchObject(inKilobytes);
    expect(collStats["avgObjSize"]).toBeGreaterThan(5000);
    const stage = { $collStats: { storageStats: { scale: 1024 } } };
    const [found] = await db.collection("c").aggregate([stage]).toArray();
    expect(found).toMatchObject({ storageStats: inKilobytes });
    const dbStats = await db.command({ dbStats: 1, scale: 1024 });
    expect(dbStats).toMatchObject({ scaleFactor: 1024 });
    expect(Math.floor(dbStats["dataSize"] as number)).toBe(4);
  });
});

describe("serverStatus", () => {
  const status = (more: object = {}) => db.admin().command({ serverStatus: 1, ...more });

  /** By how much the numbers of a section have grown through the work. */
  async function grownBy(
    section: (status: mongo.Document) => Record<string, number>,
    work: () => Promise<unknown>,
  ): Promise<Record<string, number>> {
    const before = section(await status());
    await work();
    const after = section(await status());
    return Object.fromEntries(
      Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]),
    );
  }

  const opcounters = (all: mongo.Document) => all["opcounters"] as Record<string, number>;

  it("counts operations by their kind, and writes by their statements", async () => {
    const c = db.collection<{ n: number }>("c");
    const grown = await grownBy(opcounters, async () => {
      await c.insertMany([{ n: 1 }, { n: 2 }, { n: 3 }]);
      await c.bulkWrite([
        { updateOne: { filter: { n: 1 }, update: { $inc: { n: 1 } } } },
        { updateOne: { filter: { n: 9 }, update: { $inc: { n: 1 } } } },
        { deleteOne: { filter: { n: 3 } } },
      ]);
      await c.find({}, { batchSize: 1 }).toArray();
      await c.aggregate([{ $match: {} }]).toArray();
      await test.client.bulkWrite([{ name: "insertOne", namespace: c.namespace, document: {} }]);
    });
    expect(grown).toMatchObject({ insert: 4, update: 2, delete: 1, query: 2, getmore: 2 });
    // A monitor of the client may say hello in between.
    expect(grown["command"]).toBeGreaterThanOrEqual(1);
  });

  it("counts documents as they are committed and returned", async () => {
    const c = db.collection<{ n: number }>("c");
    await c.insertOne({ n: 0 });
    const documents = ({ metrics }: mongo.Document) =>
      (metrics as Record<string, Record<string, number>>)["document"] ?? {};
    const grown = await grownBy(documents, async () => {
      await c.insertMany([{ n: 1 }, { n: 2 }]);
      await c.updateMany({}, { $inc: { n: 1 } });
      await c.replaceOne({ n: 3 }, { n: 9 });
      await c.deleteOne({ n: 9 });
      await c.find({}, { batchSize: 1 }).toArray();
      await test.client.withSession(async (session) => {
        session.startTransaction();
        await c.insertOne({ n: 5 }, { session });
        await session.abortTransaction();
      });
    });
    expect(grown).toEqual({ inserted: 2, updated: 4, deleted: 1, returned: 2 });
  });

  it("counts requests and their bytes", async () => {
    const network = (all: mongo.Document) => all["network"] as Record<string, number>;
    const text = "x".repeat(100_000);
    const grown = await grownBy(network, () => db.collection("c").insertOne({ text }));
    expect(grown["bytesIn"]).toBeGreaterThan(100_000);
    expect(grown["bytesOut"]).toBeLessThan(100_000);
    expect(grown["bytesOut"]).toBeGreaterThan(40);
    expect(grown["numRequests"]).toBeGreaterThanOrEqual(2);
  });

  it("leaves out the sections it is told to", async () => {
    const all = await status();
    expect(all).toMatchObject({
      opcountersRepl: { insert: 0, command: 0 },
      mem: { bits: 64 },
    });
    expect(all).toHaveProperty("globalLock.activeClients.total");
    const { connections } = all as { connections: Record<string, number> };
    expect(connections["current"]).toBeGreaterThan(0);
    expect(connections["totalCreated"]).toBeGreaterThanOrEqual(connections["current"] as number);
    const some = await status({ opcounters: 0, metrics: false, network: 1 });
    expect(some).toHaveProperty("network");
    expect(some).not.toHaveProperty("opcounters");
    expect(some).not.toHaveProperty("metrics");
  });
});

describe("stages that tell of the server", () => {
  const onAdmin = (...pipeline: mongo.Document[]) => db.admin().command(asked(pipeline));
  const asked = (pipeline: mongo.Document[]) => ({ aggregate: 1, pipeline, cursor: {} });
  const batch = (reply: mongo.Document) =>
    (reply as { cursor: { firstBatch: mongo.Document[] } }).cursor.firstBatch;

  it("$currentOp lists what runs, and later stages choose from it", async () => {
    const mine = { $match: { "command.aggregate": 1 } };
    const found = batch(await onAdmin({ $currentOp: { allUsers: true } }, mine));
    expect(found).toMatchObject([{ type: "op", active: true, ns: "admin.$cmd" }]);
  });

  it.each([
    ["$currentOp in another database", "test", asked([{ $currentOp: {} }]), 73],
    ["$currentOp of a collection", "admin", { ...asked([{ $currentOp: {} }]), aggregate: "c" }, 73],
    ["an option it does not know", "admin", asked([{ $currentOp: { nope: 1 } }]), 9],
    ["$listSessions elsewhere", "admin", asked([{ $listSessions: {} }]), 73],
    ["a second $currentOp", "admin", asked([{ $currentOp: {} }, { $currentOp: {} }]), 40602],
    ["$queryStats", "admin", asked([{ $queryStats: {} }]), 238],
  ])("refuse %s", async (_what, name, command, code) => {
    await expect(test.client.db(name).command(command)).rejects.toMatchObject({ code });
  });

  it("$listLocalSessions and $listSessions list the sessions that write", async () => {
    await test.client.withSession(async (session) => {
      await db.collection("c").insertOne({}, { session });
      const id: unknown = session.id?.id;
      const listed = expect.objectContaining({
        _id: expect.objectContaining({ id }) as unknown,
        lastUse: expect.any(Date) as unknown,
      }) as unknown;
      expect(batch(await db.command(asked([{ $listLocalSessions: {} }])))).toContainEqual(listed);
      const sessions = test.client.db("config").collection("system.sessions");
      expect(await sessions.aggregate([{ $listSessions: {} }]).toArray()).toContainEqual(listed);
    });
  });

  it("$indexStats counts the operations that used an index", async () => {
    const c = db.collection("c");
    await c.insertMany([{ a: 1 }, { a: 2 }]);
    await c.createIndex({ a: 1 });
    await c.find({ a: 1 }).toArray();
    await c.countDocuments({ a: { $gte: 1 } });
    await c.updateOne({ a: 2 }, { $set: { b: 1 } });
    await c.find({ b: 1 }).toArray();
    const ops = async () =>
      (await c.aggregate([{ $indexStats: {} }]).toArray()).map(
        ({ name, accesses }) => [name, (accesses as mongo.Document)["ops"]] as unknown,
      );
    expect(await ops()).toEqual([
      ["_id_", 0],
      ["a_1", 3],
    ]);
  });
});

describe("convertToCapped", () => {
  it("answers 26 without a collection, 2 without a size", async () => {
    const convert = (more: object) => db.command({ convertToCapped: "c", ...more });
    await expect(convert({ size: 4096 })).rejects.toMatchObject({ code: 26 });
    await expect(convert({})).rejects.toMatchObject({ code: 2 });
  });

  it("keeps the youngest documents and the index on _id", async () => {
    const docs = Array.from({ length: 20 }, (_, n) => ({ n, text: "x".repeat(500) }));
    await db.collection("c").insertMany(docs);
    await db.collection("c").createIndex({ n: 1 });
    await db.command({ convertToCapped: "c", size: 4096 });
    expect(await db.collection("c").isCapped()).toBe(true);
    expect((await db.collection("c").indexes()).map(({ name }) => name)).toEqual(["_id_"]);
    const left = await db.collection("c").distinct("n");
    expect(left).toEqual(docs.map(({ n }) => n).slice(-left.length));
    expect(left.length).toBeLessThan(10);
    await db.collection("c").insertOne({ n: 20 });
    await expect(db.command({ validate: "c" })).resolves.toMatchObject({ valid: true });
  });
});

describe("setParameter", () => {
  it.each([
    ["what every object has", { toString: 5 }, 72],
    ["a text for a number", { ttlMonitorSleepSecs: "60" }, 2],
    ["no time at all", { ttlMonitorSleepSecs: 0 }, 2],
    ["a number for a switch", { ttlMonitorEnabled: 1 }, 2],
  ])("refuses %s", async (_what, parameter, code) => {
    const admin = test.client.db("admin");
    await expect(admin.command({ setParameter: 1, ...parameter })).rejects.toMatchObject({ code });
  });
});
