import { mongo } from "mongoose";
import { startTestDatabase, stopTestDatabase, type TestDatabase } from "./support/database";

const { Decimal128, Double, Long, ObjectId, UUID } = mongo;

let test: TestDatabase;

beforeAll(async () => {
  test = await startTestDatabase();
});

afterAll(() => stopTestDatabase(test));

let collections = 0;

/** Filters and updates of every shape are sent here, wrong ones too. */
function fresh() {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the driver's types refuse wrong commands
  return test.db.collection<any>(`c${++collections}`);
}

async function errorOf(work: Promise<unknown>): Promise<mongo.MongoServerError> {
  return work.then(
    () => {
      throw new Error("expected an error");
    },
    (error: unknown) => error as mongo.MongoServerError,
  );
}

describe("the server", () => {
  it("presents itself as the primary of a one-member replica set", async () => {
    const hello = await test.db.command({ hello: 1 });
    expect(hello).toMatchObject({
      isWritablePrimary: true,
      logicalSessionTimeoutMinutes: 30,
      maxWireVersion: 25,
    });
    expect(hello["hosts"]).toEqual([hello["me"]]);
  });

  it("refuses unknown commands with 59 and known unsupported ones with 238", async () => {
    expect(await errorOf(test.db.command({ nonsense: 1 }))).toMatchObject({
      code: 59,
      codeName: "CommandNotFound",
    });
    expect(await errorOf(test.db.command({ mapReduce: "a" }))).toMatchObject({
      code: 238,
      codeName: "NotImplemented",
    });
  });

  it("serves a client of the Stable API, and a strict one what is in it", async () => {
    const serverApi = { version: "1", strict: true, deprecationErrors: true } as const;
    const client = await mongo.MongoClient.connect(test.database.uri, { serverApi });
    const collection = client.db("test").collection("stable");
    await client.withSession((session) =>
      session.withTransaction(() => collection.insertOne({ a: 1 }, { session })),
    );
    expect(await collection.find({}, { batchSize: 1 }).toArray()).toHaveLength(1);
    expect(await errorOf(collection.distinct("a"))).toMatchObject({
      code: 323,
      codeName: "APIStrictError",
    });
    await client.close();
  });

  it("lets nobody log in: no account has that password", async () => {
    const { host } = new URL(test.database.uri);
    const client = new mongo.MongoClient(`mongodb://user:password@${host}/`);
    expect(await errorOf(client.connect())).toMatchObject({
      code: 18,
      codeName: "AuthenticationFailed",
    });
    await client.close();
  });

  it.each([
    ["createSearchIndexes", { createSearchIndexes: "a", indexes: [] }],
    ["$search", { aggregate: "a", pipeline: [{ $search: {} }], cursor: {} }],
    ["$listSearchIndexes", { aggregate: "a", pipeline: [{ $listSearchIndexes: {} }], cursor: {} }],
  ])("refuses %s as a server outside of Atlas does", async (name, command) => {
    const error = await errorOf(test.db.command(command));
    expect(error).toMatchObject({ code: 31082, codeName: "SearchNotEnabled" });
    expect(error.message).toContain(`Using ${name} requires additional configuration`);
  });

  it.each([
    { $where: "true" },
    { $expr: { $function: { body: "function() {}", args: [], lang: "js" } } },
  ])("never evaluates JavaScript: %j", async (filter) => {
    const collection = fresh();
    await collection.insertOne({ a: 1 });
    const { message } = await errorOf(collection.find(filter as never).toArray());
    expect(message).toContain("never evaluates JavaScript");
  });
});

