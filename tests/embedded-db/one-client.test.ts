import { mongo } from "mongoose";
import { WireClient } from "./support/wire-client";
import { startTestDatabase, stopTestDatabase, type TestDatabase } from "./support/database";

interface Row {
  _id: number;
  text: string;
}

const ROWS = 5_000;

let test: TestDatabase;

beforeAll(async () => {
  test = await startTestDatabase();
  await rows().insertMany(Array.from({ length: ROWS }, (_, _id) => ({ _id, text: "text" })));
});

afterAll(() => stopTestDatabase(test));

// The server is one thread: whoever stops it, stops it for all.
afterEach(async () => {
  expect(await test.db.command({ ping: 1 })).toMatchObject({ ok: 1 });
});

function rows(): mongo.Collection<Row> {
  return test.db.collection<Row>("rows");
}

function evaluate(expression: unknown, options?: mongo.AggregateOptions): Promise<unknown> {
  const pipeline = [{ $documents: [{ a: 1 }] }, { $project: { v: expression } }];
  return test.db.aggregate(pipeline, options).toArray();
}

/** Applies a doubling forty times. */
function doubled(initialValue: unknown, twice: unknown): unknown {
  const input = Array.from({ length: 40 }, (_, at) => at);
  return { $reduce: { input, initialValue, in: twice } };
}

/** A hundred to the power of five. */
function longRunning(): unknown {
  let expression: unknown = 1;
  for (let depth = 0; depth < 5; depth++) {
    expression = { $map: { input: { $range: [0, 100] }, in: expression } };
  }
  return { $size: expression };
}

describe("an expression that makes too much", () => {
  it.each([
    ["$range", 146, { $range: [0, 2 ** 31 - 1] }],
    ["$range within another", 146, { $size: { $range: [0, 2 ** 30] } }],
    ["$concat", 146, { $strLenCP: doubled("xxxxxxxxxx", { $concat: ["$$value", "$$value"] }) }],
    ["$concatArrays", 146, { $size: doubled([1], { $concatArrays: ["$$value", "$$value"] }) }],
    ["a document of more than 16 MB", 10334, { $range: [0, 2_000_000] }],
    [
      "a document that holds itself twice",
      10334,
      doubled({ n: 1 }, { a: "$$value", b: "$$value" }),
    ],
  ])("%s is refused with %d", async (_what, code, expression) => {
    await expect(evaluate(expression)).rejects.toMatchObject({ code });
  });

  it("ends at maxTimeMS, also on one document", async () => {
    const options = { maxTimeMS: 200 };
    const update = [{ $set: { v: longRunning() } }];
    const expected = { code: 50, codeName: "MaxTimeMSExpired" };
    await expect(evaluate(longRunning(), options)).rejects.toMatchObject(expected);
    await expect(
      rows().findOne({ $expr: { $gt: [longRunning(), 0] } }, options),
    ).rejects.toMatchObject(expected);
    await expect(rows().updateOne({ _id: 1 }, update, options)).rejects.toMatchObject(expected);
    await expect(rows().countDocuments({ $expr: longRunning() }, options)).rejects.toMatchObject(
      expected,
    );
  });
});

describe("a stage that keeps too much is refused with 292:", () => {
  /** Every document is large by itself, and they all share one string. */
  const $set = { large: "x".repeat(1_000_000) };
  const all = { $push: "$$ROOT" };

  it.each([
    ["$sort", { $sort: { text: 1, _id: -1 } }],
    ["$group", { $group: { _id: "$text", all } }],
    ["$bucket", { $bucket: { groupBy: "$_id", boundaries: [0, ROWS], output: { all } } }],
    ["$bucketAuto", { $bucketAuto: { groupBy: "$_id", buckets: 2 } }],
    ["$facet", { $facet: { all: [{ $match: {} }] } }],
    ["$sample", { $sample: { size: ROWS } }],
    ["$setWindowFields", { $setWindowFields: { sortBy: { _id: 1 }, output: {} } }],
  ])("%s", async (_name, stage) => {
    await expect(rows().aggregate([{ $set }, stage]).toArray()).rejects.toMatchObject({
      code: 292,
      codeName: "QueryExceededMemoryLimitNoDiskUseAllowed",
    });
  });

  it("$lookup", async () => {
    const $lookup = { from: "rows", pipeline: [{ $set }], as: "all" };
    await expect(rows().aggregate([{ $lookup }]).toArray()).rejects.toMatchObject({ code: 292 });
  });
});

