import { mongo } from "mongoose";
import { aggregate, type Case, type Doc, find, found } from "../case";

const NO_COLLATION = "DocumentDB 1.0 refuses or ignores collations";

const LIST = [{ _id: 1, a: [{ k: 1 }, { k: 2 }], b: 1, title: "cats" }];

const TEXT_INDEX = {
  createIndexes: "c",
  indexes: [{ key: { title: "text" }, name: "title_text" }],
};

const TEXT = { $text: { $search: "cat" } };

const SCORE = { score: { $meta: "textScore" } };

const NEAR = { $near: { $geometry: { type: "Point", coordinates: [0, 0] } } };

/** Filters in which `$text` or `$near` stands where it cannot choose the documents. */
const MISPLACED: [what: string, filter: Doc, code: number, difference?: string][] = [
  [
    "$text beside another choice",
    { $or: [TEXT, { b: 1 }] },
    291,
    "DocumentDB 1.0 reads the collection for the other",
  ],
  ["$text in a $nor", { $nor: [TEXT] }, 2],
  ["a second $text", { $and: [TEXT, TEXT] }, 2],
  [
    "an unknown option of $text",
    { $text: { $search: "cat", $nope: 1 } },
    2,
    "DocumentDB 1.0 does not look at it",
  ],
  ["a $text in an unknown language", { $text: { $search: "cat", $language: "klingon" } }, 2],
  ["a $text whose switch is none", { $text: { $search: "cat", $caseSensitive: 1 } }, 14],
  ["$near in a $or", { $or: [{ loc: NEAR }, { b: 1 }] }, 2],
  ["$near in a $nor", { $nor: [{ loc: NEAR }] }, 2],
  ["$near within $not", { loc: { $not: NEAR } }, 2, "DocumentDB 1.0 takes it"],
  ["$near within $elemMatch", { a: { $elemMatch: { loc: NEAR } } }, 2],
  ["a second $near", { loc: NEAR, b: NEAR }, 2],
];

/** What documents and text indexes say about languages. */
const LANGUAGES: [
  what: string,
  document: Doc,
  options: Doc,
  code: number | undefined,
  difference?: string,
][] = [
  ["takes one MongoDB knows", { language: "Spanish" }, {}, undefined],
  ["takes none", { language: "none" }, {}, undefined],
  [
    "takes any where another field tells",
    { language: "xx" },
    { language_override: "l" },
    undefined,
  ],
  ["refuses an unknown one", { language: "klingon" }, {}, 17262],
  ["refuses a number", { language: 1 }, {}, 17261],
  ["refuses one in another field", { l: "klingon" }, { language_override: "l" }, 17262],
  [
    "refuses one of an inner document",
    { inner: [{ language: "klingon", text: "x" }] },
    {},
    17262,
    "DocumentDB 1.0 does not look into arrays",
  ],
];

/** Text indexes that cannot be. */
const TEXT_INDEXES: [what: string, options: Doc, difference?: string][] = [
  ["in an unknown language", { default_language: "klingon" }],
  ["in a language that is a number", { default_language: 1 }],
  ["with a weight of nothing", { weights: { title: 0 } }, "DocumentDB 1.0 takes it"],
  ["with a weight of text", { weights: { title: "1" } }],
];

/** Projections of finds over `LIST`, with what they show. */
const PROJECTIONS: [string, Doc, Doc, Doc, string?][] = [
  [
    "$meta alone keeps the other fields",
    TEXT,
    SCORE,
    { ...LIST[0], score: 1 },
    "DocumentDB 1.0 shows the _id and the score only",
  ],
  [
    "$meta beside an exclusion",
    TEXT,
    { a: 0, ...SCORE },
    { _id: 1, b: 1, title: "cats", score: 1 },
    "DocumentDB 1.0 refuses it",
  ],
  ["$meta beside an inclusion", TEXT, { b: 1, ...SCORE }, { _id: 1, b: 1, score: 1 }],
  [
    "$elemMatch without the _id shows nothing else",
    {},
    { _id: 0, a: { $elemMatch: { k: 2 } } },
    { a: [{ k: 2 }] },
    "DocumentDB 1.0 shows the other fields",
  ],
  [
    "$slice without the _id keeps the other fields",
    {},
    { _id: 0, a: { $slice: 1 } },
    { a: [{ k: 1 }], b: 1, title: "cats" },
  ],
];