describe("insert", () => {
  it.each<[string, object, object, object]>([
    [
      "a field that is missing",
      { n: { $gt: 5 } },
      {},
      { operatorName: "$gt", specifiedAs: { n: { $gt: 5 } }, reason: "field was missing" },
    ],
    [
      "the conditions that fail",
      { n: { $gt: 5 }, s: "a" },
      { n: 1, s: "a" },
      {
        operatorName: "$and",
        clausesNotSatisfied: [
          {
            index: 0,
            details: {
              operatorName: "$gt",
              specifiedAs: { n: { $gt: 5 } },
              reason: "comparison failed",
              consideredValue: 1,
            },
          },
        ],
      },
    ],
    [
      "an expression with its result",
      { $expr: { $eq: ["$a", "$b"] } },
      { a: 1, b: 2 },
      {
        operatorName: "$expr",
        specifiedAs: { $expr: { $eq: ["$a", "$b"] } },
        reason: "expression did not match",
        expressionResult: false,
      },
    ],
    [
      "the rules of a schema that fail",
      {
        $jsonSchema: {
          title: "Person",
          required: ["name"],
          additionalProperties: false,
          properties: {
            _id: {},
            name: { bsonType: "string" },
            n: { bsonType: "int", minimum: 5, description: "at least 5" },
            list: { items: { enum: ["a"] } },
          },
        },
      },
      { n: 1, list: ["a", "b"], more: true },
      {
        operatorName: "$jsonSchema",
        title: "Person",
        schemaRulesNotSatisfied: [
          {
            operatorName: "additionalProperties",
            specifiedAs: { additionalProperties: false },
            additionalProperties: ["more"],
          },
          {
            operatorName: "properties",
            propertiesNotSatisfied: [
              {
                propertyName: "n",
                description: "at least 5",
                details: [
                  {
                    operatorName: "minimum",
                    specifiedAs: { minimum: 5 },
                    reason: "comparison failed",
                    consideredValue: 1,
                  },
                ],
              },
              {
                propertyName: "list",
                details: [
                  {
                    operatorName: "items",
                    reason: "At least one item did not match the sub-schema",
                    itemIndex: 1,
                    details: [
                      {
                        operatorName: "enum",
                        specifiedAs: { enum: ["a"] },
                        reason: "value was not found in enum",
                        consideredValue: "b",
                      },
                    ],
                  },
                ],
              },
            ],
          },
          {
            operatorName: "required",
            specifiedAs: { required: ["name"] },
            missingProperties: ["name"],
          },
        ],
      },
    ],
  ])("that a validator refuses is told %s", async (_what, validator, doc, details) => {
    const { collectionName } = fresh();
    const collection = await test.db.createCollection(collectionName, { validator });
    const error = await errorOf(collection.insertOne({ _id: 1, ...doc } as never));
    expect(error).toMatchObject({ code: 121, message: "Document failed validation" });
    expect(error).toHaveProperty("errInfo", { failingDocumentId: 1, details });
  });

  it("names the element of an array that a unique index holds already", async () => {
    const collection = fresh();
    await collection.createIndex({ "list.key": 1, n: 1 }, { unique: true });
    await collection.insertOne({ list: [{ key: "x" }, { key: "y" }], n: 1 });
    const again = collection.insertOne({ list: [{ key: "z" }, { key: "y" }], n: 1 });
    expect(await errorOf(again)).toMatchObject({
      code: 11000,
      keyValue: { "list.key": "y", n: 1 },
    });
  });

  it("answers E11000 with keyPattern and keyValue", async () => {
    const collection = fresh();
    await collection.createIndex({ name: 1 }, { unique: true });
    await collection.insertOne({ name: "x" });
    const error = await errorOf(collection.insertOne({ name: "x" }));
    expect(error).toMatchObject({ code: 11000, keyPattern: { name: 1 }, keyValue: { name: "x" } });
    expect(error.message).toBe(
      `E11000 duplicate key error collection: test.${collection.collectionName} index: name_1 dup key: { name: "x" }`,
    );
  });

  const DIVIDED = { $project: { n: { $divide: [1, "$n"] } } };

  it.each<[string, RegExp, (collection: mongo.Collection) => Promise<unknown>]>([
    [
      "a find",
      /^Executor error during find command: test\.\S+ :: caused by :: can't \$divide by zero$/,
      (collection) => collection.find({ $expr: { $divide: [1, "$n"] } }).toArray(),
    ],
    [
      "a sorted find",
      /^Executor error during find command: test\.\S+ :: caused by :: can't \$divide by zero$/,
      (collection) =>
        collection
          .find({ $expr: { $divide: [1, "$n"] } })
          .sort({ n: 1 })
          .toArray(),
    ],
    [
      "an aggregation",
      /^PlanExecutor error during aggregation :: caused by :: can't \$divide by zero$/,
      (collection) => collection.aggregate([DIVIDED]).toArray(),
    ],
    [
      "an aggregation that sorts",
      /^PlanExecutor error during aggregation :: caused by :: can't \$divide by zero$/,
      (collection) => collection.aggregate([DIVIDED, { $sort: { n: 1 } }]).toArray(),
    ],
    [
      "an aggregation that writes",
      /^PlanExecutor error during aggregation :: caused by :: can't \$divide by zero$/,
      (collection) => collection.aggregate([DIVIDED, { $out: "divided" }]).toArray(),
    ],
    [
      "a getMore",
      /^Executor error during getMore :: caused by :: can't \$divide by zero$/,
      (collection) => collection.aggregate([DIVIDED], { batchSize: 1 }).toArray(),
    ],
    [
      "a find of a position",
      /^Executor error during find command: test\.\S+ :: caused by :: positional operator '\.\$' /,
      (collection) => collection.find({}, { projection: { "list.$": 1 } }).toArray(),
    ],
    [
      "a find that cannot begin",
      /^unknown operator: \$nope$/,
      (collection) => collection.find({ n: { $nope: 1 } }).toArray(),
    ],
  ])("says that %s was being read", async (_what, message, read) => {
    const collection = fresh();
    await collection.insertMany([{ n: 2, list: [1] }, { n: 1 }, { n: 0 }]);
    expect((await errorOf(read(collection))).message).toMatch(message);
  });

  it.each([
    [/^Index build failed: [0-9a-f-]{36}: Collection \S+ \( [0-9a-f-]{36} \) :: caused by :: /],
    [/E11000 duplicate key error collection: \S+ index: a_1 dup key: \{ a: 1 \}$/],
  ])("says of an index that cannot be built %s", async (message) => {
    const collection = fresh();
    await collection.insertMany([{ a: 1 }, { a: 1 }]);
    expect(await errorOf(collection.createIndex({ a: 1 }, { unique: true }))).toMatchObject({
      code: 11000,
      keyPattern: { a: 1 },
      keyValue: { a: 1 },
      message: expect.stringMatching(message) as string,
    });
  });

  it("writes code in E11000 as it is", async () => {
    const collection = fresh();
    await collection.createIndex({ a: 1 }, { unique: true });
    const insert = () => collection.insertOne({ a: new mongo.Code("x + 1") });
    await insert();
    expect(await errorOf(insert())).toMatchObject({
      message: expect.stringContaining("dup key: { a: x + 1 }") as string,
    });
  });

  it("names the collation of a unique index in E11000", async () => {
    const collection = fresh();
    await collection.createIndex(
      { name: 1 },
      { unique: true, collation: { locale: "en", strength: 2 } },
    );
    await collection.insertOne({ name: "x" });
    expect((await errorOf(collection.insertOne({ name: "X" }))).message).toMatch(
      / index: name_1 collation: \{ locale: "en", .*strength: 2, .*\} dup key: \{ name: "0x78" \}$/,
    );
  });

  it.each<[string, unknown, string]>([
    ["an empty array", [], "undefined"],
    ["nothing", null, "null"],
    ["a text with quotes", 'a "b" é', '"a "b" é"'],
    ["a long text", "x".repeat(160), `"${"x".repeat(150)}..."`],
    ["a long text of many bytes", `x${"é".repeat(100)}`, `"x${"é".repeat(74)}..."`],
    ["a text of just fitting length", "x".repeat(159), `"${"x".repeat(159)}"`],
    ["a document", { a: { b: 1 }, c: {} }, "{ a: { b: 1 }, c: {} }"],
    ["an array in an array", [[1, "a"]], '[ 1, "a" ]'],
    ["a date", new Date(1000), "new Date(1000)"],
    ["a regular expression", /^a/i, "/^a/i"],
    ["a double", new mongo.Double(1), "1.0"],
    ["a fraction", 0.1 + 0.2, "0.3"],
    ["a small double", 1.5e-7, "1.5e-07"],
    ["a large double", 1e21, "1e+21.0"],
    ["a long", mongo.Long.fromNumber(5), "5"],
    ["a decimal", mongo.Decimal128.fromString("1.50"), "1.50"],
    ["bytes", new mongo.Binary(Buffer.from("abc")), "BinData(0, 616263)"],
    ["many bytes", new mongo.Binary(Buffer.alloc(81)), `BinData(0, ${"00".repeat(70)}...)`],
    [
      "a UUID",
      new mongo.UUID("00112233-4455-6677-8899-aabbccddeeff"),
      'UUID("00112233-4455-6677-8899-aabbccddeeff")',
    ],
    ["a timestamp", new mongo.Timestamp({ t: 1, i: 2 }), "Timestamp(1, 2)"],
    ["code", new mongo.Code("a + b"), "a + b"],
    ["the largest key", new mongo.MaxKey(), "MaxKey"],
  ])("shows %s in E11000", async (_what, value, shown) => {
    const collection = fresh();
    await collection.createIndex({ v: 1 }, { unique: true });
    await collection.insertOne({ v: value });
    const { message } = await errorOf(collection.insertOne({ v: value }));
    expect(message.slice(message.indexOf("dup key"))).toBe(`dup key: { v: ${shown} }`);
  });

  it("stops at the first error when ordered, goes on when not", async () => {
    const collection = fresh();
    const docs = [{ _id: 1 }, { _id: 1 }, { _id: 2 }];
    await errorOf(collection.insertMany(docs as never));
    expect(await collection.countDocuments()).toBe(1);
    const error = await errorOf(
      collection.insertMany([{ _id: 1 }, { _id: 3 }, { _id: 4 }] as never, { ordered: false }),
    );
    expect(
      (error as unknown as { writeErrors: { index: number }[] }).writeErrors.map(
        ({ index }) => index,
      ),
    ).toEqual([0]);
    expect(await collection.countDocuments()).toBe(3);
  });

  it("gives every BSON type back as it came", async () => {
    const collection = test.db.collection("types", { promoteValues: false, promoteLongs: false });
    const doc = {
      _id: new ObjectId(),
      double: new Double(5),
      long: Long.fromString("9223372036854775807"),
      decimal: Decimal128.fromString("1.10"),
      date: new Date(1),
      uuid: new UUID(),
      regex: /a.b/i,
      nested: { z: 1, a: [true, null, "x"] },
    };
    await collection.insertOne(doc);
    await collection.updateOne({ _id: doc._id }, { $set: { other: 1 } });
    const found = await collection.findOne({ _id: doc._id }, { promoteValues: false });
    expect(found).toMatchObject({
      double: new Double(5),
      long: doc.long,
      decimal: doc.decimal,
      date: doc.date,
    });
    expect(Object.keys(found ?? {})).toEqual([...Object.keys(doc), "other"]);
  });
});

