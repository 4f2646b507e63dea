import { aggregate, type Case, type Doc, find, found, update } from "../case";

const AMBIGUOUS = "DocumentDB 1.0 takes places for fields as well";
const NO_TIME_SERIES = "DocumentDB 1.0 has no time-series collections";
const UNCHECKED = "DocumentDB 1.0 takes validators and their options unread";
const NO_INDEX_CHANGES = "DocumentDB 1.0 does not make indexes unique later";

const series = (more: Doc = {}, options: Doc = {}) => ({
  create: "c",
  timeseries: { timeField: "t", metaField: "m", ...more },
  ...options,
});

const t = new Date(0);
const measured = { insert: "c", documents: [{ _id: 1, t, m: { a: 1 }, v: 1 }] };

const change = (q: Doc, u: unknown, more: Doc = {}) => ({
  update: "c",
  updates: [{ q, u, multi: true, ...more }],
});

const TIME_SERIES_REFUSED: [string, Doc[], Doc][] = [
  ["no time field", [{ create: "c", timeseries: { metaField: "m" } }], { ok: 0, code: 40414 }],
  ["one field for both", [series({ metaField: "t" })], { ok: 0, code: 72 }],
  ["an unknown granularity", [series({ granularity: "days" })], { ok: 0, code: 2 }],
  ["an unknown option", [series({ other: 1 })], { ok: 0, code: 40415 }],
  ["a cap", [series({}, { capped: true, size: 4096 })], { ok: 0, code: 72 }],
  [
    "a document without a time",
    [series(), { insert: "c", documents: [{ m: 1 }] }],
    { n: 0, writeErrors: [{ index: 0, code: 2 }] },
  ],
  [
    "a unique index",
    [series(), { createIndexes: "c", indexes: [{ key: { m: 1 }, name: "m", unique: true }] }],
    { ok: 0, code: 72 },
  ],
  [
    "an update of a measurement",
    [series(), measured, change({ "m.a": 1 }, { $set: { v: 2 } })],
    { n: 0, writeErrors: [{ index: 0, code: 72 }] },
  ],
  [
    "an update by a measurement",
    [series(), measured, change({ v: 1 }, { $set: { m: 2 } })],
    { n: 0, writeErrors: [{ index: 0, code: 72 }] },
  ],
  [
    "an update of one",
    [series(), measured, change({}, { $set: { m: 2 } }, { multi: false })],
    { n: 0, writeErrors: [{ index: 0, code: 72 }] },
  ],
];

const withIndex = { createIndexes: "c", indexes: [{ key: { a: 1 }, name: "a" }] };
const indexed = (index: Doc) => ({ createIndexes: "c", indexes: [index] });
const collMod = (index: Doc) => ({ collMod: "c", index: { name: "a", ...index } });

