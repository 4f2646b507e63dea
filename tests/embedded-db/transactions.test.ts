import { mongo } from "mongoose";
import { WireClient } from "./support/wire-client";
import { startTestDatabase, stopTestDatabase, type TestDatabase } from "./support/database";

let test: TestDatabase;
let session: mongo.ClientSession;

beforeAll(async () => {
  test = await startTestDatabase();
});

afterAll(() => stopTestDatabase(test));

beforeEach(async () => {
  await test.db.dropDatabase();
  session = test.client.startSession();
  session.startTransaction();
});

afterEach(() => session.endSession());

const names = async () =>
  (await test.db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);

describe("a collection made in a transaction", () => {
  it("is seen by others only after the commit", async () => {
    const made = test.db.collection<{ _id: number }>("made");
    await made.insertOne({ _id: 1 }, { session });
    expect(await made.findOne({}, { session })).toEqual({ _id: 1 });
    expect(await names()).toEqual([]);
    expect(await made.countDocuments()).toBe(0);
    await session.commitTransaction();
    expect(await names()).toEqual(["made"]);
    expect(await made.find().toArray()).toEqual([{ _id: 1 }]);
    expect(await made.estimatedDocumentCount()).toBe(1);
  });

  it("is gone after an abort, with its indexes", async () => {
    await test.db.createCollection("made", { session });
    await test.db.collection("made").createIndex({ a: 1 }, { session });
    await session.abortTransaction();
    expect(await names()).toEqual([]);
  });

  it("takes indexes that hold after the commit", async () => {
    const made = test.db.collection("made");
    await made.createIndex({ a: 1 }, { unique: true, session });
    await made.insertOne({ a: 1 }, { session });
    await session.commitTransaction();
    await expect(made.insertOne({ a: 1 })).rejects.toMatchObject({ code: 11000 });
    expect((await made.indexes()).map(({ name }) => name)).toEqual(["_id_", "a_1"]);
  });

  it("is joined by pipelines of the same transaction", async () => {
    await test.db.collection<{ _id: number }>("left").insertOne({ _id: 1 }, { session });
    await test.db.collection<{ _id: number }>("right").insertOne({ _id: 1 }, { session });
    const lookup = { from: "right", localField: "_id", foreignField: "_id", as: "r" };
    const joined = await test.db
      .collection("left")
      .aggregate([{ $lookup: lookup }], { session })
      .toArray();
    expect(joined).toEqual([{ _id: 1, r: [{ _id: 1 }] }]);
    await session.abortTransaction();
  });

  it("gives way to one of that name that others made meanwhile", async () => {
    const made = test.db.collection<{ _id: number }>("made");
    await made.insertOne({ _id: 1 }, { session });
    await made.insertOne({ _id: 2 });
    await expect(session.commitTransaction()).rejects.toMatchObject({
      code: 112,
      errorLabels: ["TransientTransactionError"],
    });
    expect(await made.find().toArray()).toEqual([{ _id: 2 }]);
  });

  it("does not keep others from making collections", async () => {
    await test.db.createCollection("made", { session });
    await test.db.createCollection("other");
    await session.commitTransaction();
    expect((await names()).sort()).toEqual(["made", "other"]);
  });

  it("takes no index once it holds documents", async () => {
    const made = test.db.collection("made");
    await made.insertOne({ a: 1 }, { session });
    await expect(made.createIndex({ a: 1 }, { session })).rejects.toMatchObject({ code: 263 });
  });
});

describe("a transaction", () => {
  it("stops at the first error of an unordered write", async () => {
    const rows = test.db.collection<{ _id: number }>("rows");
    await rows.insertOne({ _id: 1 }, { session });
    const documents = [{ _id: 2 }, { _id: 1 }, { _id: 3 }];
    await expect(rows.insertMany(documents, { session, ordered: false })).rejects.toMatchObject({
      code: 11000,
      insertedCount: 1,
      writeErrors: [{ index: 1 }],
    });
  });

  it.each(["$changeStream", "$collStats", "$indexStats", "$planCacheStats"])(
    "refuses %s",
    async (stage) => {
      await test.db.createCollection("rows");
      const asked = test.db.collection("rows").aggregate([{ [stage]: {} }], { session });
      await expect(asked.toArray()).rejects.toMatchObject({ code: 263 });
    },
  );
});

describe("a time-series collection", () => {
  it("refuses writes in a transaction", async () => {
    await test.db.createCollection("series", { timeseries: { timeField: "t" } });
    await expect(
      test.db.collection("series").insertOne({ t: new Date() }, { session }),
    ).rejects.toMatchObject({ code: 263 });
  });
});

describe("a cursor opened in a transaction", () => {
  const rows = Array.from({ length: 5 }, (_, at) => ({ _id: at }));
  let id: mongo.Long;

  beforeEach(async () => {
    // Outside, so that the collection is there before the transaction's snapshot.
    await test.db.collection<{ _id: number }>("rows").insertMany(rows);
    const reply = await test.db.command({ find: "rows", batchSize: 2 }, { session });
    id = (reply["cursor"] as { id: mongo.Long }).id;
  });

  const getMore = (options: { session?: mongo.ClientSession } = {}) =>
    test.db.command({ getMore: id, collection: "rows" }, options);

  it("is read on in it", async () => {
    const { cursor } = await getMore({ session });
    expect((cursor as { nextBatch: unknown }).nextBatch).toEqual(rows.slice(2));
    await session.commitTransaction();
  });

  it("ends with its commit", async () => {
    await session.commitTransaction();
    await expect(getMore({ session })).rejects.toMatchObject({ code: 43 });
  });

  it.each(["in it", "outside"])("ends with its abort, asked for %s", async (where) => {
    const { id: lsid } = session;
    const txnNumber = mongo.Long.fromNumber(session.serverSession.txnNumber);
    await session.abortTransaction();
    const client = await WireClient.connect(test.database.port);
    const more = { getMore: id, collection: "rows", $db: "test", lsid };
    const reply = await client.command(
      where === "outside" ? more : { ...more, txnNumber, autocommit: false },
    );
    client.close();
    expect(reply).toMatchObject({ code: where === "outside" ? 43 : 251 });
  });

  it("is not read on in another session, nor outside of it", async () => {
    await expect(getMore()).rejects.toMatchObject({ code: 50738 });
    const { id: lsid } = session;
    const client = await WireClient.connect(test.database.port);
    const more = { getMore: id, collection: "rows", $db: "test" };
    await expect(client.command(more)).resolves.toMatchObject({ code: 50737 });
    await expect(client.command({ ...more, lsid })).resolves.toMatchObject({ code: 50740 });
    client.close();
    await session.abortTransaction();
  });

  it("is not one opened before it", async () => {
    await session.abortTransaction();
    const reply = await test.db.command({ find: "rows", batchSize: 2 }, { session });
    id = (reply["cursor"] as { id: mongo.Long }).id;
    session.startTransaction();
    await expect(getMore({ session })).rejects.toMatchObject({ code: 50739 });
    await session.abortTransaction().catch(() => undefined);
  });
});