describe("find", () => {
  it("reads in batches", async () => {
    const collection = fresh();
    await collection.insertMany(Array.from({ length: 250 }, (_, n) => ({ n })));
    const found = await collection.find({}, { batchSize: 40 }).toArray();
    expect(found.map(({ n }) => n)).toEqual(Array.from({ length: 250 }, (_, n) => n));
  });

  it("goes through an index for equality, then sort, then range, and explain says so", async () => {
    const collection = fresh();
    await collection.createIndex({ owner: 1, createdAt: -1 });
    await collection.insertMany(
      Array.from({ length: 100 }, (_, n) => ({ owner: n % 5, createdAt: new Date(n) })),
    );
    const cursor = collection
      .find({ owner: 2, createdAt: { $lt: new Date(50) } })
      .sort({ createdAt: -1 });
    const { executionStats, queryPlanner } = await cursor.limit(3).explain();
    expect(executionStats).toMatchObject({
      nReturned: 3,
      totalKeysExamined: 3,
      totalDocsExamined: 3,
    });
    expect(queryPlanner.winningPlan).toMatchObject({
      stage: "LIMIT",
      inputStage: {
        stage: "FETCH",
        inputStage: { stage: "IXSCAN", indexName: "owner_1_createdAt_-1" },
      },
    });
  });

  it("keeps every kind of index true when only some fields of a document change", async () => {
    const collection = fresh();
    await collection.createIndex({ a: 1, "n.x": -1 });
    await collection.createIndex({ größe: 1 });
    await collection.createIndex({ tags: 1 });
    await collection.createIndex({ b: 1 }, { partialFilterExpression: { on: true } });
    await collection.createIndex({ title: "text" });
    await collection.insertOne({
      ...{ a: 1, b: 1, n: { x: 1 }, größe: 1, tags: ["p", "q"], on: false, title: "old words" },
    });
    await collection.updateOne({}, { $inc: { views: 1 } });
    await collection.updateOne({}, { $inc: { "n.x": 1, größe: 1 }, $push: { tags: "r" } as never });
    await collection.updateOne({}, { $set: { on: true, title: "new letters" } });
    await collection.updateOne({}, { $unset: { a: 1 } });

    const count = (filter: object, hint: object) => collection.countDocuments(filter, { hint });
    expect(await count({ a: null, "n.x": 2 }, { a: 1, "n.x": -1 })).toBe(1);
    expect(await count({ a: 1 }, { a: 1, "n.x": -1 })).toBe(0);
    expect(await count({ größe: 2 }, { größe: 1 })).toBe(1);
    expect(await count({ größe: 1 }, { größe: 1 })).toBe(0);
    expect(await count({ tags: "r" }, { tags: 1 })).toBe(1);
    expect(await count({ b: 1, on: true }, { b: 1 })).toBe(1);
    expect(await collection.countDocuments({ $text: { $search: "letters" } })).toBe(1);
    expect(await collection.countDocuments({ $text: { $search: "words" } })).toBe(0);
    expect(await test.db.command({ validate: collection.collectionName })).toMatchObject({
      valid: true,
    });
  });

  it("says COLLSCAN without an index", async () => {
    const collection = fresh();
    await collection.insertMany([{ a: 1 }, { a: 2 }]);
    const { executionStats, queryPlanner } = await collection.find({ a: 1 }).explain();
    expect(queryPlanner.winningPlan.stage).toBe("COLLSCAN");
    expect(executionStats).toMatchObject({ nReturned: 1, totalDocsExamined: 2 });
  });

  it("gives the same answers with and without an index", async () => {
    const plain = fresh();
    const indexed = fresh();
    const values = [
      null,
      1,
      2.5,
      -3,
      "a",
      "b",
      "",
      "ab",
      true,
      false,
      [1, 2],
      [],
      ["a"],
      { x: 1 },
      new Date(5),
      Decimal128.fromString("2.50"),
      Decimal128.fromString("2.5000000000000000000001"),
      Long.fromString("9007199254740993"),
      undefined,
    ];
    const docs = values.map((a, _id) => (a === undefined ? { _id } : { _id, a }));
    await plain.insertMany(docs as never);
    for (const direction of [1, -1] as const) {
      await indexed.deleteMany({});
      await indexed.dropIndexes().catch(() => undefined);
      await indexed.createIndex({ a: direction });
      await indexed.insertMany(docs as never);
      const filters = [
        { a: 1 },
        { a: null },
        { a: { $gt: 0 } },
        { a: { $lte: 2.5 } },
        { a: Decimal128.fromString("2.5") },
        { a: { $in: [Decimal128.fromString("9007199254740993"), Decimal128.fromString("1")] } },
        { a: { $lt: "b" } },
        { a: { $gte: "" } },
        { a: { $in: [1, "a", null] } },
        { a: { $exists: true } },
        { a: { $exists: false } },
        { a: /^a/ },
        { a: { $ne: 1 } },
        { a: true },
        { a: { $gt: new Date(0) } },
        { a: [] },
        { a: [1, 2] },
        { a: { x: 1 } },
        { $or: [{ a: 1 }, { a: "b" }] },
        { a: { $gt: 0, $lt: 2 } },
        { a: { $type: "string" } },
      ];
      for (const filter of filters) {
        const ids = async (collection: typeof plain) =>
          (await collection.find(filter as never).toArray())
            .map(({ _id }) => Number(_id))
            .sort((x, y) => x - y);
        expect({ filter, direction, ids: await ids(indexed) }).toEqual({
          filter,
          direction,
          ids: await ids(plain),
        });
      }
    }
  });
});

