import type { mongo } from "mongoose";
import { BoundedRegex } from "../../src/embedded-db/query/bounded-regex";
import { Long } from "../../src/embedded-db/bson/values";
import { startTestDatabase, stopTestDatabase, type TestDatabase } from "./support/database";
import { WireClient } from "./support/wire-client";

let test: TestDatabase;

beforeAll(async () => {
  test = await startTestDatabase();
});

afterAll(() => stopTestDatabase(test));

const EXPLOSION = `${"a".repeat(60)}!`;

describe("a regular expression that would run for ever", () => {
  beforeAll(() => test.db.collection("texts").insertOne({ text: EXPLOSION }));

  const regex = "^(a+)+$";
  const texts = () => test.db.collection("texts");

  it.each([
    ["find", () => texts().findOne({ text: { $regex: regex } })],
    ["$in", () => texts().findOne({ text: { $in: [/^(a|aa)+$/] } })],
    ["a backreference", () => texts().findOne({ text: /^(a+)\1*\1*\1*\1*\1*\1*$/ })],
    [
      "$regexMatch",
      () =>
        texts()
          .aggregate([{ $set: { found: { $regexMatch: { input: "$text", regex } } } }])
          .toArray(),
    ],
    [
      "$regexFindAll",
      () =>
        texts()
          .aggregate([{ $set: { found: { $regexFindAll: { input: "$text", regex } } } }])
          .toArray(),
    ],
    [
      "$jsonSchema",
      () => texts().findOne({ $jsonSchema: { properties: { text: { pattern: regex } } } }),
    ],
  ])("ends with code 51156 in %s, and the server goes on", async (_where, run) => {
    await expect(run()).rejects.toMatchObject({ code: 51156 });
    await expect(test.db.command({ ping: 1 })).resolves.toMatchObject({ ok: 1 });
  });

  it.each([
    ["a.c", "", "xxabcx", "abc"],
    ["^(foo|bar)+(\\d{2,3})?$", "i", "FOObar123", "FOObar123"],
    ["(?<year>\\d+)-[*+]", "", "in 2026-+", "2026-+"],
    ["(\\w+)\\s\\1", "", "the the", "the the"],
    ["nothing", "", "text", undefined],
  ])("is told from the harmless %s", (source, flags, text, match) => {
    expect(new BoundedRegex(source, flags).exec(text)?.[0]).toBe(match);
  });
});

describe("the regular expression operators", () => {
  it.each([
    [
      { $regexFind: { input: "$t", regex: /(c)|(f)/ } },
      { match: "f", idx: 2, captures: [null, "f"] },
    ],
    [{ $regexFind: { input: "$t", regex: "nope" } }, null],
    [
      { $regexFindAll: { input: "$t", regex: "é|f", options: "i" } },
      [
        { match: "f", idx: 2, captures: [] },
        { match: "é", idx: 3, captures: [] },
      ],
    ],
    [{ $regexFindAll: { input: "$missing", regex: "a" } }, []],
    [{ $regexMatch: { input: "$t", regex: "^.a" } }, false],
    [{ $regexMatch: { input: "$t", regex: "^.a", options: "i" } }, true],
  ])("%j", async (expression, expected) => {
    const [found] = await test.db
      .aggregate([{ $documents: [{ t: "😀Afé" }] }, { $project: { v: expression } }])
      .toArray();
    expect(found?.["v"]).toEqual(expected);
  });
});

/** So many whole numbers from 0 away. */
function numbers(count: number): number[] {
  return Array.from({ length: Math.abs(count) }, (_, n) => (count < 0 ? -1 - n : n));
}

function inPolygon(corners: number): mongo.Document {
  const ring = numbers(corners + 1).map((n) => {
    const angle = ((n % corners) / corners) * 2 * Math.PI;
    return [10 * Math.cos(angle), 10 * Math.sin(angle)];
  });
  return { at: { $geoWithin: { $geometry: { type: "Polygon", coordinates: [ring] } } } };
}