it("a $densify that makes more than 500,000 documents is refused", async () => {
  const $documents = [{ n: 0 }, { n: 10_000_000 }];
  const $densify = { field: "n", range: { step: 1, bounds: "full" } };
  const pipeline = [{ $documents }, { $densify }];
  await expect(test.db.aggregate(pipeline).toArray()).rejects.toMatchObject({
    code: 5897900,
  });
});

it("documents that grow beyond 16 MB or 180 levels are refused and stay as they were", async () => {
  const docs = test.db.collection<{ _id: number; list?: string[] }>("growing");
  await docs.insertOne({ _id: 1 });
  const $each = Array.from({ length: 9 }, () => "x".repeat(1_000_000));
  await docs.updateOne({ _id: 1 }, { $push: { list: { $each } } });
  await expect(docs.updateOne({ _id: 1 }, { $push: { list: { $each } } })).rejects.toMatchObject({
    code: 10334,
  });
  const pad = "x".repeat(16 * 1024 * 1024);
  await expect(docs.updateOne({ _id: 1 }, [{ $set: { list: pad } }])).rejects.toMatchObject({
    code: 17419,
  });
  const deep = Array.from({ length: 300 }, () => "a").join(".");
  await expect(docs.updateOne({ _id: 1 }, { $set: { [deep]: 1 } })).rejects.toMatchObject({
    code: 15,
  });
  expect((await docs.findOne())?.list).toHaveLength(9);
});

it("regular expressions of one operation do not use up the time of another's", async () => {
  const texts = test.db.collection("texts");
  await texts.insertMany([{ text: `${"a".repeat(60)}!` }, { text: `${"a".repeat(18)}!` }]);
  const $regex = "^(a+)+$";
  await expect(texts.findOne({ text: { $regex } })).rejects.toMatchObject({ code: 51156 });
  const short = texts.findOne({ $expr: { $lt: [{ $strLenCP: "$text" }, 20] }, text: { $regex } });
  expect(await short).toBeNull();
});

it("cursors that nobody closes: the oldest go, new ones work", async () => {
  const first = await test.db.command({ find: "rows", batchSize: 1 });
  for (let count = 0; count < 1_200; count++) {
    await test.db.command({ find: "rows", batchSize: 1 });
  }
  expect(await rows().find().toArray()).toHaveLength(ROWS);
  await expect(
    test.db.command({ getMore: first["cursor"].id as mongo.Long, collection: "rows" }),
  ).rejects.toMatchObject({ code: 43 });
});

describe("transactions that nobody ends", () => {
  it("the oldest go when there are too many", async () => {
    const oldest = test.client.startSession();
    oldest.startTransaction();
    await rows().updateOne({ _id: 1 }, { $set: { text: "changed" } }, { session: oldest });
    const client = await WireClient.connect(test.database.port);
    for (let count = 0; count < 1_100; count++) {
      const lsid = { id: new mongo.UUID() };
      const transaction = { startTransaction: true, autocommit: false };
      const reply = await client.command({
        find: "rows",
        limit: 1,
        lsid,
        txnNumber: mongo.Long.fromNumber(1),
        ...transaction,
        $db: "test",
      });
      expect(reply).toHaveProperty("cursor");
    }
    client.close();
    await rows().updateOne({ _id: 1 }, { $set: { text: "free again" } });
    await expect(oldest.commitTransaction()).rejects.toMatchObject({ code: 251 });
    await oldest.endSession();
  });

  it("cannot keep more than 256 MB in memory", async () => {
    const large = test.db.collection<{ _id: number; pad: string }>("large");
    const session = test.client.startSession();
    session.startTransaction();
    const fill = async () => {
      for (let _id = 0; _id < 20; _id++) {
        await large.insertOne({ _id, pad: "x".repeat(15_000_000) }, { session });
      }
    };
    await expect(fill()).rejects.toMatchObject({ code: 388 });
    await session.endSession();
    expect(await large.countDocuments()).toBe(0);
  });
});
