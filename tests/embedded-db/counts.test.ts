import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mongo } from "mongoose";
import { startEmbeddedDatabase } from "../../src/embedded-db";
import { startTestDatabase, stopTestDatabase, type TestDatabase } from "./support/database";

const { Decimal128, Double, Int32, Long, ObjectId } = mongo;

let test: TestDatabase;

beforeAll(async () => {
  test = await startTestDatabase();
});

afterAll(() => stopTestDatabase(test));

let collections = 0;

function fresh(): mongo.Collection {
  return test.db.collection(`c${++collections}`);
}

interface Explained {
  docsExamined: number;
  keysExamined: number;
  index: string | undefined;
}

function indexOf(stage: mongo.Document): string | undefined {
  return (
    (stage["indexName"] as string | undefined) ??
    (stage["inputStage"] && indexOf(stage["inputStage"]))
  );
}

/** How a count was answered: `count`, or the pipeline of countDocuments(). */
async function explained(collection: mongo.Collection, filter: mongo.Document): Promise<Explained> {
  const [direct, aggregated] = [
    await test.db.command({ explain: { count: collection.collectionName, query: filter } }),
    await collection
      .aggregate([{ $match: filter }, { $group: { _id: 1, n: { $sum: 1 } } }])
      .explain(),
  ].map((answer) => {
    const { queryPlanner, executionStats } = (answer["stages"]?.[0]?.["$cursor"] ??
      answer) as mongo.Document;
    return {
      docsExamined: executionStats["totalDocsExamined"] as number,
      keysExamined: executionStats["totalKeysExamined"] as number,
      index: indexOf(queryPlanner["winningPlan"] as mongo.Document),
    };
  });
  expect(aggregated).toEqual(direct);
  return direct as Explained;
}

describe("a count whose filter an index answers", () => {
  it("reads no document, and takes the index that answers all of the filter", async () => {
    const collection = fresh();
    const [a, b] = [new ObjectId(), new ObjectId()];
    await collection.insertMany(
      Array.from({ length: 30 }, (_, n) => ({ owner: n % 3 ? a : b, open: n % 2 === 0, n })),
    );
    await collection.createIndexes([
      { key: { owner: 1, n: -1 } },
      { key: { owner: 1, open: 1 } },
      { key: { n: -1 } },
    ]);
    expect(await explained(collection, { owner: a, open: true })).toEqual({
      docsExamined: 0,
      keysExamined: 10,
      index: "owner_1_open_1",
    });
    expect(await explained(collection, { n: { $gte: 5, $lt: 9 } })).toEqual({
      docsExamined: 0,
      keysExamined: 4,
      index: "n_-1",
    });
    expect(await explained(collection, { owner: a, other: null })).toMatchObject({
      docsExamined: 20,
    });
    expect(await collection.countDocuments({ owner: a }, { skip: 3, limit: 10 })).toBe(10);
    expect(await collection.countDocuments({ owner: a }, { skip: 15 })).toBe(5);
    expect(await collection.countDocuments({ owner: new ObjectId() })).toBe(0);
  });

  it("answers a $facet page with the page's documents only", async () => {
    const collection = fresh();
    await collection.insertMany(Array.from({ length: 50 }, (_, n) => ({ owner: n % 2, at: n })));
    await collection.createIndex({ owner: 1, at: -1 });
    const page = [
      { $match: { owner: 1 } },
      {
        $facet: {
          docs: [{ $sort: { at: -1 } }, { $skip: 5 }, { $limit: 5 }, { $project: { _id: 0 } }],
          count: [{ $count: "count" }],
          all: [{ $group: { _id: "$owner", n: { $sum: 1 } } }],
        },
      },
    ];
    const [found] = await collection.aggregate(page).toArray();
    expect(found).toEqual({
      docs: [39, 37, 35, 33, 31].map((at) => ({ owner: 1, at })),
      count: [{ count: 25 }],
      all: [{ _id: 1, n: 25 }],
    });
    delete (page[1] as mongo.Document)["$facet"]["all"];
    const answer = await collection.aggregate(page).explain();
    expect(answer["stages"][0]["$cursor"]["executionStats"]).toMatchObject({
      totalDocsExamined: 10,
    });
    const nothing = [{ $match: { owner: 7 } }, { $facet: { count: [{ $count: "count" }] } }];
    expect(await collection.aggregate(nothing).toArray()).toEqual([{ count: [] }]);
  });

  it("counts a document once, however many keys it has", async () => {
    const collection = fresh();
    await collection.insertMany([{ tags: ["a", "b", "a"] }, { tags: "a" }, { tags: ["c"] }]);
    await collection.createIndex({ tags: 1 });
    expect(await collection.countDocuments({ tags: { $in: ["a", "b"] } })).toBe(2);
    expect(await collection.countDocuments({ tags: { $gte: "b" } })).toBe(2);
    expect((await explained(collection, { tags: "a" })).docsExamined).toBe(0);
  });

  it("counts what its transaction sees", async () => {
    const collection = fresh();
    await collection.insertMany([{ a: 1 }, { a: 1 }, { a: 2 }]);
    await collection.createIndex({ a: 1 });
    await test.client.withSession((session) =>
      session.withTransaction(async () => {
        await collection.insertOne({ a: 1 }, { session });
        await collection.deleteOne({ a: 2 }, { session });
        await collection.updateOne({ a: 1 }, { $set: { b: 1 } }, { session });
        expect(await collection.countDocuments({ a: 1 }, { session })).toBe(3);
        expect(await collection.countDocuments({ a: 2 }, { session })).toBe(0);
        expect(await collection.countDocuments({ a: 1 })).toBe(2);
        expect(await collection.countDocuments({ a: { $lt: 3 } })).toBe(3);
      }),
    );
    expect(await collection.countDocuments({ a: 1 })).toBe(3);
  });

  it("is answered from the keys on disk as in memory", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "embedded-db-"));
    const database = await startEmbeddedDatabase({ dataDir });
    const client = await mongo.MongoClient.connect(database.uri);
    try {
      const collection = client.db("a").collection("b");
      await collection.createIndex({ a: -1 });
      await collection.insertMany(Array.from({ length: 300 }, (_, n) => ({ a: n % 3, n })));
      expect(await collection.countDocuments({ a: 2 })).toBe(100);
      expect(await collection.countDocuments({ a: { $lt: 2 } })).toBe(200);
      await client.withSession((session) =>
        session.withTransaction(async () => {
          await collection.deleteOne({ a: 2 }, { session });
          expect(await collection.countDocuments({ a: { $gt: 0 } }, { session })).toBe(199);
        }),
      );
      expect(await collection.countDocuments({ a: 2 })).toBe(99);
    } finally {
      await client.close();
      await database.stop();
    }
  });

  it("does not take a decimal for the number nearest to it", async () => {
    const collection = fresh();
    const decimals = ["5.00000000000000000001", "5.0"].map((text) => Decimal128.fromString(text));
    await collection.insertMany([{ a: 5 }, ...decimals.map((a) => ({ a }))]);
    await collection.createIndexes([{ key: { a: 1 } }, { key: { a: -1 } }]);
    for (const hint of [{ a: 1 }, { a: -1 }]) {
      expect(await collection.countDocuments({ a: 5 }, { hint })).toBe(2);
      expect(await collection.countDocuments({ a: { $lte: 5 } }, { hint })).toBe(2);
    }
  });

  it("looks at the documents where a collation compares", async () => {
    const collection = fresh();
    await collection.insertMany([{ s: "a" }, { s: "A" }, { s: "b" }]);
    const collation = { locale: "en", strength: 2 };
    await collection.createIndex({ s: 1 });
    await collection.createIndex({ s: 1 }, { collation, name: "folded" });
    expect(await collection.countDocuments({ s: "a" }, { collation })).toBe(2);
    expect(await collection.countDocuments({ s: "a" })).toBe(1);
    expect(await collection.countDocuments({ s: { $lt: "b" } }, { collation })).toBe(2);
  });
});