describe("update", () => {
  it.each([
    ["$inc on a missing field", { a: 1 }, { $inc: { b: 2 } }, { a: 1, b: 2 }],
    [
      "$push with $each, $sort and $slice",
      { a: [3, 1] },
      { $push: { a: { $each: [2], $sort: 1, $slice: 2 } } },
      { a: [1, 2] },
    ],
    ["$addToSet of a present value", { a: [1] }, { $addToSet: { a: 1 } }, { a: [1] }],
    ["$pull by condition", { a: [1, 5, 9] }, { $pull: { a: { $gte: 5 } } }, { a: [1] }],
    ["$rename", { a: 1 }, { $rename: { a: "b.c" } }, { b: { c: 1 } }],
    ["$unset", { a: 1, b: 2 }, { $unset: { a: "" } }, { b: 2 }],
    ["a path into an array", { a: [{ b: 1 }] }, { $set: { "a.0.b": 2 } }, { a: [{ b: 2 }] }],
    ["$min and $max", { a: 5, b: 5 }, { $min: { a: 3 }, $max: { b: 3 } }, { a: 3, b: 5 }],
    ["every element", { a: [1, 2] }, { $inc: { "a.$[]": 10 } }, { a: [11, 12] }],
    ["a pipeline", { a: 2 }, [{ $set: { b: { $multiply: ["$a", 3] } } }], { a: 2, b: 6 }],
  ])("applies %s", async (_what, before, update, after) => {
    const collection = fresh();
    await collection.insertOne({ _id: 1, ...before });
    await collection.updateOne({ _id: 1 } as never, update as never);
    expect(await collection.findOne()).toEqual({ _id: 1, ...after });
  });

  it("changes the matched element and those an array filter names", async () => {
    const collection = fresh();
    await collection.insertOne({
      _id: 1,
      a: [
        { k: 1, n: 0 },
        { k: 2, n: 0 },
        { k: 3, n: 0 },
      ],
    });
    await collection.updateOne({ "a.k": 2 }, { $set: { "a.$.n": 5 } });
    await collection.updateOne(
      {},
      { $set: { "a.$[x].n": 9 } },
      { arrayFilters: [{ "x.k": { $gt: 2 } }] },
    );
    expect((await collection.findOne())?.["a"]).toEqual([
      { k: 1, n: 0 },
      { k: 2, n: 5 },
      { k: 3, n: 9 },
    ]);
  });

  it("inserts the equalities of its filter on upsert", async () => {
    const collection = fresh();
    const result = await collection.findOneAndUpdate(
      { key: "k", n: { $gt: 5 } },
      { $inc: { points: 1 }, $setOnInsert: { expire: new Date(0) } },
      { upsert: true, returnDocument: "after" },
    );
    expect(result).toMatchObject({ key: "k", points: 1, expire: new Date(0) });
  });

  it.each([
    [{ $inc: { a: "x" } }, 14],
    [{ $nope: { a: 1 } }, 9],
    [{ $set: { a: 1 }, $inc: { a: 1 } }, 40],
    [{ $set: { _id: 2 } }, 66],
    [{ $set: { "s.b": 1 } }, 28],
    [{ $push: { s: 1 } }, 2],
  ])("refuses %j with code %i", async (update, code) => {
    const collection = fresh();
    await collection.insertOne({ _id: 1, s: "text" });
    expect(await errorOf(collection.updateOne({}, update as never))).toMatchObject({ code });
  });

  it.each([
    ["source", { "a.$": "b" }, "a.$"],
    ["source", { "a.$[].b": "b" }, "a.$[].b"],
    ["destination", { b: "a.$" }, "a.$"],
  ])("says which end of a $rename is dynamic: the %s of %j", async (end, $rename, path) => {
    const error = await errorOf(fresh().updateOne({}, { $rename }));
    expect(error.message).toBe(`The ${end} field for $rename may not be dynamic: ${path}`);
  });
});