describe("the square of a size is not taken by", () => {
  const sizes = () => test.db.collection("sizes");
  const evaluate = (v: unknown) =>
    test.db.aggregate([{ $documents: [{}] }, { $project: { v } }]).toArray();
  const dateOf = (dateString: string, format?: string) =>
    evaluate({ $dateFromString: { dateString, ...(format ? { format } : {}), onError: null } });

  beforeAll(async () => {
    await sizes().createIndex({ list: 1 });
    await sizes().insertOne({
      bits: Buffer.alloc(2 ** 20, 1),
      list: numbers(30_000),
      unindexed: numbers(60_000),
    });
  });

  it.each([
    ["the bits of binary data", () => sizes().findOne({ bits: { $bitsAllSet: [0] } })],
    [
      "bits far away",
      () => sizes().findOne({ bits: { $bitsAllClear: numbers(1_000).map((n) => n + 1e9) } }),
    ],
    [
      "the matches of a regular expression",
      () => evaluate({ $size: { $regexFindAll: { input: "a".repeat(100_000), regex: "a" } } }),
    ],
    [
      "expressions inside of others",
      () =>
        evaluate(
          numbers(50).reduce<unknown>(
            (inner) => ({ $reduce: { input: [1], initialValue: 0, in: inner } }),
            "$$value",
          ),
        ),
    ],
    [
      "the elements of an indexed array",
      () => sizes().updateOne({}, { $push: { list: -1 } } as never),
    ],
    [
      "a search for doubled elements",
      () => sizes().findOne({ $jsonSchema: { properties: { unindexed: { uniqueItems: true } } } }),
    ],
    [
      "the documents of a bucket",
      () =>
        test.db
          .aggregate([
            { $documents: { $map: { input: { $range: [0, 60_000] }, in: { n: "$$this" } } } },
            { $bucket: { groupBy: "$n", boundaries: [0, 60_000] } },
          ])
          .toArray(),
    ],
    [
      "the fields of an upsert",
      () =>
        test.db
          .collection("upserts")
          .updateOne(
            Object.fromEntries(numbers(15_000).map((n) => [`f${n}`, n])),
            { $set: { n: 1 } },
            { upsert: true },
          ),
    ],
    ["a text that may be a date", () => dateOf(`jul 1 ${"Z(".repeat(100_000)}`)],
  ])("%s", async (_what, run) => {
    await expect(run()).resolves.toBeTruthy();
  });

  it("a format of dates, which is bounded like other patterns", async () => {
    await expect(dateOf("a".repeat(100), "%B%B%B%B%B%B%B%B%B1")).rejects.toMatchObject({
      code: 51156,
    });
  });
});

describe("maxTimeMS", () => {
  const rows = () => test.db.collection("rows");

  beforeAll(async () => {
    await rows().insertMany(
      Array.from({ length: 20_000 }, (_, n) => ({ n, s: `${(n * 7919) % 20_000}`, k: n % 2_000 })),
    );
  });

  const maxTimeMS = 1;

  const lists = () => test.db.collection("lists");

  beforeAll(async () => {
    await lists().insertOne({ a: numbers(5_000) });
    await test.db.createCollection("tail", { capped: true, size: 2 ** 24 });
    await test.db.collection("tail").insertMany(Array.from({ length: 20_000 }, (_, n) => ({ n })));
  });

  it.each([
    ["a scan", () => rows().find({ s: /^x.y/ }, { maxTimeMS }).toArray()],
    ["a sort", () => rows().find({}, { maxTimeMS }).sort({ s: 1 }).toArray()],
    ["a count", () => rows().countDocuments({ s: "x" }, { maxTimeMS })],
    ["a distinct", () => rows().distinct("s", {}, { maxTimeMS })],
    [
      "a group",
      () =>
        rows()
          .aggregate([{ $group: { _id: "$s" } }], { maxTimeMS })
          .toArray(),
    ],
    [
      "a lookup without an index",
      () =>
        rows()
          .aggregate([{ $lookup: { from: "rows", localField: "k", foreignField: "n", as: "x" } }], {
            maxTimeMS,
          })
          .toArray(),
    ],
    ["an update of everything", () => rows().updateMany({}, { $inc: { n: 1 } }, { maxTimeMS })],
    [
      "an explanation",
      () => test.db.command({ explain: { find: "rows", filter: { s: /^x.y/ } }, maxTimeMS }),
    ],
    [
      "$out",
      () =>
        rows()
          .aggregate([{ $out: "copy" }], { maxTimeMS })
          .toArray(),
    ],
    ["a validation", () => test.db.command({ validate: "rows", maxTimeMS })],
    ["a search for a place in a polygon", () => rows().findOne(inPolygon(2_000), { maxTimeMS })],
    [
      "an addition to a set",
      () => lists().updateOne({}, { $addToSet: { a: { $each: numbers(-5_000) } } }, { maxTimeMS }),
    ],
    [
      "a removal of many elements",
      () => lists().updateOne({}, { $pullAll: { a: numbers(-5_000) } } as never, { maxTimeMS }),
    ],
    [
      "a wait at the end of a capped collection",
      () => test.db.command({ find: "tail", filter: { n: -1 }, tailable: true, maxTimeMS }),
    ],
  ])("ends %s with code 50", async (_what, run) => {
    await expect(run()).rejects.toMatchObject({ code: 50, codeName: "MaxTimeMSExpired" });
  });

  it("is refused where no cursor can wait for so long", async () => {
    const cursor = rows().find({}, { batchSize: 1 });
    await cursor.next();
    const getMore = { getMore: cursor.id, collection: "rows", maxTimeMS: -1 };
    await expect(test.db.command(getMore)).rejects.toMatchObject({
      code: 2,
      message: "-1 value for maxTimeMS is out of range [0, 2147483647]",
    });
    await cursor.close();
  });

  it("does not count the time between two batches", async () => {
    const cursor = rows().find({}, { batchSize: 1, maxTimeMS: 300 });
    await cursor.next();
    // More than the limit, spent by the client.
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect(await cursor.next()).not.toBeNull();
    await cursor.close();
  });
});