/** What finds show, and how strings compare. */
export const QUERY_CASES: Case[] = [
  ...MISPLACED.map(([what, filter, code, difference]): Case => ({
    name: `find: refuses ${what}`,
    documents: LIST,
    commands: [
      TEXT_INDEX,
      { createIndexes: "c", indexes: [{ key: { loc: "2dsphere" }, name: "loc" }] },
      find(filter),
    ],
    reply: { ok: 0, code },
    ...(difference === undefined ? {} : { difference }),
  })),
  ...LANGUAGES.map(([what, document, options, code, difference]): Case => ({
    name: `text: a language of a document: ${what}`,
    commands: [
      {
        createIndexes: "c",
        indexes: [{ key: { title: "text", "inner.text": "text" }, name: "t", ...options }],
      },
      { insert: "c", documents: [{ _id: 1, title: "cats", ...document }] },
    ],
    reply: code === undefined ? { n: 1 } : { n: 0, writeErrors: [{ index: 0, code }] },
    ...(difference === undefined ? {} : { difference }),
  })),
  ...TEXT_INDEXES.map(([what, options, difference]): Case => ({
    name: `text: refuses an index ${what}`,
    documents: [{ _id: 1 }],
    commands: [
      { createIndexes: "c", indexes: [{ key: { title: "text" }, name: "t", ...options }] },
    ],
    reply: { ok: 0, code: 67 },
    ...(difference === undefined ? {} : { difference }),
  })),
  {
    name: "text: an index refuses a document there is in an unknown language",
    documents: [{ _id: 1, title: "cats", language: "klingon" }],
    commands: [TEXT_INDEX],
    reply: { ok: 0, code: 17262 },
  },
  {
    name: "find: $text alone in a $or",
    documents: LIST,
    commands: [TEXT_INDEX, find({ $or: [TEXT] })],
    reply: found(LIST[0] as Doc),
  },
  ...PROJECTIONS.map(([name, filter, projection, document, difference]): Case => ({
    name: `projection: ${name}`,
    documents: LIST,
    commands: [TEXT_INDEX, find(filter, { projection })],
    reply: found(document),
    ...(difference === undefined ? {} : { difference }),
  })),
  {
    name: "query: bits are looked for in numbers, not in timestamps",
    documents: [
      { _id: 1, a: 3 },
      { _id: 2, a: new mongo.Timestamp({ t: 3, i: 1 }) },
      { _id: 3, a: mongo.Long.fromNumber(1) },
    ],
    commands: [find({ a: { $bitsAnySet: 1 } }, { projection: { a: 0 } })],
    reply: found({ _id: 1 }, { _id: 3 }),
  },
  {
    name: "collation: groups, sets and extremes go by it",
    documents: ["b", "a", "A", "B"].map((name, _id) => ({ _id, name })),
    commands: [
      {
        ...aggregate(
          { $group: { _id: "$name", n: { $sum: 1 } } },
          { $sort: { _id: 1 } },
          {
            $group: {
              _id: null,
              all: { $push: "$$ROOT" },
              max: { $max: "$_id" },
              set: { $addToSet: { $toUpper: "$_id" } },
            },
          },
          { $set: { set: { $size: "$set" } } },
        ),
        collation: { locale: "en", strength: 2 },
      },
    ],
    reply: found({
      _id: null,
      all: [
        { _id: "a", n: 2 },
        { _id: "b", n: 2 },
      ],
      max: "b",
      set: 2,
    }),
    difference: NO_COLLATION,
  },
  {
    name: "collation: simple replaces the collection's",
    commands: [
      { create: "c", collation: { locale: "en", strength: 1 } },
      { insert: "c", documents: [{ _id: 1, name: "beta" }] },
      find({ name: "BETA" }, { collation: { locale: "simple" } }),
    ],
    reply: found(),
    difference: NO_COLLATION,
  },
  ...[
    ["a projection", find({}, { projection: SCORE })],
    ["a sort", find({}, { sort: SCORE })],
    ["a pipeline's sort", aggregate({ $sort: SCORE })],
    ["a pipeline's projection", aggregate({ $project: SCORE })],
  ].map(([where, command]): Case => ({
    name: `text: no score without $text in ${where as string}`,
    documents: LIST,
    commands: [TEXT_INDEX, command as Doc],
    reply: { ok: 0, code: 40218 },
  })),
  {
    name: "projection: what is computed in a scalar takes its place, in arrays too",
    documents: [{ _id: 1, a: 5, b: [1, { x: 1 }, [2]], n: 7 }],
    commands: [find({}, { projection: { _id: 0, "a.v.w": "$n", "b.y": "$n", "c.z": "$n" } })],
    reply: found({ a: { v: { w: 7 } }, b: [{ y: 7 }, { y: 7 }, [{ y: 7 }]], c: { z: 7 } }),
  },
  {
    name: "projection: $elemMatch is refused on a nested field",
    documents: [{ _id: 1, a: { b: [{ k: 1 }] } }],
    commands: [find({}, { projection: { "a.b": { $elemMatch: { k: 1 } } } })],
    reply: { ok: 0, code: 31275 },
  },
  ...(
    [
      ["$elemMatch and a value", [{ $elemMatch: { k: 1 } }, 1]],
      ["a value and $elemMatch", [1, { $elemMatch: { k: 1 } }]],
    ] as [string, unknown[]][]
  ).map(([what, $all]): Case => ({
    name: `query: $all refuses ${what} together`,
    documents: LIST,
    commands: [find({ a: { $all } })],
    reply: { ok: 0, code: 2 },
  })),
  {
    name: "find: a path does not go through a scalar at a place of an array",
    documents: [{ _id: 1, a: [5] }, { _id: 2, a: [{}] }, { _id: 3 }],
    commands: [find({ "a.0.x": null }, { projection: { _id: 1 }, sort: { _id: 1 } })],
    reply: found({ _id: 2 }, { _id: 3 }),
  },
  ...(
    [
      ["from min", { min: { n: 2, _id: 2 } }, [2, 3, 4]],
      ["to max, which is left out", { max: { n: 2, _id: 3 } }, [1, 2]],
      ["between both, with a filter", { min: { n: 1, _id: 2 }, max: { n: 3, _id: 0 }, filter: { _id: { $ne: 2 } } }, [3]], // prettier-ignore
    ] as [string, Doc, number[]][]
  ).map(([what, bounds, ids]): Case => ({
    name: `bounds of an index: ${what}`,
    documents: [1, 2, 2, 3].map((n, at) => ({ _id: at + 1, n })),
    commands: [
      { createIndexes: "c", indexes: [{ key: { n: 1, _id: 1 }, name: "n" }] },
      find({}, { hint: "n", projection: { _id: 1 }, ...bounds }),
    ],
    reply: found(...ids.map((_id) => ({ _id }))),
    difference: "DocumentDB 1.0 ignores min and max",
  })),
  ...(
    [
      ["no hint", { min: { _id: 1 } }, 51173],
      ["another key than the index has", { min: { n: 1 }, hint: { _id: 1 } }, 51174],
      ["a min that is not below max", { min: { _id: 2 }, max: { _id: 2 }, hint: "_id_" }, 51175],
    ] as [string, Doc, number][]
  ).map(([what, bounds, code]): Case => ({
    name: `bounds of an index: refuses ${what}`,
    documents: LIST,
    commands: [find({}, bounds)],
    reply: { ok: 0, code },
    difference: "DocumentDB 1.0 ignores min and max",
  })),
  {
    name: "find: shows the key of its index instead of the document",
    documents: LIST,
    commands: [find({ _id: 1 }, { returnKey: true })],
    reply: found({ _id: 1 }),
    difference: "DocumentDB 1.0 refuses returnKey",
  },
  {
    name: "find: shows the number a document is stored under",
    documents: [{ _id: 5 }],
    commands: [find({}, { showRecordId: true })],
    reply: found({ _id: 5, $recordId: 1 }),
    difference: "DocumentDB 1.0 refuses showRecordId",
  },
  ...[false, true].flatMap((indexed): Case[] => {
    const places = [
      { _id: 1, a: [{ b: 3 }, { b: 1 }], l: [[1, 2]] },
      { _id: 2, a: [{ b: 2 }, { b: 0 }], l: [2] },
      { _id: 3, a: [] },
    ];
    const index = {
      createIndexes: "c",
      indexes: [
        { key: { "a.0.b": 1 }, name: "a" },
        { key: { "l.0": 1 }, name: "l" },
        { key: { "a.0": 1 }, name: "document" },
      ],
    };
    const ask = (what: string, command: Doc, reply: Doc): Case => ({
      name: `a place in an array, ${indexed ? "with" : "without"} an index: ${what}`,
      documents: places,
      commands: indexed ? [index, command] : [command],
      reply,
    });
    const ids = (...list: number[]) => found(...list.map((_id) => ({ _id })));
    const projection = { _id: 1 };
    return [
      ask("found", find({ "a.0.b": { $gte: 2 } }, { projection, sort: { _id: 1 } }), ids(1, 2)),
      ask("counted", { count: "c", query: { "a.0.b": 2 } }, { n: 1 }),
      ask("sorted", find({}, { projection, sort: { "a.0.b": 1 } }), ids(3, 2, 1)),
      ask("an array there is not opened", find({ "l.0": 2 }, { projection }), ids(2)),
      ask("nor is it for a count", { count: "c", query: { "l.0": 2 } }, { n: 1 }),
      ask("missing in its documents", find({ "a.0": null }, { projection, sort: { _id: 1 } }), ids(1, 2)), // prettier-ignore
      ask("an array there is compared as a whole", find({ "l.0": [1, 2] }, { projection }), ids(1)),
    ];
  }),
  {
    name: "sort: an element without fields has null where others have one",
    documents: [
      { _id: 1, a: [{ b: 2 }] },
      { _id: 2, a: [1, { b: 3 }] },
    ],
    commands: [find({}, { projection: { _id: 1 }, sort: { "a.b": 1 } })],
    reply: found({ _id: 2 }, { _id: 1 }),
  },
  {
    name: "projection: without a condition on its array, $ is the place found in another one",
    documents: [{ _id: 1, keys: ["a", "b"], values: [1, 2] }],
    commands: [find({ keys: "b" }, { projection: { "values.$": 1 } })],
    reply: found({ _id: 1, values: [2] }),
  },
  {
    name: "projection: the place found in another array may be beyond the end",
    documents: [{ _id: 1, keys: ["a", "b"], values: [1] }],
    commands: [find({ keys: "b" }, { projection: { "values.$": 1 } })],
    reply: { ok: 0, code: 51246 },
  },
  {
    name: "projection: refuses anything behind $",
    documents: [{ _id: 1, a: [{ b: 1 }] }],
    commands: [find({ "a.b": 1 }, { projection: { "a.$.b": 1 } })],
    reply: { ok: 0, code: 31394 },
  },
  {
    name: "projection: an unknown $meta is refused",
    documents: LIST,
    commands: [find({}, { projection: { x: { $meta: "nope" } } })],
    reply: { ok: 0, code: 17308 },
  },
  {
    name: "index: an option for the one on _id is refused",
    commands: [{ createIndexes: "c", indexes: [{ key: { _id: 1 }, name: "_id_1", unique: true }] }],
    reply: { ok: 0, code: 197 },
    difference: "DocumentDB 1.0 makes a second index",
  },
  {
    name: "collation: an unknown locale is refused",
    documents: LIST,
    commands: [find({}, { collation: { locale: "xx_QQ" } })],
    reply: { ok: 0, code: 2 },
  },
  ...(
    [
      ["a value of another type", { a: { $gt: 5 } }, { a: "x" }],
      ["a null", { a: { $lt: 5 } }, { a: null }],
      ["one that is smaller than NaN is not", { a: { $gte: NaN } }, { a: 7 }],
      ["what only one of several conditions says", { $or: [{ b: 1 }, { b: 2 }] }, { a: 7 }],
    ] as [string, Doc, Doc][]
  ).map(([what, partialFilterExpression, filter]): Case => ({
    name: `partial index: does not lead to ${what}`,
    commands: [
      { createIndexes: "c", indexes: [{ key: { a: 1 }, name: "a", partialFilterExpression }] },
      { insert: "c", documents: [{ _id: 1, ...filter, b: 3 }] },
      find(filter),
    ],
    ...(what.includes("NaN")
      ? { difference: "DocumentDB 1.0 takes every number to be more than NaN" }
      : {}),
    reply: found({ _id: 1, ...filter, b: 3 }),
  })),
  {
    name: "$lt: no NaN of any type is below a number",
    documents: [
      { _id: 1, a: NaN },
      { _id: 2, a: mongo.Decimal128.fromString("NaN") },
      { _id: 3, a: 1 },
    ],
    commands: [find({ a: { $lt: 5 } })],
    reply: found({ _id: 3, a: 1 }),
  },
  ...(
    [
      ["digits of numbers count", { numericOrdering: true }, ["10", "100"]],
      ["zeros in front of numbers do not", { numericOrdering: true }, ["7", "007"], 1],
      ["case does on a level of its own", { strength: 1, caseLevel: true }, ["a", "A"]],
    ] as [string, Doc, string[], number?][]
  ).map(([what, options, texts, groups = texts.length]): Case => ({
    name: `collation: groups are told apart: ${what}`,
    documents: texts.map((text, _id) => ({ _id, text })),
    commands: [
      {
        ...aggregate({ $group: { _id: "$text" } }, { $count: "n" }),
        collation: { locale: "en", ...options },
      },
    ],
    reply: found({ n: groups }),
    difference: NO_COLLATION,
  })),
];
