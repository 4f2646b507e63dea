import { mongo } from "mongoose";
import { startEmbeddedDatabase } from "../../src/embedded-db";
import { startTestDatabase, stopTestDatabase, type TestDatabase } from "./support/database";

interface Doc {
  _id: number;
  n?: number;
  gone?: boolean;
}

let test: TestDatabase;
let docs: mongo.Collection<Doc>;
const streams: mongo.ChangeStream[] = [];

beforeAll(async () => {
  test = await startTestDatabase();
});

afterAll(() => stopTestDatabase(test));

beforeEach(async () => {
  await test.db.dropDatabase();
  docs = test.db.collection<Doc>("docs");
  await docs.insertOne({ _id: 0 });
});

afterEach(async () => {
  await Promise.all(streams.splice(0).map((stream) => stream.close()));
});

/** How long the server holds a question it has no event for. */
const quick = { maxAwaitTimeMS: 20 };

/** A stream that is certain to watch already: what comes later is seen. */
async function watching(stream: mongo.ChangeStream): Promise<mongo.ChangeStream> {
  streams.push(stream);
  await stream.tryNext();
  return stream;
}

async function take(stream: mongo.ChangeStream, count: number): Promise<mongo.BSON.Document[]> {
  const events: mongo.BSON.Document[] = [];
  while (events.length < count) {
    events.push(await stream.next());
  }
  return events;
}