describe("indexes", () => {
  it("answers 85 and 86 for conflicting definitions", async () => {
    const collection = fresh();
    await collection.createIndex({ a: 1 });
    expect(await errorOf(collection.createIndex({ a: 1 }, { name: "other" }))).toMatchObject({
      code: 85,
    });
    expect(await errorOf(collection.createIndex({ b: 1 }, { name: "a_1" }))).toMatchObject({
      code: 86,
    });
    expect(await errorOf(collection.createIndex({ a: 1 }, { unique: true }))).toMatchObject({
      code: 86,
    });
    await collection.createIndex({ at: 1 }, { expireAfterSeconds: 10 });
    const otherTime = collection.createIndex({ at: 1 }, { expireAfterSeconds: 20 });
    expect(await errorOf(otherTime)).toMatchObject({ code: 85 });
  });

  it("takes indexes of one key that differ in unique, sparse, filter or collation", async () => {
    const collection = fresh();
    for (const [name, options] of Object.entries({
      plain: {},
      unique: { unique: true },
      sparse: { sparse: true },
      partial: { partialFilterExpression: { a: { $gt: 1 } } },
      collated: { collation: { locale: "en" } },
    })) {
      expect(await collection.createIndex({ a: 1 }, { name, ...options })).toBe(name);
    }
  });

  it("refuses $ne in a partial filter with 67", async () => {
    const spec = { unique: true, partialFilterExpression: { a: { $ne: null } } };
    expect(await errorOf(fresh().createIndex({ a: 1 }, spec))).toMatchObject({
      code: 67,
      codeName: "CannotCreateIndex",
    });
  });

  it("lets a partial unique index ignore documents outside of its filter", async () => {
    const collection = fresh();
    await collection.createIndex(
      { a: 1 },
      { unique: true, partialFilterExpression: { a: { $exists: true } } },
    );
    await collection.insertMany([{ b: 1 }, { b: 2 }, { a: 1 }]);
    expect(await errorOf(collection.insertOne({ a: 1 }))).toMatchObject({ code: 11000 });
  });

  it("finds text by stem and sorts by score", async () => {
    const collection = fresh();
    await collection.createIndex({ title: "text", body: "text" }, { weights: { title: 10 } });
    await collection.insertMany([
      { _id: 1, title: "Cooking", body: "the runner" },
      { _id: 2, title: "Running shoes", body: "shoes" },
      { _id: 3, title: "Nothing", body: "runs and running" },
    ] as never);
    const score = { $meta: "textScore" } as const;
    const found = await collection
      .find({ $text: { $search: "run" } })
      .project({ score })
      .sort({ score })
      .toArray();
    expect(found.map(({ _id }) => _id as unknown)).toEqual([2, 3]);
    expect(await collection.countDocuments({ $text: { $search: '"running shoes"' } })).toBe(1);
  });

  it("removes documents of a TTL index when their time is over", async () => {
    const collection = fresh();
    await test.client.db("admin").command({ setParameter: 1, ttlMonitorSleepSecs: 0.2 });
    await collection.createIndex({ at: 1 }, { expireAfterSeconds: 0 });
    await collection.insertMany([
      { at: new Date(0) },
      { at: new Date(Date.now() + 1e6) },
      { at: "text" },
    ]);
    while ((await collection.countDocuments({})) > 2) {
      await test.db.command({ ping: 1 });
    }
    expect(await collection.countDocuments({ at: new Date(0) })).toBe(0);
  });
});

