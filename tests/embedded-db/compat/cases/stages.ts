import { aggregate, type Case, type Doc, found } from "../case";

const TREE = [
  { _id: 1, n: 1, g: "a" },
  { _id: 2, n: null, g: "a", up: 1 },
  {
    _id: 3,
    n: 5,
    g: "b",
    up: 2,
    secret: { level: 9, text: "x" },
    list: [{ level: 1 }, { level: 9 }],
  },
];

const FOUND: [name: string, pipeline: Doc[], documents: Doc[]][] = [
  [
    "$bucketAuto counts evenly, its _id in front",
    [{ $bucketAuto: { groupBy: "$_id", buckets: 2 } }],
    [
      { _id: { min: 1, max: 3 }, count: 2 },
      { _id: { min: 3, max: 3 }, count: 1 },
    ],
  ],
  [
    "$fill with the last value",
    [{ $fill: { sortBy: { _id: 1 }, output: { n: { method: "locf" } } } }, { $project: { n: 1 } }],
    [
      { _id: 1, n: 1 },
      { _id: 2, n: 1 },
      { _id: 3, n: 5 },
    ],
  ],
  [
    "$fill along a line",
    [
      { $fill: { sortBy: { _id: 1 }, output: { n: { method: "linear" } } } },
      { $project: { n: 1 } },
    ],
    [
      { _id: 1, n: 1 },
      { _id: 2, n: 3 },
      { _id: 3, n: 5 },
    ],
  ],
  [
    "$graphLookup follows to the root",
    [
      { $match: { _id: 3 } },
      {
        $graphLookup: {
          from: "c",
          startWith: "$up",
          connectFromField: "up",
          connectToField: "_id",
          as: "above",
          depthField: "d",
        },
      },
      { $project: { above: { $sortArray: { input: "$above", sortBy: { d: 1 } } } } },
    ],
    [
      {
        _id: 3,
        above: [
          { _id: 2, n: null, g: "a", up: 1, d: 0 },
          { _id: 1, n: 1, g: "a", d: 1 },
        ],
      },
    ],
  ],
  [
    "$redact looks into documents and arrays",
    [
      { $match: { _id: 3 } },
      { $redact: { $cond: [{ $gt: ["$level", 5] }, "$$PRUNE", "$$DESCEND"] } },
    ],
    [{ _id: 3, n: 5, g: "b", up: 2, list: [{ level: 1 }] }],
  ],
  [
    "$group with $top and $firstN",
    [
      {
        $group: {
          _id: null,
          top: { $top: { sortBy: { _id: -1 }, output: "$_id" } },
          first: { $firstN: { input: "$_id", n: 2 } },
          small: { $minN: { input: "$n", n: 2 } },
        },
      },
    ],
    [{ _id: null, top: 3, first: [1, 2], small: [1, 5] }],
  ],
  [
    "$group with $median and $stdDevPop",
    [
      {
        $group: {
          _id: null,
          median: { $median: { input: "$_id", method: "approximate" } },
          deviation: { $stdDevSamp: "$_id" },
        },
      },
    ],
    [{ _id: null, median: 2, deviation: 1 }],
  ],
];

/** A window's field over documents with `_id` 1, 2, 3 and `n` 2, 4, 8, and its three values. */
const WINDOWS: [name: string, field: Doc, values: unknown[]][] = [
  ["$expMovingAvg", { $expMovingAvg: { input: "$n", alpha: 0.5 } }, [2, 3, 5.5]],
  ["$derivative", { $derivative: { input: "$n" }, window: { documents: [-1, 0] } }, [null, 2, 4]],
  [
    "$integral",
    { $integral: { input: "$n" }, window: { documents: ["unbounded", "current"] } },
    [0, 3, 9],
  ],
  ["$covariancePop", { $covariancePop: ["$_id", "$n"] }, [2, 2, 2]],
  ["$linearFill", { $linearFill: { $cond: [{ $eq: ["$_id", 2] }, null, "$n"] } }, [2, 5, 8]],
  ["$locf", { $locf: { $cond: [{ $eq: ["$_id", 2] }, null, "$n"] } }, [2, 2, 8]],
  ["$shift", { $shift: { output: "$n", by: 1, default: 0 } }, [4, 8, 0]],
  ["$rank", { $rank: {} }, [1, 2, 3]],
];

const REFUSED: [name: string, stage: Doc, code: number][] = [
  ["$count without a name", { $count: "" }, 40156],
  ["$sortByCount of a document", { $sortByCount: { x: "$g" } }, 40147],
  ["$unwind with an unknown option", { $unwind: { path: "$a", nope: 1 } }, 28811],
  ["$lookup with an unknown option", { $lookup: { from: "c", as: "x", pipeline: [], nope: 1 } }, 9],
  ["$merge on a field that is not unique", { $merge: { into: "d", on: "n" } }, 51183],
  ["$redact with another answer", { $redact: "$n" }, 17053],
  ["$fill without a method", { $fill: { output: { n: { method: "no" } } } }, 6050202],
];

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation-pipeline/ */
export const STAGE_CASES: Case[] = [
  ...FOUND.map(([name, pipeline, documents]): Case => ({
    name: `stage: ${name}`,
    documents: TREE,
    commands: [aggregate(...pipeline)],
    reply: found(...documents),
  })),
  ...WINDOWS.map(([name, field, values]): Case => ({
    name: `window: ${name}`,
    documents: [2, 4, 8].map((n, at) => ({ _id: at + 1, n })),
    commands: [
      aggregate(
        { $setWindowFields: { sortBy: { _id: 1 }, output: { v: field } } },
        { $project: { v: 1 } },
        { $sort: { _id: 1 } },
      ),
    ],
    reply: found(...values.map((v, at) => ({ _id: at + 1, v }))),
  })),
  ...REFUSED.map(([what, stage, code]): Case => ({
    name: `stage: refuses ${what}`,
    documents: TREE,
    commands: [aggregate(stage)],
    reply: { ok: 0, code },
  })),
];