describe("a change stream", () => {
  it("tells inserts, updates, replacements and deletions in order", async () => {
    const stream = await watching(docs.watch([], { ...quick, fullDocument: "updateLookup" }));
    await docs.insertOne({ _id: 1, n: 1, gone: true });
    await docs.updateOne({ _id: 1 }, { $inc: { n: 1 }, $unset: { gone: 1 } });
    await docs.updateOne({ _id: 1 }, [{ $set: { n: 3 } }]);
    await docs.replaceOne({ _id: 1 }, { n: 4 });
    await docs.deleteOne({ _id: 1 });
    const events = await take(stream, 5);
    const ns = { db: "test", coll: "docs" };
    expect(events).toMatchObject([
      { operationType: "insert", ns, documentKey: { _id: 1 }, fullDocument: { _id: 1, n: 1 } },
      {
        operationType: "update",
        updateDescription: { updatedFields: { n: 2 }, removedFields: ["gone"] },
      },
      { operationType: "update", updateDescription: { updatedFields: { n: 3 } } },
      { operationType: "replace", fullDocument: { _id: 1, n: 4 } },
      { operationType: "delete", documentKey: { _id: 1 } },
    ]);
    // The document is looked up when the event is read, and by then it is gone.
    expect(events[1]).toMatchObject({ fullDocument: null });
  });

  it.each<[string, mongo.Document | mongo.Document[], mongo.Document]>([
    ["a field in a document", { $set: { "a.b": 2, n: 1 } }, { updatedFields: { "a.b": 2 } }],
    [
      "a document made on the way",
      { $set: { "x.y.z": 1 } },
      { updatedFields: { x: { y: { z: 1 } } } },
    ],
    ["what $push put behind", { $push: { list: 3 } }, { updatedFields: { "list.2": 3 } }],
    ["an array that $pull changed", { $pull: { list: 1 } }, { updatedFields: { list: [2] } }],
    ["a renamed field", { $rename: { n: "m" } }, { updatedFields: { m: 1 }, removedFields: ["n"] }],
    [
      "the difference a pipeline made",
      [{ $set: { "a.b": 3, long: { $slice: ["$long", 50] } } }, { $unset: "a.c" }],
      {
        updatedFields: { "a.b": 3 },
        removedFields: ["a.c"],
        truncatedArrays: [{ field: "long", newSize: 50 }],
      },
    ],
  ])("describes %s", async (_what, change, description) => {
    await docs.insertOne({
      _id: 1,
      n: 1,
      a: { b: 1, c: { long: "x".repeat(99) } },
      list: [1, 2],
      long: Array(99).fill(7),
    } as Doc);
    const stream = await watching(docs.watch([], quick));
    await docs.updateOne({ _id: 1 }, change);
    const [event] = await take(stream, 1);
    expect(event?.["updateDescription"]).toEqual({
      updatedFields: {},
      removedFields: [],
      truncatedArrays: [],
      ...description,
    });
  });

  it("shows documents before and after a change, where the collection keeps them", async () => {
    const images = { enabled: true };
    await test.db.command({ collMod: "docs", changeStreamPreAndPostImages: images });
    const stream = await watching(
      docs.watch([], { ...quick, fullDocument: "required", fullDocumentBeforeChange: "required" }),
    );
    await docs.updateOne({ _id: 0 }, { $set: { n: 1 } });
    await docs.replaceOne({ _id: 0 }, { n: 2 });
    await docs.deleteOne({ _id: 0 });
    expect(await take(stream, 3)).toMatchObject([
      { fullDocumentBeforeChange: { _id: 0 }, fullDocument: { _id: 0, n: 1 } },
      { fullDocumentBeforeChange: { _id: 0, n: 1 }, fullDocument: { _id: 0, n: 2 } },
      { operationType: "delete", fullDocumentBeforeChange: { _id: 0, n: 2 } },
    ]);
  });

  it("fails for a required image that was not kept, and gives null for an optional one", async () => {
    const [required, optional] = await Promise.all(
      ["required", "whenAvailable"].map((fullDocumentBeforeChange) =>
        watching(docs.watch([], { ...quick, fullDocumentBeforeChange })),
      ),
    );
    await docs.updateOne({ _id: 0 }, { $set: { n: 1 } });
    await expect(required?.next()).rejects.toMatchObject({ code: 47 });
    expect(await optional?.next()).toMatchObject({ fullDocumentBeforeChange: null });
  });

  it("splits an event that is larger than a document may be", async () => {
    await test.db.command({ collMod: "docs", changeStreamPreAndPostImages: { enabled: true } });
    const text = "x".repeat(9 * 1024 * 1024);
    await docs.insertOne({ _id: 1, text } as Doc);
    const stream = await watching(
      docs.watch([{ $changeStreamSplitLargeEvent: {} }], {
        ...quick,
        fullDocument: "required",
        fullDocumentBeforeChange: "required",
      }),
    );
    await docs.updateOne({ _id: 1 }, { $set: { n: 1 } });
    const [first, second] = await take(stream, 2);
    expect([first?.["splitEvent"], second?.["splitEvent"]]).toEqual([
      { fragment: 1, of: 2 },
      { fragment: 2, of: 2 },
    ]);
    expect({ ...first, ...second }).toMatchObject({
      operationType: "update",
      fullDocument: { n: 1 },
      fullDocumentBeforeChange: { _id: 1 },
    });
  });

  it("resumes after a token without missing or repeating anything", async () => {
    const first = await watching(docs.watch([], quick));
    await docs.insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }]);
    const [event] = await take(first, 1);
    await first.close();
    await docs.insertOne({ _id: 4 });
    const second = docs.watch([], { resumeAfter: event?.["_id"] });
    streams.push(second);
    const ids = (await take(second, 3)).map(({ documentKey }) => (documentKey as Doc)._id);
    expect(ids).toEqual([2, 3, 4]);
  });

  it("starts at the cluster time of a change, also amid those that came together", async () => {
    const first = await watching(docs.watch([], quick));
    await docs.insertMany([{ _id: 1 }, { _id: 2, n: 2 }, { _id: 3 }]);
    const [, { clusterTime }] = (await take(first, 3)) as [unknown, mongo.BSON.Document];
    const second = docs.watch([], { startAtOperationTime: clusterTime as mongo.Timestamp });
    streams.push(second);
    expect(await take(second, 2)).toMatchObject([
      { documentKey: { _id: 2 }, fullDocument: { _id: 2, n: 2 } },
      { documentKey: { _id: 3 }, fullDocument: { _id: 3 } },
    ]);
  });

  it("starts at a time of this run, and answers 286 to one before it", async () => {
    const second = Math.floor(Date.now() / 1000);
    const database = await startEmbeddedDatabase();
    const client = await mongo.MongoClient.connect(database.uri);
    const at = (t: number) => ({ startAtOperationTime: new mongo.Timestamp({ t, i: 1 }) });
    const coll = client.db("test").collection<Doc>("docs");
    await coll.insertOne({ _id: 1 });
    const now = coll.watch([], at(Math.floor(Date.now() / 1000)));
    const before = coll.watch([], at(second - 1));
    await now.tryNext();
    await coll.insertOne({ _id: 2 });
    expect(await now.next()).toMatchObject({ operationType: "insert" });
    await expect(before.next()).rejects.toMatchObject({
      code: 286,
      errorLabels: ["NonResumableChangeStreamError"],
    });
    await Promise.all([now.close(), before.close()]);
    await client.close();
    await database.stop();
  });

  it("tells nothing that comes before the time it starts at", async () => {
    const t = Math.floor(Date.now() / 1000) + 3600;
    const startAtOperationTime = new mongo.BSON.Timestamp({ t, i: 1 });
    const stream = await watching(docs.watch([], { ...quick, startAtOperationTime }));
    await docs.insertOne({ _id: 1 });
    expect(await stream.tryNext()).toBeNull();
  });

  it("keeps the order of a transaction over several collections, and whose each part was", async () => {
    const stream = await watching(test.db.watch([], quick));
    await test.client.withSession((session) =>
      session.withTransaction(async () => {
        await docs.insertMany([{ _id: 1 }, { _id: 2 }], { session });
        await test.db.collection<Doc>("y").insertMany([{ _id: 3 }, { _id: 4 }], { session });
        await docs.deleteOne({ _id: 1 }, { session });
      }),
    );
    const events = await take(stream, 5);
    const told = events.map(({ ns, documentKey, operationType }) =>
      [(ns as { coll: string }).coll, (documentKey as Doc)._id, operationType].join(" "),
    );
    expect(told).toEqual(
      ["docs 1", "docs 2", "y 3", "y 4", "docs 1"].map(
        (it, at) => `${it} ${at < 4 ? "insert" : "delete"}`,
      ),
    );
    expect(events.every(({ lsid, txnNumber }) => lsid && txnNumber)).toBe(true);
  });

  it("answers 286 to a token or time whose successors are forgotten, and goes on after a younger one", async () => {
    const stream = await watching(docs.watch([], quick));
    const old = stream.resumeToken;
    const startAtOperationTime = new mongo.Timestamp({ t: Math.floor(Date.now() / 1000), i: 1 });
    for (let batch = 0; batch < 12; batch++) {
      await docs.insertMany(
        Array.from({ length: 1000 }, (_, n) => ({ _id: batch * 1000 + n + 1 })),
      );
    }
    await expect(docs.watch([], { resumeAfter: old }).next()).rejects.toMatchObject({ code: 286 });
    await expect(docs.watch([], { startAtOperationTime }).next()).rejects.toMatchObject({
      code: 286,
    });
    const young = (await watching(docs.watch([], quick))).resumeToken;
    await docs.insertMany([{ _id: 20_001 }, { _id: 20_002 }]);
    const resumed = docs.watch([], { resumeAfter: young });
    streams.push(resumed);
    expect(await take(resumed, 2)).toMatchObject([
      { documentKey: { _id: 20_001 } },
      { documentKey: { _id: 20_002 } },
    ]);
  });

  it("watches a database, or all, through a pipeline", async () => {
    const match = [{ $match: { operationType: "insert", "fullDocument.n": { $gt: 1 } } }];
    const [database, everything] = await Promise.all([
      watching(test.db.watch(match, quick)),
      watching(test.client.watch(match, quick)),
    ]);
    await test.client.db("another").collection("x").insertOne({ n: 2 });
    await test.db.collection("y").insertMany([{ n: 1 }, { n: 3 }]);
    expect(await take(database, 1)).toMatchObject([{ ns: { db: "test", coll: "y" } }]);
    expect((await take(everything, 2)).map(({ ns }) => (ns as { coll: string }).coll)).toEqual([
      "x",
      "y",
    ]);
    await test.client.db("another").dropDatabase();
  });

  it("hears of a transaction only when it is committed, and whose it was", async () => {
    const stream = await watching(docs.watch([], quick));
    let lsid: mongo.ServerSessionId | undefined;
    await test.client.withSession(async (session) => {
      lsid = session.id;
      session.startTransaction();
      await docs.insertOne({ _id: 1 }, { session });
      await session.abortTransaction();
      session.startTransaction();
      await docs.insertOne({ _id: 2 }, { session });
      await session.commitTransaction();
    });
    await docs.insertOne({ _id: 3 });
    const [part, alone] = await take(stream, 2);
    expect(part).toMatchObject({
      documentKey: { _id: 2 },
      txnNumber: expect.any(Number) as number,
    });
    expect(part).toHaveProperty("lsid.id", lsid?.id);
    expect(alone).not.toHaveProperty("lsid");
  });

  it("ends with its collection", async () => {
    const stream = await watching(docs.watch([], quick));
    await docs.drop();
    const [drop, invalidate] = await take(stream, 2);
    expect(drop).toMatchObject({ operationType: "drop", wallTime: expect.any(Date) as Date });
    expect(invalidate).toMatchObject({ operationType: "invalidate" });
    const times = ({ clusterTime, wallTime }: mongo.BSON.Document) => ({ clusterTime, wallTime });
    expect(times(invalidate as never)).toEqual(times(drop as never));
    await expect(stream.next()).rejects.toThrow("closed");
  });

  it("ends when another collection takes its name", async () => {
    await test.db.createCollection("other");
    const stream = await watching(docs.watch([], quick));
    await test.db.collection("other").rename("docs", { dropTarget: true });
    expect(await take(stream, 2)).toMatchObject([
      { operationType: "rename", ns: { coll: "other" }, to: { coll: "docs" } },
      { operationType: "invalidate" },
    ]);
  });

  it("tells what happens to collections and indexes, where that is asked for", async () => {
    const info = async () => (await test.db.listCollections({ name: "docs" }).toArray())[0];
    const collectionUUID = ((await info()) as mongo.CollectionInfo).info?.uuid;
    const index = { v: 2, key: { n: 1 }, name: "n_1" };
    const stream = await watching(docs.watch([], { ...quick, showExpandedEvents: true }));
    const plain = await watching(docs.watch([], quick));
    await docs.createIndex({ n: 1 });
    await test.db.command({ collMod: "docs", index: { name: "n_1", hidden: true } });
    await docs.dropIndex("n_1");
    await docs.insertOne({ _id: 1 });
    await docs.rename("renamed");
    const to = { db: "test", coll: "renamed" };
    expect(await take(stream, 5)).toMatchObject([
      {
        operationType: "createIndexes",
        collectionUUID,
        operationDescription: { indexes: [index] },
      },
      {
        operationType: "modify",
        collectionUUID,
        operationDescription: { index: { name: "n_1", hidden: true } },
        stateBeforeChange: {
          collectionOptions: { uuid: collectionUUID },
          indexOptions: { hidden: false },
        },
      },
      {
        operationType: "dropIndexes",
        collectionUUID,
        operationDescription: { indexes: [{ ...index, hidden: true }] },
      },
      { operationType: "insert", collectionUUID },
      { operationType: "rename", collectionUUID, to, operationDescription: { to } },
    ]);
    const [insert] = await take(plain, 1);
    expect(insert).toMatchObject({ operationType: "insert" });
    expect(insert).not.toHaveProperty("collectionUUID");
  });

  it("tells fields named by a number from places in arrays", async () => {
    const mixed = test.db.collection<mongo.Document>("mixed");
    await mixed.insertOne({ a: [{ "1": 1 }, 2], b: { "1": 1, c: 1 } });
    const stream = await watching(mixed.watch([], { ...quick, showExpandedEvents: true }));
    await mixed.updateOne({}, { $set: { "a.0.1": 2, "a.1": 3, "b.c": 2 }, $unset: { "b.1": 1 } });
    const [event] = await take(stream, 1);
    expect(event).toHaveProperty("updateDescription.disambiguatedPaths", {
      "a.0.1": ["a", 0, "1"],
      "b.1": ["b", "1"],
    });
  });

  it.each([
    ["a database of the server", 73, "config", "c"],
    ["all of admin", 73, "admin", 1],
    ["a collection of the server", 73, "test", "system.views"],
    ["a view", 166, "test", "view"],
  ])("does not watch %s (%i)", async (_what, code, db, aggregate) => {
    await test.db.createCollection("view", { viewOn: "docs", pipeline: [] });
    await expect(
      test.client.db(db).command({ aggregate, pipeline: [{ $changeStream: {} }], cursor: {} }),
    ).rejects.toMatchObject({ code });
  });

  it.each([
    ["takes the token away", { $project: { _id: 0 } }],
    ["puts a document in the event's place", { $replaceRoot: { newRoot: "$fullDocument" } }],
  ])("fails for good when its pipeline %s", async (_what, stage) => {
    const stream = await watching(docs.watch([stage], quick));
    await docs.insertOne({ _id: 1 });
    const error = await stream.next().catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: 280, codeName: "ChangeStreamFatalError" });
    expect((error as mongo.MongoServerError).errorLabels).toContain(
      "NonResumableChangeStreamError",
    );
  });

  it("goes on behind its end by startAfter alone", async () => {
    const stream = await watching(docs.watch([], quick));
    await docs.drop();
    const [drop, invalidate] = await take(stream, 2);
    const resumeAfter = invalidate?.["_id"];
    await expect(docs.watch([], { ...quick, resumeAfter }).tryNext()).rejects.toMatchObject({
      code: 260,
    });
    const again = docs.watch([], { ...quick, resumeAfter: drop?.["_id"] });
    streams.push(again);
    expect(await again.next()).toMatchObject({ operationType: "invalidate" });
    const behind = await watching(docs.watch([], { ...quick, startAfter: invalidate?.["_id"] }));
    await docs.insertOne({ _id: 1 });
    expect(await take(behind, 1)).toMatchObject([{ operationType: "insert" }]);
  });

  it.each([
    ["a token that is none", 260, [{ $changeStream: { resumeAfter: { _data: "x" } } }]],
    [
      "a token of another run",
      286,
      [{ $changeStream: { resumeAfter: { _data: "0".repeat(32) } } }],
    ],
    ["stages that are none", 40324, [{ $changeStream: {} }, { $nope: 1 }]],
    ["a place behind another stage", 40602, [{ $match: {} }, { $changeStream: {} }]],
    ["an unknown option", 40415, [{ $changeStream: { fullDocuments: "updateLookup" } }]],
    [
      "two tokens",
      50674,
      [{ $changeStream: { resumeAfter: { _data: "x" }, startAfter: { _data: "x" } } }],
    ],
    [
      "a token and a time",
      40674,
      [
        {
          $changeStream: {
            startAfter: { _data: "x" },
            startAtOperationTime: new mongo.BSON.Timestamp({ t: 1, i: 1 }),
          },
        },
      ],
    ],
    ["an unknown stage", 40324, [{ $changeStream: {} }, { $unknown: {} }]],
    ["stages that collect", 20, [{ $changeStream: {} }, { $group: { _id: 1 } }]],
    [
      "an unknown kind of image",
      2,
      [{ $changeStream: { fullDocumentBeforeChange: "updateLookup" } }],
    ],
    [
      "$changeStreamSplitLargeEvent before another stage",
      7182802,
      [{ $changeStream: {} }, { $changeStreamSplitLargeEvent: {} }, { $match: {} }],
    ],
  ])("refuses %s with %i", async (_what, code, pipeline) => {
    await expect(
      test.db.command({ aggregate: "docs", pipeline, cursor: {} }),
    ).rejects.toMatchObject({ code });
  });
});