describe("aggregate", () => {
  it("joins by field and by pipeline", async () => {
    const [owners, videos] = [fresh(), fresh()];
    await owners.insertMany([
      { _id: 1, name: "a" },
      { _id: 2, name: "b" },
    ] as never);
    await videos.insertMany([
      { _id: 1, owner: 2 },
      { _id: 2, owner: 9 },
    ] as never);
    const from = owners.collectionName;
    const found = await videos
      .aggregate([
        { $lookup: { from, localField: "owner", foreignField: "_id", as: "byField" } },
        {
          $lookup: {
            from,
            let: { o: "$owner" },
            pipeline: [{ $match: { $expr: { $eq: ["$_id", "$$o"] } } }],
            as: "byPipeline",
          },
        },
      ])
      .toArray();
    expect(found[0]).toMatchObject({ byField: [{ name: "b" }], byPipeline: [{ name: "b" }] });
    expect(found[1]).toMatchObject({ byField: [], byPipeline: [] });
  });

  it.each([
    [
      "$group",
      [{ $group: { _id: "$k", n: { $sum: "$n" }, all: { $push: "$n" } } }, { $sort: { _id: 1 } }],
      [
        { _id: "a", n: 4, all: [1, 3] },
        { _id: "b", n: 2, all: [2] },
      ],
    ],
    [
      "$unwind",
      [{ $match: { k: "b" } }, { $unwind: "$t" }, { $project: { _id: 0, t: 1 } }],
      [{ t: "x" }, { t: "y" }],
    ],
    [
      "$facet",
      [{ $facet: { n: [{ $count: "n" }], first: [{ $limit: 1 }, { $project: { n: 1 } }] } }],
      [{ n: [{ n: 3 }], first: [{ _id: 1, n: 1 }] }],
    ],
    [
      "$sortByCount",
      [{ $sortByCount: "$k" }],
      [
        { _id: "a", count: 2 },
        { _id: "b", count: 1 },
      ],
    ],
    [
      "$addFields with $toString",
      [{ $limit: 1 }, { $addFields: { s: { $toString: "$n" } } }, { $project: { s: 1 } }],
      [{ _id: 1, s: "1" }],
    ],
    [
      "$bucket",
      [{ $bucket: { groupBy: "$n", boundaries: [0, 2, 4], output: { c: { $sum: 1 } } } }],
      [
        { _id: 0, c: 1 },
        { _id: 2, c: 2 },
      ],
    ],
    [
      "$dateToString",
      [{ $limit: 1 }, { $project: { d: { $dateToString: { date: "$d", format: "%Y-%m" } } } }],
      [{ _id: 1, d: "1970-01" }],
    ],
  ])("runs %s", async (_what, pipeline, expected) => {
    const collection = fresh();
    await collection.insertMany([
      { _id: 1, k: "a", n: 1, t: [], d: new Date(0) },
      { _id: 2, k: "b", n: 2, t: ["x", "y"] },
      { _id: 3, k: "a", n: 3 },
    ] as never);
    expect(await collection.aggregate(pipeline as never).toArray()).toEqual(expected);
  });

  it("refuses unknown stages with 40324", async () => {
    expect(
      await errorOf(
        fresh()
          .aggregate([{ $nope: 1 }])
          .toArray(),
      ),
    ).toMatchObject({ code: 40324 });
  });
});

