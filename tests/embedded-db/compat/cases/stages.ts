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

/** Without a field, with null, and with a number in it. */
const KINDS_OF_NOTHING = {
  $project: {
    n: {
      $switch: {
        branches: [
          { case: { $eq: ["$_id", 1] }, then: "$$REMOVE" },
          { case: { $eq: ["$_id", 2] }, then: null },
        ],
        default: 1,
      },
    },
  },
};

const FOUND: [name: string, pipeline: Doc[], documents: Doc[]][] = [
  [
    "$lookup tells a variable that is missing from one that is null",
    [
      KINDS_OF_NOTHING,
      {
        $lookup: {
          from: "c",
          as: "found",
          let: { n: "$n" },
          pipeline: [
            KINDS_OF_NOTHING,
            { $match: { $expr: { $eq: ["$n", "$$n"] } } },
            { $project: { _id: 1 } },
          ],
        },
      },
      { $project: { found: 1 } },
    ],
    [1, 2, 3].map((_id) => ({ _id, found: [{ _id }] })),
  ],
  [
    "$unwind does not go through arrays",
    [
      { $limit: 1 },
      { $project: { list: [{ a: [1, 2] }] } },
      { $unwind: { path: "$list.a", preserveNullAndEmptyArrays: true } },
    ],
    [{ _id: 1, list: [{ a: [1, 2] }] }],
  ],
  [
    "$unwind finds nothing behind an array",
    [{ $project: { list: [{ a: [1, 2] }] } }, { $unwind: "$list.a" }],
    [],
  ],
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

const REFUSED: [name: string, stage: Doc, code: number, difference?: string][] = [
  ["$addFields without a field", { $addFields: {} }, 40177, "DocumentDB 1.0 takes none"],
  ["$addFields of a name with a dollar", { $addFields: { $a: 1 } }, 16410],
  ["$addFields of a path that ends in a dot", { $addFields: { "a.": 1 } }, 40353],
  ["$addFields of a path without a name in it", { $addFields: { "a..b": 1 } }, 15998],
  ["$addFields within a field it sets", { $addFields: { "a.b.c": 1, a: 2 } }, 40176],
  ["$addFields around a field it sets", { $set: { a: 2, "a.b": 1 } }, 40176],
  ["$bucket with one boundary", { $bucket: { groupBy: "$n", boundaries: [1] } }, 40192],
  ["$count by a number", { $count: 1 }, 40156],
  ["$count without a name", { $count: "" }, 40157],
  ["$count of a path", { $count: "$a" }, 40158],
  ["$count within a field", { $count: "a.b" }, 40160],
  ["$limit of a text", { $limit: "1" }, 5107201],
  ["$limit below nothing", { $limit: -1 }, 5107201],
  ["$limit to a fraction", { $limit: 1.5 }, 5107201],
  ["$skip of a text", { $skip: "1" }, 5107200],
  ["$unset of nothing", { $unset: [] }, 31119],
  ["$unset of a number among names", { $unset: ["a", 1] }, 31120],
  [
    "$lookup into a name with a dollar",
    { $lookup: { from: "c", localField: "n", foreignField: "n", as: "$x" } },
    16410,
  ],
  ["$sortByCount of a document", { $sortByCount: { x: "$g" } }, 40147],
  ["$unwind with an unknown option", { $unwind: { path: "$a", nope: 1 } }, 28811],
  ["$lookup with an unknown option", { $lookup: { from: "c", as: "x", pipeline: [], nope: 1 } }, 9],
  ["$merge on a field that is not unique", { $merge: { into: "d", on: "n" } }, 51183],
  ["$redact with another answer", { $redact: "$n" }, 17053],
  ["$fill without a method", { $fill: { output: { n: { method: "no" } } } }, 6050202],
];

const DENSE = [
  { _id: 1, k: 1, n: 0 },
  { _id: 2, k: 1, n: 7 },
  { _id: 3, k: 2, n: 4 },
  { _id: 4, k: 2, n: null },
];

const DAYS = ["2024-01-31", "2024-05-01"].map((day, at) => ({ _id: at, t: new Date(day) }));

/** Documents, a range over their `n`, and what it makes of them. */
const DENSIFIED: [name: string, spec: Doc, documents: Doc[], made: Doc[]][] = [
  [
    "over the full range",
    { field: "n", range: { step: 3, bounds: "full" } },
    DENSE,
    [DENSE[3], DENSE[0], { n: 3 }, DENSE[2], { n: 6 }, DENSE[1]] as Doc[],
  ],
  [
    "every partition over the full range",
    { field: "n", partitionByFields: ["k"], range: { step: 4, bounds: "full" } },
    DENSE.slice(0, 3),
    [DENSE[0], { k: 2, n: 0 }, DENSE[2], { k: 1, n: 4 }, DENSE[1]] as Doc[],
  ],
  [
    "every partition over its own range",
    { field: "n", partitionByFields: ["k"], range: { step: 4, bounds: "partition" } },
    DENSE.slice(0, 3),
    [DENSE[0], { k: 1, n: 4 }, DENSE[1], DENSE[2]] as Doc[],
  ],
  [
    "between two bounds, the upper one left out",
    { field: "n", range: { step: 2, bounds: [-2, 8] } },
    DENSE.slice(0, 3),
    [{ n: -2 }, DENSE[0], { n: 2 }, DENSE[2], { n: 6 }, DENSE[1]] as Doc[],
  ],
  [
    "where nothing is",
    { field: "n", range: { step: 1, bounds: [0, 2] } },
    [],
    [{ n: 0 }, { n: 1 }],
  ],
  [
    "by months",
    { field: "t", range: { step: 2, unit: "month", bounds: "full" } },
    DAYS,
    [DAYS[0], { t: new Date("2024-03-31") }, DAYS[1]] as Doc[],
  ],
];

const STEP = { step: 1, bounds: "full" };

const UNDENSIFIABLE: [what: string, spec: Doc, code: number][] = [
  ["a step of nothing", { field: "n", range: { ...STEP, step: 0 } }, 5733401],
  ["a step too small for a double", { field: "v", range: { ...STEP, step: 1e-300 } }, 2],
  ["no step", { field: "n", range: { bounds: "full" } }, 40414],
  ["bounds in the wrong order", { field: "n", range: { step: 1, bounds: [2, 1] } }, 5733402],
  ["partitions of nothing", { field: "n", range: { step: 1, bounds: "partition" } }, 5733408],
  ["days between numbers", { field: "n", range: { ...STEP, unit: "day" } }, 6053600],
  ["a text", { field: "s", range: STEP }, 5733201],
];

/** The bounds of two buckets of 1, 4, 7, … 58 in each series. */
const PREFERRED: [granularity: string, bounds: number[]][] = [
  ["R5", [0.63, 40, 63]],
  ["R10", [0.8, 31.5, 63]],
  ["R20", [0.9, 31.5, 63]],
  ["1-2-5", [0.5, 50, 100]],
  ["E6", [0.68, 33, 68]],
  ["E24", [0.91, 30, 62]],
  ["POWERSOF2", [0.5, 32, 64]],
];

const UNROUNDABLE: [what: string, value: unknown, code: number][] = [
  ["a negative number", -1, 40260],
  ["a text", "1", 40258],
  ["what is no number", NaN, 40259],
];

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation-pipeline/ */

export const STAGE_CASES: Case[] = [
  {
    name: "$planCacheStats: no plan is kept",
    documents: [{ _id: 1 }],
    commands: [aggregate({ $planCacheStats: {} }, { $match: {} })],
    reply: found(),
    difference: "DocumentDB 1.0 has no $planCacheStats",
  },
  {
    name: "$indexStats: nothing of a collection that is not there",
    commands: [aggregate({ $indexStats: {} })],
    reply: found(),
  },
  ...["$collStats", "$indexStats", "$planCacheStats"].map((stage): Case => ({
    name: `${stage}: refuses to stand behind another stage`,
    documents: [{ _id: 1 }],
    commands: [aggregate({ $match: {} }, { [stage]: {} })],
    reply: { ok: 0, code: 40602 },
  })),
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
  ...REFUSED.map(([what, stage, code, difference]): Case => ({
    name: `stage: refuses ${what}`,
    documents: TREE,
    commands: [aggregate(stage)],
    reply: { ok: 0, code },
    ...(difference === undefined ? {} : { difference }),
  })),
  ...DENSIFIED.map(([name, spec, documents, made]): Case => ({
    name: `$densify: ${name}`,
    documents,
    commands: [aggregate({ $densify: spec })],
    reply: found(...made),
  })),
  ...UNDENSIFIABLE.map(([what, spec, code]): Case => ({
    name: `$densify: refuses ${what}`,
    documents: [
      { _id: 1, n: 1, s: "text", v: 0.5 },
      { _id: 2, n: 2, s: "text", v: 1.5 },
    ],
    commands: [aggregate({ $densify: spec })],
    reply: { ok: 0, code },
  })),
  {
    name: "$densify: makes a field within a document",
    documents: [1, 3].map((b) => ({ _id: b, a: { b } })),
    commands: [aggregate({ $densify: { field: "a.b", range: STEP } })],
    reply: found({ _id: 1, a: { b: 1 } }, { a: { b: 2 } }, { _id: 3, a: { b: 3 } }),
    difference: "DocumentDB 1.0 makes a field whose name has a dot",
  },
  ...PREFERRED.map(([granularity, [low, middle, high]]): Case => ({
    name: `$bucketAuto: bounds of the series ${granularity}`,
    documents: Array.from({ length: 20 }, (_, at) => ({ n: 3 * at + 1 })),
    commands: [
      aggregate(
        { $bucketAuto: { groupBy: "$n", buckets: 2, granularity } },
        { $project: { count: 0 } },
      ),
    ],
    reply: found({ _id: { min: low, max: middle } }, { _id: { min: middle, max: high } }),
  })),
  {
    name: "$bucketAuto: a bucket of zeros ends below the value after them",
    documents: [0, 0, 5].map((n) => ({ n })),
    commands: [aggregate({ $bucketAuto: { groupBy: "$n", buckets: 2, granularity: "R5" } })],
    reply: found({ _id: { min: 0, max: 4 }, count: 2 }, { _id: { min: 4, max: 6.3 }, count: 1 }),
    difference: "DocumentDB 1.0 ends it at zero",
  },
  ...UNROUNDABLE.map(([what, n, code]): Case => ({
    name: `$bucketAuto: no granularity for ${what}`,
    documents: [{ n }],
    commands: [aggregate({ $bucketAuto: { groupBy: "$n", buckets: 4, granularity: "R5" } })],
    reply: { ok: 0, code },
  })),
  {
    name: "$documents: is an expression",
    commands: [
      {
        aggregate: 1,
        pipeline: [{ $documents: { $map: { input: [1, 2], in: { n: { $add: ["$$this", 1] } } } } }],
        cursor: {},
      },
    ],
    reply: found({ n: 2 }, { n: 3 }),
  },
  ...[
    ["of a collection", [{ $documents: [{ n: 1 }] }], 73],
    [
      "of a collection that is joined",
      [{ $lookup: { from: "c", pipeline: [{ $documents: [{ n: 1 }] }], as: "d" } }],
      73,
    ],
    [
      "of a collection that is added",
      [{ $unionWith: { coll: "c", pipeline: [{ $documents: [{ n: 1 }] }] } }],
      73,
    ],
    ["not at the beginning", [{ $match: {} }, { $documents: [{ n: 1 }] }], 40602],
    ["in a facet", [{ $facet: { a: [{ $documents: [{ n: 1 }] }] } }], 40600],
  ].map(([where, pipeline, code]): Case => ({
    name: `$documents: is refused in the pipeline ${where as string}`,
    documents: [{ _id: 1 }],
    commands: [aggregate(...(pipeline as Doc[]))],
    reply: { ok: 0, code },
  })),
  {
    name: "$documents: are joined and added where no collection is named",
    documents: [{ _id: 1 }],
    commands: [
      aggregate(
        { $lookup: { pipeline: [{ $documents: [{ n: 1 }] }], as: "d" } },
        { $unionWith: { pipeline: [{ $documents: [{ n: 2 }] }] } },
      ),
    ],
    reply: found({ _id: 1, d: [{ n: 1 }] }, { n: 2 }),
  },
  ...(
    [
      ["$lookup: refuses a local field that is no text", { localField: 5, foreignField: "a" }],
      ["$lookup: refuses a foreign field that is no text", { localField: "a", foreignField: 5 }],
    ] as [string, Doc][]
  ).map(([name, fields]): Case => ({
    name,
    documents: [{ _id: 1 }],
    commands: [aggregate({ $lookup: { from: "c", as: "x", ...fields } })],
    reply: { ok: 0, code: 9 },
  })),
  {
    name: "$lookup: refuses a pipeline that is none",
    documents: [{ _id: 1 }],
    commands: [aggregate({ $lookup: { from: "c", as: "x", pipeline: 5 } })],
    reply: { ok: 0, code: 14 },
  },
  {
    name: "$collStats: refuses what is no document",
    documents: [{ _id: 1 }],
    commands: [aggregate({ $collStats: 5 })],
    reply: { ok: 0, code: 5447000 },
  },
  {
    name: "$unwind: numbers the elements inside of a document",
    documents: [{ _id: 1, a: [5] }],
    commands: [aggregate({ $unwind: { path: "$a", includeArrayIndex: "at.place" } })],
    reply: found({ _id: 1, a: 5, at: { place: 0 } }),
  },
  ...(
    [
      [5, 28810],
      ["", 28810],
      ["$place", 28822],
    ] as [unknown, number][]
  ).map(([includeArrayIndex, code]): Case => ({
    name: `$unwind: refuses to number the elements in ${JSON.stringify(includeArrayIndex)}`,
    documents: [{ _id: 1, a: [5] }],
    commands: [aggregate({ $unwind: { path: "$a", includeArrayIndex } })],
    reply: { ok: 0, code },
  })),
];