export const CATALOG_CASES: Case[] = [
  ...[
    ["create: a view that writes", { create: "v", viewOn: "c", pipeline: [{ $out: "d" }] }, 167],
    [
      "create: a search in a validator",
      { create: "d", validator: { $text: { $search: "a" } } },
      2,
      UNCHECKED,
    ],
    ...(
      [
        [{ enum: 5 }, 14],
        [{ enum: [] }, 9],
        [{ enum: [1, 1] }, 9],
        [{ required: "a" }, 14],
        [{ required: [5] }, 14],
        [{ required: [] }, 9],
        [{ properties: [] }, 14],
        [{ properties: { a: 5 } }, 14],
        [{ allOf: {} }, 14],
        [{ anyOf: [] }, 2],
        [{ not: 5 }, 14],
        [{ items: 5 }, 14],
        [{ maximum: "a" }, 14],
        [{ exclusiveMaximum: true }, 9],
        [{ exclusiveMaximum: 5, maximum: 5 }, 14],
        [{ maxLength: "a" }, 14],
        [{ maxLength: -1 }, 9],
        [{ multipleOf: 0 }, 9],
        [{ pattern: 5 }, 14],
        [{ type: "integer" }, 9],
        [{ type: "constructor" }, 2],
        [{ bsonType: "text" }, 2],
        [{ bsonType: 5 }, 14],
        [{ type: "object", bsonType: "object" }, 9],
        [{ uniqueItems: 1 }, 14],
        [{ title: 5 }, 14],
        [{ additionalProperties: 1 }, 14],
        [{ dependencies: [] }, 14],
        [{ color: "red" }, 9],
      ] as const
    ).map(([schema, code]) => [
      `create: the schema ${JSON.stringify(schema)}`,
      { create: "d", validator: { $jsonSchema: schema } },
      code,
      UNCHECKED,
    ]),
    ["create: an unknown validation level", { create: "d", validationLevel: "some" }, 2, UNCHECKED],
    ["collMod: an unknown validation action", { collMod: "c", validationAction: "cry" }, 2],
    ["collMod: to make a view of a collection", { collMod: "c", viewOn: "d", pipeline: [] }, 72],
    ["collMod: a cap where there is none", { collMod: "c", cappedSize: 4096 }, 72],
  ].map(([what, command, code, difference]): Case => ({
    name: `refuse: ${what as string}`,
    documents: [{ _id: 1 }],
    commands: [command as Doc],
    reply: { ok: 0, code },
    ...(difference === undefined ? {} : { difference: difference as string }),
  })),
  ...[
    ["two hashed fields", { key: { a: "hashed", b: "hashed" } }, 31303],
    ["weights without a text", { key: { a: 1 }, weights: { a: 2 } }, 67],
  ].map(([what, index, code]): Case => ({
    name: `createIndexes: refuses ${what as string}`,
    commands: [{ createIndexes: "c", indexes: [{ name: "i", ...(index as Doc) }] }],
    reply: { ok: 0, code },
  })),
  ...TIME_SERIES_REFUSED.map(([what, commands, reply]): Case => ({
    name: `time series: refuses ${what}`,
    commands,
    reply,
    difference: NO_TIME_SERIES,
  })),
  {
    name: "time series: listed with its options, its buckets and the views",
    commands: [
      series({ granularity: "minutes" }, { expireAfterSeconds: 60 }),
      { listCollections: 1 },
    ],
    reply: found(
      {
        name: "c",
        type: "timeseries",
        options: {
          timeseries: {
            timeField: "t",
            metaField: "m",
            granularity: "minutes",
            bucketMaxSpanSeconds: 86400,
          },
          expireAfterSeconds: 60,
        },
        info: { readOnly: false },
      },
      { name: "system.buckets.c", type: "collection" },
      { name: "system.views", type: "collection" },
    ),
    difference: NO_TIME_SERIES,
  },
  {
    name: "time series: an index on meta and time, none on _id",
    commands: [series(), { listIndexes: "c" }],
    reply: found({ v: 2, key: { m: 1, t: 1 }, name: "m_1_t_1" }),
    difference: NO_TIME_SERIES,
  },
  {
    name: "time series: an _id may come twice",
    commands: [
      series(),
      {
        insert: "c",
        documents: [
          { _id: 1, t },
          { _id: 1, t },
        ],
      },
    ],
    reply: { n: 2 },
    difference: NO_TIME_SERIES,
  },
  {
    name: "time series: an update of the metaField",
    commands: [series(), measured, change({ "m.a": 1 }, { $set: { "m.a": 2 } }), find({})],
    reply: found({ _id: 1, t, m: { a: 2 }, v: 1 }),
  },
  {
    name: "time series: deletes by anything",
    commands: [series(), measured, { delete: "c", deletes: [{ q: { v: 1 }, limit: 1 }] }],
    reply: { n: 1 },
  },
  {
    name: "collMod: hides an index",
    commands: [withIndex, collMod({ hidden: true })],
    reply: { hidden_old: false, hidden_new: true },
  },
  {
    name: "collMod: gives an index an expiry",
    commands: [withIndex, collMod({ expireAfterSeconds: 5 })],
    reply: { expireAfterSeconds_new: 5 },
  },
  {
    name: "collMod: prepareUnique keeps duplicates and refuses new ones",
    documents: [
      { _id: 1, a: 1 },
      { _id: 2, a: 1 },
    ],
    commands: [
      withIndex,
      collMod({ prepareUnique: true }),
      {
        insert: "c",
        documents: [
          { _id: 3, a: 2 },
          { _id: 4, a: 1 },
        ],
      },
    ],
    reply: { n: 1, writeErrors: [{ index: 1, code: 11000 }] },
    difference: NO_INDEX_CHANGES,
  },
  {
    name: "collMod: an index with duplicates does not become unique",
    documents: [
      { _id: 1, a: 1 },
      { _id: 2, a: 1 },
      { _id: 3, a: 2 },
    ],
    commands: [withIndex, collMod({ prepareUnique: true }), collMod({ unique: true })],
    reply: { ok: 0, code: 359, violations: [{ ids: [1, 2] }] },
    difference: "DocumentDB 1.0 does not tell the documents",
  },
  {
    name: "collMod: an index becomes unique",
    documents: [{ _id: 1, a: 1 }],
    commands: [
      withIndex,
      collMod({ prepareUnique: true }),
      collMod({ unique: true }),
      { insert: "c", documents: [{ _id: 2, a: 1 }] },
    ],
    reply: { n: 0, writeErrors: [{ index: 0, code: 11000 }] },
    difference: NO_INDEX_CHANGES,
  },
  ...(
    [
      ["an index that is not there", { collMod: "c", index: { name: "b", hidden: true } }, 27],
      ["an index without a change", { collMod: "c", index: { name: "a" } }, 72],
      ["a unique index at once", collMod({ unique: true }), 72],
      ["an unknown field", { collMod: "c", other: 1 }, 40415],
      [
        "images without a switch",
        { collMod: "c", changeStreamPreAndPostImages: {} },
        40414,
        "DocumentDB 1.0 keeps no images of documents",
      ],
    ] satisfies [string, Doc, number, string?][]
  ).map(([what, command, code, difference]): Case => ({
    name: `collMod: refuses ${what}`,
    commands: [withIndex, command],
    reply: { ok: 0, code },
    ...(difference === undefined ? {} : { difference }),
  })),
  {
    name: "update: nothing is created without an upsert",
    commands: [
      { update: "c", updates: [{ q: {}, u: { $set: { a: 1 } } }] },
      { listCollections: 1 },
    ],
    reply: found(),
  },
  {
    name: "index: wildcard indexes are listed as they were made",
    commands: [
      {
        createIndexes: "c",
        indexes: [{ key: { "$**": 1 }, name: "all", wildcardProjection: { a: 1 } }],
      },
      { listIndexes: "c" },
    ],
    reply: found(
      { v: 2, key: { _id: 1 }, name: "_id_" },
      { v: 2, key: { "$**": 1 }, name: "all", wildcardProjection: { a: 1 } },
    ),
    difference: "DocumentDB 1.0 shows a wildcardProjection completed",
  },
  ...(
    [
      ["an index of every name", indexed({ key: { b: 1 }, name: "*" }), 2],
      ["an operator within a path", indexed({ key: { "a.$b": 1 }, name: "b" }), 67],
      ["to drop an index without a name", { dropIndexes: "c" }, 40414],
      ["to drop an index by a number", { dropIndexes: "c", index: 5 }, 14],
    ] satisfies [string, Doc, number][]
  ).map(([what, command, code]): Case => ({
    name: `index: refuses ${what}`,
    commands: [withIndex, command],
    reply: { ok: 0, code },
  })),
  {
    name: "index: fields of references are indexed",
    commands: [
      indexed({ key: { "a.$id": 1 }, name: "ref" }),
      { createIndexes: "c", indexes: [{ key: { "a.$id": 1 }, name: "ref" }] },
    ],
    reply: { numIndexesBefore: 2, numIndexesAfter: 2 },
    difference: "DocumentDB 1.0 refuses them",
  },
  {
    name: "view: takes no options of collections",
    commands: [{ create: "v", viewOn: "c", pipeline: [], validator: { a: 1 } }],
    reply: { ok: 0, code: 72 },
    difference: "DocumentDB 1.0 ignores them",
  },
  {
    name: "index: a clustered collection lists its index",
    commands: [
      { create: "c", clusteredIndex: { key: { _id: 1 }, unique: true, name: "by id" } },
      { listIndexes: "c" },
    ],
    reply: found({ v: 2, name: "by id", key: { _id: 1 }, unique: true, clustered: true }),
    difference: "DocumentDB 1.0 does not know clustered collections",
  },
  {
    name: "create: the size of a capped collection is a multiple of 256",
    commands: [{ create: "c", capped: true, size: 1000, max: 5 }, { listCollections: 1 }],
    reply: found({
      name: "c",
      type: "collection",
      options: { capped: true, size: 1024, max: 5 },
      info: { readOnly: false, uuid: expect.anything() as unknown },
      idIndex: { v: 2, key: { _id: 1 }, name: "_id_" },
    }),
    difference: "DocumentDB 1.0 makes capped collections ordinary ones",
  },
  ...(
    [
      [
        "an update goes past it when asked",
        [update({ _id: 1 }, { $set: { n: -2 } }), find({})],
        { bypassDocumentValidation: true },
        [{ _id: 1, n: -2 }],
      ],
      [
        "findAndModify goes past it when asked",
        [{ findAndModify: "c", query: { _id: 1 }, update: { $set: { n: -2 } } }, find({})],
        { bypassDocumentValidation: true },
        [{ _id: 1, n: -2 }],
      ],
      [
        "a moderate one leaves those alone that it never took",
        [
          { collMod: "c", validationLevel: "moderate" },
          update({ _id: 1 }, { $set: { n: -2 } }),
          find({}),
        ],
        {},
        [{ _id: 1, n: -2 }],
      ],
      [
        "a strict one does not",
        [update({ _id: 1 }, { $set: { n: -2 } }), find({})],
        {},
        [{ _id: 1, n: -1 }],
      ],
    ] as [string, Doc[], Doc, Doc[]][]
  ).map(([name, [first, ...rest], options, documents]): Case => ({
    name: `validator: ${name}`,
    documents: [{ _id: 1, n: -1 }],
    commands: [{ collMod: "c", validator: { n: { $gt: 0 } } }, { ...first, ...options }, ...rest],
    reply: found(...documents),
  })),
  {
    name: "validator: $merge goes past it when asked",
    documents: [{ _id: 1, n: -1 }],
    commands: [
      { collMod: "c", validator: { n: { $gt: 0 } } },
      { ...aggregate({ $set: { n: -2 } }, { $merge: "c" }), bypassDocumentValidation: true },
      find({}),
    ],
    reply: found({ _id: 1, n: -2 }),
    difference: "DocumentDB 1.0 merges nothing into the collection it reads",
  },
  {
    name: "view: a count skips and is cut",
    documents: [1, 2, 3, 4].map((_id) => ({ _id })),
    commands: [
      { create: "v", viewOn: "c", pipeline: [] },
      { count: "v", query: {}, skip: 1, limit: 2 },
    ],
    reply: { n: 2 },
  },
  ...[
    { count: "c", hint: "nope" },
    { ...aggregate({ $count: "n" }), hint: { nope: 1 } },
  ].map((command): Case => ({
    name: `hint: a count refuses an index that is not there: ${Object.keys(command)[0]}`,
    documents: [{ _id: 1 }],
    commands: [command],
    reply: { ok: 0, code: 2 },
  })),
  {
    name: "$merge: let is computed of the new document",
    documents: [{ _id: 1, n: 1 }],
    commands: [
      { insert: "d", documents: [{ _id: 1, sum: 10 }] },
      aggregate({
        $merge: {
          into: "d",
          let: { more: { $add: ["$n", 1] } },
          whenMatched: [{ $set: { sum: { $add: ["$sum", "$$more"] } } }],
        },
      }),
      { find: "d" },
    ],
    reply: found({ _id: 1, sum: 12 }),
    difference: "DocumentDB 1.0 refuses let",
  },
  {
    name: "create: refuses encrypted fields",
    commands: [{ create: "c", encryptedFields: { fields: [] } }],
    reply: { ok: 0, code: 238 },
    difference: "DocumentDB 1.0 ignores encrypted fields",
  },
  {
    name: "concern: an unknown read concern is refused",
    commands: [{ find: "c", readConcern: { level: "nope" } }],
    reply: { ok: 0, code: 2 },
    difference: "DocumentDB 1.0 looks at no read concern",
  },
  {
    name: "concern: a write that too few members confirm is told so",
    commands: [{ insert: "c", documents: [{ _id: 1 }], writeConcern: { w: 3 } }],
    reply: { ok: 0, code: 100, codeName: "UnsatisfiableWriteConcern" },
    difference: "DocumentDB 1.0 looks at no write concern",
  },
  {
    name: "concern: a write that too few members confirm has happened",
    commands: [{ insert: "c", documents: [{ _id: 1 }], writeConcern: { w: 3 } }, { count: "c" }],
    reply: { n: 1 },
  },
  ...[
    ["a new document", { insert: "c", documents: [{ a: [{ "0": 1 }] }] }, true],
    ["a field of another element", { insert: "c", documents: [{ a: [2, { "0": 3 }] }] }, true],
    ["not beyond the end of the array", { insert: "c", documents: [{ a: [{ "1": 1 }] }] }, false],
    ["an update", update({ _id: 1 }, { $set: { "a.0": { "0": 1 } } }), true],
  ].map(([what, command, refused]): Case => ({
    name: `index: a path that is a place and a field in one array is refused: ${what as string}`,
    documents: [{ _id: 1, a: [1] }],
    commands: [
      { createIndexes: "c", indexes: [{ key: { "a.0": 1, "a.1": 1 }, name: "place" }] },
      command as Doc,
    ],
    reply: refused ? { n: 0, writeErrors: [{ index: 0, code: 16746 }] } : { n: 1 },
    ...(refused ? { difference: AMBIGUOUS } : {}),
  })),
  ...[
    ["an index", { createIndexes: "c", indexes: [{ key: { "a.0": 1 }, name: "place" }] }],
    ["a sort", find({}, { sort: { "a.0": 1 } })],
  ].map(([what, command]): Case => ({
    name: `index: of documents in which its path is a place and a field, ${what as string} is refused`,
    documents: [{ _id: 1, a: [{ "0": 1 }] }],
    commands: [command as Doc],
    reply: { ok: 0, code: 16746 },
    difference: AMBIGUOUS,
  })),
  ...[
    ["a scan", find({}), [1, 2, 3]],
    ["a filter", find({ n: { $gt: 0 } }), [1, 2, 3]],
    ["backwards", find({}, { sort: { $natural: -1 } }), [3, 2, 1]],
    ["a pipeline", aggregate({ $match: { n: 1 } }), [1, 2, 3]],
  ].map(([what, command, ids]): Case => ({
    name: `clustered collection: documents come in the order of their _id: ${what as string}`,
    commands: [
      { create: "c", clusteredIndex: { key: { _id: 1 }, unique: true } },
      { insert: "c", documents: [3, 1, 2].map((_id) => ({ _id, n: 1 })) },
      command as Doc,
    ],
    reply: found(...(ids as number[]).map((_id) => ({ _id, n: 1 }))),
    ...(what === "backwards" ? { difference: "DocumentDB 1.0 has no reverse natural order" } : {}),
  })),
  {
    name: "clustered collection: a search by _id is told as such",
    commands: [
      { create: "c", clusteredIndex: { key: { _id: 1 }, unique: true } },
      { explain: find({ _id: { $gt: 1 } }) },
    ],
    reply: { queryPlanner: { winningPlan: { stage: "CLUSTERED_IXSCAN" } } },
    difference: "DocumentDB 1.0 does not know clustered collections",
  },
  ...(
    [
      ["of too many seconds", { a: 1 }, { expireAfterSeconds: 1e15 }],
      ["on several fields", { a: 1, b: 1 }, { expireAfterSeconds: 5 }],
    ] as [string, Doc, Doc][]
  ).map(([what, key, options]): Case => ({
    name: `collMod: refuses a TTL index ${what}`,
    commands: [
      { createIndexes: "c", indexes: [{ key, name: "i" }] },
      { collMod: "c", index: { name: "i", ...options } },
    ],
    reply: { ok: 0, code: 67 },
    ...(what === "of too many seconds"
      ? { difference: "DocumentDB 1.0 takes the largest it knows" }
      : {}),
  })),
  {
    name: "collMod: refuses an expiry of a collection without one",
    commands: [{ create: "c" }, { collMod: "c", expireAfterSeconds: 5 }],
    reply: { ok: 0, code: 72 },
  },
];