describe("in a transaction", () => {
  async function inTransaction(
    work: (session: mongo.ClientSession) => Promise<unknown>,
  ): Promise<unknown> {
    return test.client.withSession(async (session) => {
      session.startTransaction();
      try {
        return await work(session);
      } finally {
        await session.abortTransaction();
      }
    });
  }

  const names = async () => (await test.db.listCollections().toArray()).map(({ name }) => name);

  it.each([
    ["drop", { drop: "kept" }],
    ["renameCollection", { renameCollection: "test.kept", to: "test.other" }],
    ["collMod", { collMod: "kept" }],
    ["dropIndexes", { dropIndexes: "kept", index: "*" }],
    ["listCollections", { listCollections: 1 }],
    ["count", { count: "kept" }],
  ])("%s is refused by name with 263", async (name, command) => {
    await expect(
      inTransaction((session) => test.db.command(command, { session })),
    ).rejects.toMatchObject({
      code: 263,
      message: `Cannot run '${name}' in a multi-document transaction.`,
    });
  });

  it("a new collection and its indexes go again when it is aborted, and stay when it is committed", async () => {
    const make = (name: string) => async (session: mongo.ClientSession) => {
      await test.db.createCollection(name, { session });
      await test.db.collection(name).createIndex({ a: 1 }, { session, unique: true });
      await test.db.collection(name).insertOne({ a: 1 }, { session });
    };
    await inTransaction(make("aborted"));
    await inTransaction((session) =>
      test.db.collection("implicit").insertOne({ a: 1 }, { session }),
    );
    await test.client.withSession((session) =>
      session.withTransaction(() => make("committed")(session)),
    );
    expect(await names()).toEqual(expect.arrayContaining(["committed"]));
    expect(await names()).not.toEqual(expect.arrayContaining(["aborted"]));
    expect(await names()).not.toEqual(expect.arrayContaining(["implicit"]));
    await expect(test.db.collection("committed").insertOne({ a: 1 })).rejects.toMatchObject({
      code: 11000,
    });
  });

  it("an index on a collection that was there before is refused with 263", async () => {
    await test.db.collection("before").insertOne({ a: 1 });
    await expect(
      inTransaction((session) => test.db.collection("before").createIndex({ a: 1 }, { session })),
    ).rejects.toMatchObject({ code: 263 });
  });

  it("$out and $merge are refused with 263", async () => {
    await test.db.collection("source").insertOne({ a: 1 });
    await expect(
      inTransaction((session) =>
        test.db
          .collection("source")
          .aggregate([{ $out: "target" }], { session })
          .toArray(),
      ),
    ).rejects.toMatchObject({ code: 263 });
  });

  it("its documents are in an index that others asked for meanwhile", async () => {
    const collection = test.db.collection("indexed");
    await collection.insertOne({ a: 1 });
    const session = test.client.startSession();
    session.startTransaction();
    await collection.insertOne({ a: 2 }, { session });
    const index = collection.createIndex({ a: 1 });
    await session.commitTransaction();
    await session.endSession();
    await index;
    expect(await collection.find({ a: 2 }).hint({ a: 1 }).toArray()).toHaveLength(1);
  });

  it("an index younger than its snapshot makes it start again", async () => {
    const collection = test.db.collection("younger");
    await collection.insertOne({ a: 1 });
    const session = test.client.startSession();
    session.startTransaction();
    await collection.findOne({}, { session });
    await collection.createIndex({ a: 1 });
    const error: unknown = await collection.findOne({ a: 1 }, { session }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 246 });
    expect((error as mongo.MongoServerError).hasErrorLabel("TransientTransactionError")).toBe(true);
    await session.abortTransaction();
    await session.endSession();
  });
});

describe("a date beyond those of JavaScript", () => {
  it("is kept as it is, and a document with it not changed", async () => {
    const { port } = test.database;
    const client = await WireClient.connect(port);
    const asDate = (bytes: Buffer) => {
      bytes[bytes.indexOf("\x12at\0", "latin1")] = 0x09;
      return bytes;
    };
    const insert = {
      insert: "far",
      documents: [{ _id: 1, at: Long.fromNumber(1e17) }],
      $db: "test",
    };
    expect(await client.command(insert, asDate)).toMatchObject({ n: 1 });
    client.close();
    const far = test.db.collection("far");
    await expect(far.updateOne({}, { $set: { n: 1 } })).rejects.toMatchObject({ code: 2 });
    const [found] = await far.find({}, { raw: true }).toArray();
    expect(Buffer.from(found as never).readBigInt64LE(17)).toBe(10n ** 17n);
  });
});