const VALUES = [
  ...[null, undefined, true, false, "", "a", "abc", new Date(255), new Date(256)],
  ...[new Date(0), new Date(-1), new Date(65_535), new Double(5), new Int32(5), Long.fromNumber(5)],
  ...[-0, 0, 4.5, 5.5, NaN, Infinity, -Infinity, Number.MAX_VALUE, 1e308, -1e308, 2 ** 53],
  ...[Long.MAX_VALUE, 256, 255, -1, -256],
  Decimal128.fromString("5"),
  ...[0.1, [], [5], [4, 6], ["a", "b"], [null], [[5]], { b: 1 }, [{ b: 1 }, { c: 2 }], {}],
  ...[new ObjectId("ffffffffffffffffffffffff"), new ObjectId("000000000000000000000000")],
];

const OPERANDS = VALUES.filter((value) => value !== undefined && !Array.isArray(value));

const FILTERS: mongo.Document[] = [
  ...OPERANDS.flatMap((value) => [
    { a: value },
    { a: value, k: 1 },
    { a: { $in: [value, "abc", 5] } },
    ...["$gt", "$gte", "$lt", "$lte"].map((operator) => ({ a: { [operator]: value } })),
  ]),
  { a: { $gt: 4, $lt: 6 } },
  { a: { $gt: 4 }, k: { $gte: 1 } },
  { $and: [{ a: 5 }, { a: { $gt: 4 } }] },
  { $and: [{ a: 5 }, { a: 4 }] },
  { "a.b": 1 },
  { "a.b": null },
  { "a.b": 1, "a.c": 2 },
  { a: { $elemMatch: { b: 1, c: 2 } } },
  { k: 1, a: { $ne: 5 } },
  { a: { $exists: false } },
  { k: null },
  { k: { $in: [1, null] }, a: null },
];

const INDEXES: mongo.IndexDescription[] = [
  { key: { a: 1 } },
  { key: { a: -1 } },
  { key: { a: 1, k: 1 } },
  { key: { a: -1, k: -1 } },
  { key: { k: 1, a: -1 } },
  { key: { k: -1, a: 1 } },
  { key: { a: 1 }, sparse: true },
  { key: { a: 1, k: 1 }, partialFilterExpression: { k: 1 } },
  { key: { "a.b": 1, "a.c": 1 } },
];

it.each(INDEXES)("a count is the same with the index $key as without", async (index) => {
  const collection = fresh();
  const scalars = fresh();
  const documents = VALUES.flatMap((a) => [{ a }, { a, k: 1 }, { a, k: 2 }, { k: 1 }]);
  const ofScalars = documents.filter(({ a }) => !Array.isArray(a));
  await collection.insertMany(documents);
  await scalars.insertMany(ofScalars);
  const counts = async () => {
    const found: number[] = [];
    for (const filter of FILTERS) {
      found.push(await collection.countDocuments(filter), await scalars.countDocuments(filter));
    }
    return found;
  };
  const before = await counts();
  await collection.createIndexes([index]);
  await scalars.createIndexes([index]);
  const after = await counts();
  const wrong = FILTERS.filter(
    (_, at) => after[2 * at] !== before[2 * at] || after[2 * at + 1] !== before[2 * at + 1],
  );
  expect(wrong).toEqual([]);
});
