import { mongo } from "mongoose";
import { type EmbeddedDatabase, startEmbeddedDatabase } from "../../src/embedded-db";

let database: EmbeddedDatabase;
let client: mongo.MongoClient;
let db: mongo.Db;

beforeAll(async () => {
  database = await startEmbeddedDatabase({});
  client = await mongo.MongoClient.connect(database.uri);
  db = client.db("grouping");
});

afterAll(async () => {
  await client.close();
  await database.stop();
});

/** More than a stage may keep of documents, which are made as they are read. */
const COUNT = 400_000;
const MANY = [
  { $documents: [{ n: { $range: [0, COUNT] } }] },
  { $unwind: "$n" },
  { $addFields: { padding: { $literal: "x".repeat(20_000) } } },
];

const withMany = (...stages: mongo.Document[]) => db.aggregate([...MANY, ...stages]).toArray();

describe("a stage that keeps less than its documents has room for any number of them", () => {
  it.each<[string, mongo.Document[], mongo.Document[]]>([
    [
      "$group",
      [
        {
          $group: {
            _id: { $mod: ["$n", 2] },
            avg: { $avg: "$n" },
            bottom: { $bottom: { sortBy: { n: 1 }, output: "$n" } },
            count: { $count: {} },
            first: { $first: "$n" },
            firstN: { $firstN: { n: 2, input: "$n" } },
            last: { $last: "$n" },
            lastN: { $lastN: { n: 2, input: "$n" } },
            max: { $max: "$n" },
            maxN: { $maxN: { n: 2, input: "$n" } },
            min: { $min: "$n" },
            set: { $addToSet: { $mod: ["$n", 2] } },
            sum: { $sum: "$n" },
            topN: { $topN: { n: 2, sortBy: { n: -1 }, output: "$n" } },
          },
        },
        { $sort: { _id: 1 } },
      ],
      [0, 1].map((_id) => ({
        _id,
        avg: COUNT / 2 - 1 + _id,
        bottom: COUNT - 2 + _id,
        count: COUNT / 2,
        first: _id,
        firstN: [_id, _id + 2],
        last: COUNT - 2 + _id,
        lastN: [COUNT - 4 + _id, COUNT - 2 + _id],
        max: COUNT - 2 + _id,
        maxN: [COUNT - 2 + _id, COUNT - 4 + _id],
        min: _id,
        set: [_id],
        sum: (COUNT / 2) * (COUNT / 2 - 1 + _id),
        topN: [COUNT - 2 + _id, COUNT - 4 + _id],
      })),
    ],
    [
      "$bucket",
      [{ $bucket: { groupBy: "$n", boundaries: [0, 100, COUNT] } }],
      [
        { _id: 0, count: 100 },
        { _id: 100, count: COUNT - 100 },
      ],
    ],
    [
      "$sort with a limit behind it",
      [{ $sort: { n: -1 } }, { $skip: 1 }, { $limit: 2 }, { $project: { padding: 0 } }],
      [{ n: COUNT - 2 }, { n: COUNT - 3 }],
    ],
    ["$sample", [{ $sample: { size: 10 } }, { $count: "n" }], [{ n: 10 }]],
  ])("%s", async (_stage, stages, expected) => {
    expect(await withMany(...stages)).toEqual(expected);
  });

  it.each<[string, mongo.Document]>([
    ["$group", { $group: { _id: null, all: { $push: "$$ROOT" } } }],
    ["$sort", { $sort: { n: -1 } }],
    ["$sample", { $sample: { size: COUNT } }],
  ])("but %s is refused to keep all of them", async (_stage, stage) => {
    await expect(withMany(stage)).rejects.toMatchObject({ code: 292 });
  });
});

describe("a window", () => {
  const VALUES = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3];
  const BOUNDS = ["unbounded", -20, -3, -1, "current", 0, 1, 3, 20, "unbounded"] as const;
  const place = (at: number, bound: string | number, end: number) =>
    bound === "unbounded" ? end : at + (bound === "current" ? 0 : Number(bound));

  beforeAll(async () => {
    await db.collection("values").insertMany(VALUES.map((v, at) => ({ _id: at as never, v })));
  });

  it.each(
    BOUNDS.flatMap((low, from) => BOUNDS.slice(Math.max(from, 1)).map((high) => [low, high])),
  )("from %s to %s holds the documents between", async (low, high) => {
    const window = { documents: [low, high] };
    const found = await db
      .collection("values")
      .aggregate([
        {
          $setWindowFields: {
            sortBy: { _id: 1 },
            output: {
              list: { $push: "$v", window },
              sum: { $sum: "$v", window },
              max: { $max: "$v", window },
              firstN: { $firstN: { n: 2, input: "$v" }, window },
              rise: { $derivative: { input: "$v" }, window },
            },
          },
        },
      ])
      .toArray();
    expect(found).toEqual(
      VALUES.map((v, at) => {
        const from = Math.max(place(at, low ?? 0, 0), 0);
        const list = VALUES.slice(from, Math.max(place(at, high ?? 0, VALUES.length) + 1, 0));
        const last = list.at(-1) ?? NaN;
        return {
          _id: at,
          v,
          list,
          sum: list.reduce((sum, value) => sum + value, 0),
          max: list.length > 0 ? Math.max(...list) : null,
          firstN: list.slice(0, 2),
          rise: list.length > 1 ? (last - (list[0] ?? NaN)) / (list.length - 1) : null,
        };
      }),
    );
  });

  it("that grows with every document does not keep more than a stage may", async () => {
    const running = { $push: "$n", window: { documents: ["unbounded", "current"] } };
    await expect(
      db
        .aggregate([
          { $documents: [{ n: { $range: [0, 100_000] } }] },
          { $unwind: "$n" },
          { $setWindowFields: { sortBy: { n: 1 }, output: { before: running } } },
          { $count: "n" },
        ])
        .toArray(),
    ).rejects.toMatchObject({ code: 292 });
  });
});
