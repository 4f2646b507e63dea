import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mongo } from "mongoose";
import { type EmbeddedDatabase, startEmbeddedDatabase } from "../../src/embedded-db";

const { Decimal128, Double, Long } = mongo;

let folder: string;
let database: EmbeddedDatabase;
let client: mongo.MongoClient;
let db: mongo.Db;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "embedded-db-"));
  database = await startEmbeddedDatabase({ dataDir: folder });
  client = await mongo.MongoClient.connect(database.uri);
  db = client.db("index_order");
});

afterAll(async () => {
  await client.close();
  await database.stop();
  rmSync(folder, { recursive: true });
});

const decimal = (text: string) => Decimal128.fromString(text);

const NUMBERS = [
  ...[0.1, 0.5, 1, 2 ** 53, 2 ** 53 + 2, 2 ** 63, 1e300, 5e-324].flatMap((n) => [
    new Double(n),
    new Double(-n),
  ]),
  new Double(0),
  new Double(NaN),
  new Double(Infinity),
  new Double(-Infinity),
  ...["9007199254740991", "9007199254740993", "9223372036854775807"].flatMap((text) => [
    Long.fromString(text),
    Long.fromString(`-${text}`),
  ]),
  ...[
    "0.1",
    "0.10",
    "0.1000000000000000055511151231257827",
    "0.1000000000000000055511151231257828",
    "0.5",
    "1.000000000000000000000000000000001",
    "9.999999999999999999999999999999999",
    "10",
    "10.00000000000000000000000000000001",
    "9007199254740993",
    "9007199254740993.25",
    "9007199254740993.5",
    "9223372036854775807",
    "9223372036854775807.5",
    "9223372036854775856",
    "18446744073709551615",
    "1E+400",
    "1.1E+400",
    "1E-400",
    "1.1E-400",
    "9E-400",
  ].flatMap((text) => [decimal(text), decimal(`-${text}`)]),
  decimal("NaN"),
  decimal("Infinity"),
  decimal("-Infinity"),
];

const STRINGS = [
  "",
  "\0",
  "\0\0",
  "\u0001",
  "a",
  "a\0",
  "a\0b",
  "a\u0001",
  "a\u0002",
  "ab",
  "a\u00e4",
];

const LONG_STRINGS = ["a", "z"].flatMap((first) =>
  ["", "1", "2"].flatMap((last) => [
    first.repeat(700) + last,
    first.repeat(2000) + last,
    `${first.repeat(2000)}\0${last}`,
  ]),
);

const OPERATORS = ["$eq", "$gt", "$gte", "$lt", "$lte"];

/** The same question, once to an index and once to all documents. */
async function expectSame(
  collection: mongo.Collection,
  hint: mongo.Document,
  filter: mongo.Document,
): Promise<void> {
  const ids = async (by: mongo.Document) =>
    (await collection.find(filter).hint(by).project({ _id: 1 }).toArray())
      .map(({ _id }) => Number(_id))
      .sort((a, b) => a - b);
  const all = await ids({ $natural: 1 });
  expect({ filter, found: await ids(hint) }).toEqual({ filter, found: all });
  expect({ filter, n: await collection.countDocuments(filter) }).toEqual({ filter, n: all.length });
}

describe.each([
  ["numbers", NUMBERS],
  ["strings", STRINGS],
  ["values too long for a key", LONG_STRINGS],
])("%s", (name, values) => {
  let collection: mongo.Collection;

  beforeAll(async () => {
    collection = db.collection(name.replace(/ /g, "_"));
    await collection.createIndex({ up: 1 });
    await collection.createIndex({ down: -1 });
    await collection.createIndex({ up: 1, _id: 1 });
    await collection.createIndex({ down: -1, _id: 1 });
    await collection.createIndex({ up: 1, down: -1, up2: 1 });
    await collection.insertMany(
      values.map((value, _id) => ({ _id: _id as never, up: value, down: value, up2: value })),
    );
  });

  it.each([
    ["up", { up: 1 }],
    ["down", { down: -1 }],
    ["up", { up: 1, down: -1, up2: 1 }],
  ])("are found by %s through %j as by reading all", async (path, hint) => {
    for (const value of values) {
      const filters = OPERATORS.map((operator) => ({ [path]: { [operator]: value } }));
      await Promise.all(filters.map((filter) => expectSame(collection, hint, filter)));
    }
  });

  it("are found by ranges behind an equal value", async () => {
    const hint = { up: 1, down: -1, up2: 1 };
    for (const value of values) {
      await expectSame(collection, hint, { up: value, down: { $gte: value } });
      await expectSame(collection, hint, { up: value, down: { $lt: value } });
    }
  });

  it.each<Record<string, mongo.SortDirection>>([
    { up: 1, _id: 1 },
    { down: -1, _id: 1 },
  ])("are sorted by %j as they are without an index", async (sort) => {
    const order = async (hint: mongo.Document) =>
      (await collection.find().sort(sort).hint(hint).toArray()).map(({ _id }) => Number(_id));
    expect(await order(sort)).toEqual(await order({ $natural: 1 }));
  });
});

it("sorts by an index with values that were cut once by reading them", async () => {
  const collection = db.collection("cut");
  await collection.createIndex({ s: 1 });
  const stages = async () =>
    JSON.stringify((await collection.find().sort({ s: 1 }).explain())["queryPlanner"]);
  expect(await stages()).not.toContain('"SORT"');
  await collection.insertOne({ s: "long".repeat(1000) });
  expect(await stages()).toContain('"SORT"');
});

it("takes as many long values as an index can have fields", async () => {
  const collection = db.collection("wide");
  const names = Array.from({ length: 32 }, (_, at) => `field${at}`);
  await collection.createIndex(Object.fromEntries(names.map((name) => [name, 1])));
  const long = Object.fromEntries(names.map((name) => [name, name.repeat(300)]));
  await collection.insertOne(long);
  const [first = "", ...others] = names;
  expect(await collection.countDocuments(long)).toBe(1);
  expect(await collection.countDocuments({ [first]: first.repeat(300) })).toBe(1);
  expect(await collection.countDocuments({ ...long, [others.at(-1) ?? ""]: "another" })).toBe(0);
  // A checkpoint moves into the tree what was written.
  await client.db("admin").command({ fsync: 1 });
  expect(await db.command({ validate: "wide" })).toMatchObject({ valid: true });
});
