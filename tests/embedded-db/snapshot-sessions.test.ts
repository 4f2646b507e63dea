import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mongo } from "mongoose";
import { type EmbeddedDatabase, startEmbeddedDatabase } from "../../src/embedded-db";
import { WireClient } from "./support/wire-client";

type Doc = mongo.BSON.Document;

interface Row {
  _id: number;
  n: number;
}

const { Timestamp } = mongo.BSON;
const WINDOW = "minSnapshotHistoryWindowInSeconds";

describe.each([
  ["in memory", false],
  ["on disk", true],
])("a snapshot session %s", (_where, onDisk) => {
  let folder: string | undefined;
  let database: EmbeddedDatabase;
  let client: mongo.MongoClient;
  let wire: WireClient;
  let rows: mongo.Collection<Row>;
  let session: mongo.ClientSession;

  beforeAll(async () => {
    folder = onDisk ? mkdtempSync(join(tmpdir(), "embedded-db-")) : undefined;
    database = await startEmbeddedDatabase(folder === undefined ? {} : { dataDir: folder });
    client = await mongo.MongoClient.connect(database.uri);
    wire = await WireClient.connect(database.port);
  });

  afterAll(async () => {
    wire.close();
    await client.close();
    await database.stop();
    if (folder !== undefined) {
      rmSync(folder, { recursive: true });
    }
  });

  beforeEach(async () => {
    await client.db("test").dropDatabase();
    rows = client.db("test").collection("c");
    await rows.insertMany([
      { _id: 1, n: 0 },
      { _id: 2, n: 0 },
    ]);
    session = client.startSession({ snapshot: true });
  });

  afterEach(() => session.endSession());

  const setWindow = (seconds: number) =>
    client.db("admin").command({ setParameter: 1, [WINDOW]: seconds });

  const change = async () => {
    await rows.updateOne({ _id: 1 }, { $inc: { n: 1 } });
    await rows.deleteOne({ _id: 2 });
    await rows.insertOne({ _id: 3, n: 7 });
  };

  const FIRST = [
    { _id: 1, n: 0 },
    { _id: 2, n: 0 },
  ];

  it.each<[string, () => Promise<unknown>, unknown]>([
    ["find", () => rows.find({}, { session }).toArray(), FIRST],
    ["find by an index", () => rows.find({ _id: { $gte: 1 } }, { session }).toArray(), FIRST],
    ["aggregate", () => rows.aggregate([{ $match: {} }], { session }).toArray(), FIRST],
    ["countDocuments", () => rows.countDocuments({}, { session }), 2],
    ["distinct", () => rows.distinct("n", {}, { session }), [0]],
    [
      "$lookup",
      () =>
        rows
          .aggregate(
            [
              { $limit: 1 },
              { $lookup: { from: "c", pipeline: [{ $project: { _id: 1 } }], as: "all" } },
            ],
            { session },
          )
          .toArray(),
      [{ ...FIRST[0], all: [{ _id: 1 }, { _id: 2 }] }],
    ],
  ])("sees what its first read saw: %s", async (_what, read, expected) => {
    expect(await read()).toEqual(expected);
    await change();
    expect(await read()).toEqual(expected);
    expect(await rows.find({}, { session }).toArray()).toEqual(FIRST);
    expect(await rows.countDocuments()).toBe(2);
    expect(await rows.findOne({ _id: 1 })).toEqual({ _id: 1, n: 1 });
  });

  it("sees each its own state, however many there are", async () => {
    const sessions = [session];
    for (let n = 0; n < 5; n++) {
      const reader = sessions.at(-1) as mongo.ClientSession;
      expect(await rows.findOne({ _id: 1 }, { session: reader })).toEqual({ _id: 1, n });
      await rows.updateOne({ _id: 1 }, { $inc: { n: 1 } });
      sessions.push(client.startSession({ snapshot: true }));
    }
    for (const [n, reader] of sessions.slice(0, 5).entries()) {
      expect(await rows.findOne({ _id: 1 }, { session: reader })).toEqual({ _id: 1, n });
    }
    await Promise.all(sessions.slice(1).map((reader) => reader.endSession()));
  });

  it("reads on in a cursor, also when the snapshot is kept no longer", async () => {
    await rows.insertMany(Array.from({ length: 300 }, (_, n) => ({ _id: n + 10, n })));
    const cursor = rows.find({}, { session, batchSize: 10 });
    await cursor.next();
    await rows.deleteMany({});
    await setWindow(0);
    await expect(rows.findOne({}, { session })).rejects.toMatchObject({ code: 239 });
    await setWindow(300);
    expect(await cursor.toArray()).toHaveLength(301);
  });

  it("closes a cursor that is not read to its end", async () => {
    await rows.insertMany(Array.from({ length: 300 }, (_, n) => ({ _id: n + 10, n })));
    const open = async () =>
      (await client.db("admin").command({ serverStatus: 1 }))["metrics"] as Doc;
    const before = await open();
    const cursor = rows.find({}, { session, batchSize: 10 });
    await cursor.next();
    await cursor.close();
    expect((await open())["cursor"]).toEqual(before["cursor"]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ["was dropped", () => rows.drop()],
    ["was renamed", () => rows.rename("d")],
    ["has another index", () => rows.createIndex({ n: 1 })],
  ])("fails for a collection that %s since", async (_what, alter) => {
    await rows.findOne({}, { session });
    await alter();
    await expect(rows.findOne({}, { session })).rejects.toMatchObject({ code: 246 });
  });

  it("sees no collection that was made since", async () => {
    await rows.findOne({}, { session });
    const later = client.db("test").collection<Row>("later");
    await later.insertOne({ _id: 1, n: 1 });
    expect(await later.find({}, { session }).toArray()).toEqual([]);
  });

  it("is told the time in the cursor, and at the top by distinct", async () => {
    const readConcern = { level: "snapshot" };
    const [find, aggregate, distinct] = (await Promise.all(
      [
        { find: "c", readConcern },
        { aggregate: "c", pipeline: [], cursor: {}, readConcern },
        { distinct: "c", key: "n", readConcern },
        { find: "none", readConcern },
      ].map((command) => wire.command({ ...command, $db: "test" })),
    )) as [Doc, Doc, Doc];
    const atClusterTime = distinct["operationTime"] as mongo.Timestamp;
    expect(distinct).toMatchObject({ values: [0], atClusterTime });
    expect(find).toMatchObject({ cursor: { atClusterTime } });
    expect(aggregate).toMatchObject({ cursor: { atClusterTime } });
    expect(await wire.command({ find: "c", $db: "test" })).not.toHaveProperty(
      "cursor.atClusterTime",
    );
  });

  it("reads at a time since which nothing has changed, though nobody was told it", async () => {
    const written = await wire.command({ insert: "c", documents: [{ _id: 4, n: 4 }], $db: "test" });
    const at = (atClusterTime: unknown) =>
      wire.command({ find: "c", readConcern: { level: "snapshot", atClusterTime }, $db: "test" });
    const time = written["operationTime"] as mongo.Timestamp;
    expect(await at(time)).toMatchObject({ cursor: { atClusterTime: time } });
    await change();
    expect((await at(time))["cursor"]).toHaveProperty("firstBatch.length", 3);
    expect(await at(new Timestamp({ t: time.t - 1, i: 1 }))).toMatchObject({
      code: 239,
      codeName: "SnapshotTooOld",
    });
  });

  it.each<[string, number, Doc]>([
    ["a change stream", 72, { aggregate: "c", pipeline: [{ $changeStream: {} }], cursor: {} }],
    ["a count", 72, { count: "c" }],
    ["a write", 72, { insert: "c", documents: [{ _id: 9 }] }],
  ])("refuses %s", async (_what, code, command) => {
    const readConcern = { level: "snapshot" };
    expect(await wire.command({ ...command, readConcern, $db: "test" })).toMatchObject({ code });
  });

  it("keeps a number of snapshots, the youngest", async () => {
    await rows.findOne({}, { session });
    for (let n = 0; n < 110; n++) {
      await rows.updateOne({ _id: 1 }, { $inc: { n: 1 } });
      await wire.command({ find: "c", readConcern: { level: "snapshot" }, $db: "test" });
    }
    await expect(rows.findOne({}, { session })).rejects.toMatchObject({ code: 239 });
  });
});