describe("transactions", () => {
  it("are seen by nobody before the commit and by all after it", async () => {
    const collection = fresh();
    await collection.insertOne({ _id: 1, n: 0 });
    await test.client.withSession(async (session) => {
      session.startTransaction();
      await collection.updateOne({ n: 0 }, { $inc: { n: 1 } }, { session });
      await collection.insertOne({ n: 7 }, { session });
      expect(await collection.countDocuments({ n: 7 })).toBe(0);
      expect(await collection.countDocuments({ n: 7 }, { session })).toBe(1);
      await session.commitTransaction();
    });
    expect(await collection.distinct("n")).toEqual([1, 7]);
  });

  it("fail at once with a transient write conflict when another one was first", async () => {
    const collection = fresh();
    await collection.insertOne({ n: 0 });
    const [first, second] = [test.client.startSession(), test.client.startSession()];
    first.startTransaction();
    second.startTransaction();
    await collection.updateOne({}, { $inc: { n: 1 } }, { session: first });
    const error = await errorOf(collection.updateOne({}, { $inc: { n: 1 } }, { session: second }));
    expect(error.code).toBe(112);
    expect(error.hasErrorLabel("TransientTransactionError")).toBe(true);
    await first.commitTransaction();
    await Promise.all([first.endSession(), second.endSession()]);
  });

  it("make writers outside of them wait", async () => {
    const collection = fresh();
    await collection.insertOne({ n: 0 });
    const session = test.client.startSession();
    session.startTransaction();
    await collection.updateOne({}, { $inc: { n: 1 } }, { session });
    const outside = collection.updateOne({}, { $inc: { n: 10 } });
    await session.commitTransaction();
    await outside;
    await session.endSession();
    expect(await collection.findOne()).toMatchObject({ n: 11 });
  });

  it("keep counters exact under parallel withTransaction", async () => {
    const collection = fresh();
    await collection.insertOne({ n: 0 });
    const once = () =>
      test.client.withSession((session) =>
        session.withTransaction(() => collection.updateOne({}, { $inc: { n: 1 } }, { session })),
      );
    await Promise.all(Array.from({ length: 20 }, once));
    expect(await collection.findOne()).toMatchObject({ n: 20 });
  });

  it("leave nothing behind when aborted", async () => {
    const collection = fresh();
    const session = test.client.startSession();
    session.startTransaction();
    await collection.insertOne({ n: 1 }, { session });
    await session.abortTransaction();
    await session.endSession();
    expect(await collection.countDocuments({})).toBe(0);
  });
});

describe("retryable writes", () => {
  it("are applied once for one lsid and txnNumber, and answer the same", async () => {
    const collection = fresh();
    await collection.insertOne({ n: 0 });
    const updates = [{ q: {}, u: { $inc: { n: 1 } } }];
    const command = { update: collection.collectionName, updates, txnNumber: Long.fromNumber(100) };
    // Of its own, whose sessions have not come to that number.
    const client = await mongo.MongoClient.connect(test.database.uri);
    const db = client.db(test.db.databaseName);
    const replies = await client.withSession(async (session) => {
      const first = await db.command(command, { session });
      return [first, await db.command(command, { session })];
    });
    await client.close();
    expect(replies[1]).toMatchObject({ n: 1, nModified: 1 });
    expect(await collection.findOne()).toMatchObject({ n: 1 });
  });
});

describe("renameCollection", () => {
  it("refuses a view with 166", async () => {
    const source = fresh();
    const view = fresh();
    await test.db.createCollection(view.collectionName, { viewOn: source.collectionName });
    expect(await errorOf(view.rename("other"))).toMatchObject({ code: 166 });
  });
});
