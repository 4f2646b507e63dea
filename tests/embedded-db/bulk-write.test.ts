import type { mongo } from "mongoose";
import { startTestDatabase, stopTestDatabase, type TestDatabase } from "./support/database";

type Namespaces = Record<"test.a" | "test.b", Doc>;

interface Doc {
  _id: number;
  n?: number;
}

let test: TestDatabase;
let a: mongo.Collection<Doc>;
let b: mongo.Collection<Doc>;

beforeAll(async () => {
  test = await startTestDatabase();
});

afterAll(() => stopTestDatabase(test));

beforeEach(async () => {
  await test.db.dropDatabase();
  [a, b] = [test.db.collection<Doc>("a"), test.db.collection<Doc>("b")];
});

describe("bulkWrite", () => {
  it("writes to several collections in order and tells what each operation did", async () => {
    const result = await test.client.bulkWrite<Namespaces>(
      [
        { namespace: "test.a", name: "insertOne", document: { _id: 1, n: 1 } },
        { namespace: "test.a", name: "insertOne", document: { _id: 2, n: 1 } },
        {
          namespace: "test.a",
          name: "updateMany",
          filter: { n: 1 },
          update: { $inc: { n: 1 } },
        },
        {
          namespace: "test.b",
          name: "updateOne",
          filter: { _id: 7 },
          update: { $set: { n: 7 } },
          upsert: true,
        },
        { namespace: "test.b", name: "replaceOne", filter: { _id: 7 }, replacement: { n: 8 } },
        { namespace: "test.a", name: "deleteOne", filter: { n: 2 } },
      ],
      { verboseResults: true },
    );
    expect(result).toMatchObject({
      insertedCount: 2,
      matchedCount: 3,
      modifiedCount: 3,
      upsertedCount: 1,
      deletedCount: 1,
    });
    expect(result.updateResults?.get(3)).toMatchObject({ matchedCount: 1, upsertedId: 7 });
    expect(await a.find().toArray()).toEqual([{ _id: 2, n: 2 }]);
    expect(await b.find().toArray()).toEqual([{ _id: 7, n: 8 }]);
  });

  it.each([
    [true, [1]],
    [false, [1, 2]],
  ])("with ordered: %s keeps %j when the second of three fails", async (ordered, kept) => {
    const insert = (_id: number) =>
      ({ namespace: "test.a", name: "insertOne", document: { _id } }) as const;
    await expect(
      test.client.bulkWrite<Namespaces>([insert(1), insert(1), insert(2)], { ordered }),
    ).rejects.toMatchObject({
      writeErrors: new Map([[1, expect.objectContaining({ code: 11000 })]]),
    });
    expect((await a.find().toArray()).map(({ _id }) => _id)).toEqual(kept);
  });

  it.each([
    ["another database", "test", [{ insert: 0, document: {} }], 13],
    ["no operation", "admin", [], 16],
    ["an unknown operation", "admin", [{ nope: 0 }], 40415],
    ["a deletion without a filter", "admin", [{ delete: 0 }], 40414],
    ["an update without a change", "admin", [{ update: 0, filter: {} }], 40414],
    ["an unknown field", "admin", [{ delete: 0, filter: {}, limit: 1 }], 40415],
    ["a namespace that is not given", "admin", [{ insert: 3, document: {} }], 2],
  ])("refuses %s", async (_what, db, ops, code) => {
    const command = { bulkWrite: 1, ops, nsInfo: [{ ns: "test.a" }] };
    const reply = await test.client
      .db(db)
      .command(command)
      .catch((error: unknown) => error);
    expect(reply).toMatchObject({ code });
  });

  it("is undone with its transaction", async () => {
    await test.client.withSession(async (session) => {
      session.startTransaction();
      await test.client.bulkWrite<Namespaces>(
        [{ namespace: "test.a", name: "insertOne", document: { _id: 1 } }],
        { session },
      );
      await session.abortTransaction();
    });
    expect(await a.countDocuments({})).toBe(0);
  });

  it("makes no collection that nothing is stored in", async () => {
    const result = await test.client.bulkWrite<Namespaces>([
      { namespace: "test.a", name: "deleteMany", filter: {} },
      { namespace: "test.b", name: "updateOne", filter: {}, update: { $inc: { n: 1 } } },
    ]);
    expect(result).toMatchObject({ deletedCount: 0, matchedCount: 0 });
    expect(await test.db.listCollections().toArray()).toEqual([]);
  });
});
