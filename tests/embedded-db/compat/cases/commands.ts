import { aggregate, type Case, type Doc, find, found, update } from "../case";

/** Time limits that are none. */
const NO_TIMES: [string, unknown][] = [
  ["a negative number", -1],
  ["a fraction", 1.5],
  ["more than 31 bits", 2 ** 31],
  ["a text", "1"],
];

/** Commands for the database `admin`, and whether the reference engine answers them anywhere. */
const ADMIN_ONLY: [Doc, boolean][] = [
  [{ bulkWrite: 1, ops: [{ insert: 0, document: {} }], nsInfo: [{ ns: "x.c" }] }, false],
  [{ currentOp: 1 }, false],
  [{ fsync: 1 }, false],
  [{ getCmdLineOpts: 1 }, true],
  [{ getLog: "global" }, true],
  [{ getParameter: "*" }, true],
  [{ listDatabases: 1 }, true],
  [{ renameCollection: "a.b", to: "a.c" }, false],
  [{ replSetGetConfig: 1 }, false],
  [{ replSetGetStatus: 1 }, false],
  [{ setParameter: 1, ttlMonitorEnabled: true }, false],
];

const STRICT = { apiVersion: "1", apiStrict: true };

/** Commands that a strict client of the Stable API may not send, and whether the reference engine refuses all. */
const NOT_STABLE: [string, Doc, boolean?][] = [
  ["a command", { distinct: "c", key: "a" }],
  ["an old name of a command", { isMaster: 1 }],
  ["a command to explain", { explain: { distinct: "c", key: "a" } }, true],
  ["a stage", aggregate({ $indexStats: {} })],
  ["a stage within a $facet", aggregate({ $facet: { x: [{ $indexStats: {} }] } }), true],
  [
    "a stage within a $lookup",
    aggregate({ $lookup: { from: "c", pipeline: [{ $planCacheStats: {} }], as: "x" } }),
    true,
  ],
  ["a stage of a view", { create: "v", viewOn: "c", pipeline: [{ $indexStats: {} }] }],
  ["more of $collStats than the count", aggregate({ $collStats: { storageStats: {} } })],
  ["a capped collection", { create: "d", capped: true, size: 4096 }],
  ["a tailable cursor", find({}, { tailable: true })],
  ["a text index", { createIndexes: "c", indexes: [{ key: { a: "text" }, name: "a" }] }],
  ["a sparse index", { createIndexes: "c", indexes: [{ key: { a: 1 }, name: "a", sparse: true }] }],
];

const NO_API_PARAMETERS = "DocumentDB 1.0 does not look at apiStrict";

/** Read concerns that a command does not take. */
const UNREADABLE: [string, Doc][] = [
  ["majority", { insert: "c", documents: [{ _id: 2 }] }],
  ["snapshot", { update: "c", updates: [{ q: {}, u: { $set: { a: 1 } } }] }],
  ["snapshot", { findAndModify: "c", query: {}, remove: true }],
  ["snapshot", { count: "c" }],
  ["snapshot", { listCollections: 1 }],
  ["available", { listIndexes: "c" }],
  ["linearizable", aggregate({ $out: "o" })],
];

/** Statements of writes that lack a field or have one too many. */
const STATEMENTS: [string, number, Doc][] = [
  ["a deletion without a query", 40414, { delete: "c", deletes: [{ limit: 1 }] }],
  ["an update without a query", 40414, { update: "c", updates: [{ u: { $set: { a: 2 } } }] }],
  ["a deletion without a limit", 40414, { delete: "c", deletes: [{ q: {} }] }],
  ["an update without a change", 40414, { update: "c", updates: [{ q: {} }] }],
  ["an unknown field of an update", 40415, update({}, { $set: { a: 2 } }, { upsrt: true })],
  [
    "an unknown field of a deletion",
    40415,
    { delete: "c", deletes: [{ q: {}, limit: 1, sort: { a: 1 } }] },
  ],
];

/** Writes, and the stage that explain names them by. */
const WRITES_TO_EXPLAIN: [string, Doc][] = [
  ["UPDATE", update({ a: 1 }, { $set: { a: 2 } })],
  ["DELETE", { delete: "c", deletes: [{ q: { a: 1 }, limit: 1 }] }],
  ["UPDATE", { findAndModify: "c", query: { a: 1 }, update: { $set: { a: 2 } } }],
  ["DELETE", { findAndModify: "c", query: { a: 1 }, remove: true }],
];

const IS_THREE = { $expr: { $eq: ["$a", "$$three"] } };

/** Commands that compare with the variable `three`, and what they answer for one match. */
const LET: [Doc, Doc][] = [
  [aggregate({ $match: IS_THREE }), found({ _id: 1, a: 3 })],
  [find(IS_THREE), found({ _id: 1, a: 3 })],
  [update(IS_THREE, [{ $set: { b: "$$one" } }]), { n: 1, nModified: 1 }],
  [{ delete: "c", deletes: [{ q: IS_THREE, limit: 1 }] }, { n: 1 }],
  [{ findAndModify: "c", query: IS_THREE, remove: true }, { value: { _id: 1, a: 3 } }],
];

export const COMMAND_CASES: Case[] = [
  ...NO_TIMES.flatMap(([what, maxTimeMS]): Case[] =>
    [find({}, { maxTimeMS }), { insert: "c", documents: [{ _id: 1 }], maxTimeMS }].map(
      (command: Doc) => ({
        name: `maxTimeMS: ${what} is refused by ${Object.keys(command)[0]}`,
        commands: [command],
        reply: { ok: 0, code: 2 },
        difference: "DocumentDB 1.0 takes any maxTimeMS",
      }),
    ),
  ),
  {
    name: "maxTimeMS: 0 is no limit",
    documents: [{ _id: 1 }],
    commands: [find({}, { maxTimeMS: 0 })],
    reply: found({ _id: 1 }),
  },
  ...ADMIN_ONLY.map(([command, anywhere]): Case => ({
    name: `admin: ${Object.keys(command)[0]} is refused in another database`,
    commands: [command],
    reply: { ok: 0, code: 13 },
    ...(anywhere ? { difference: "DocumentDB 1.0 answers in any database" } : {}),
  })),
  ...NOT_STABLE.map(([what, command, refused = false]): Case => ({
    name: `stable API: refuses ${what} strictly`,
    documents: [{ _id: 1, a: 1 }],
    commands: [{ ...command, ...STRICT }],
    reply: { ok: 0, code: 323 },
    ...(refused ? {} : { difference: NO_API_PARAMETERS }),
  })),
  {
    name: "stable API: takes other commands from clients that are not strict",
    documents: [{ _id: 1, a: 1 }],
    commands: [{ distinct: "c", key: "a", apiVersion: "1", apiStrict: false }],
    reply: { values: [1] },
  },
  {
    name: "stable API: takes its stages and fields strictly",
    documents: [{ _id: 1, a: 1 }],
    commands: [
      {
        ...aggregate({ $match: { a: 1 } }, { $facet: { n: [{ $count: "n" }] } }),
        ...STRICT,
        apiDeprecationErrors: true,
      },
    ],
    reply: found({ n: [{ n: 1 }] }),
  },
  {
    name: "stable API: refuses another version",
    commands: [{ ping: 1, apiVersion: "2" }],
    reply: { ok: 0, code: 322 },
    difference: NO_API_PARAMETERS,
  },
  ...["apiStrict", "apiDeprecationErrors"].map((parameter): Case => ({
    name: `stable API: refuses ${parameter} without a version`,
    commands: [{ ping: 1, [parameter]: true }],
    reply: { ok: 0, code: 72 },
    difference: NO_API_PARAMETERS,
  })),
  ...LET.map(([command, reply]): Case => ({
    name: `let: ${Object.keys(command)[0]} evaluates what it names`,
    documents: [{ _id: 1, a: 3 }],
    commands: [{ ...command, let: { one: { $literal: 1 }, three: { $add: ["$$one", 2] } } }],
    reply,
  })),
  ...["$a", "$$ROOT", { $add: ["$a", 1] }].map((expression): Case => ({
    name: `let: refuses ${JSON.stringify(expression)}, which is not constant`,
    documents: [{ _id: 1, a: 3 }],
    commands: [find({}, { let: { x: expression } })],
    reply: { ok: 0, code: 4890500 },
  })),
  {
    name: "let: takes a text with a dollar as $literal",
    documents: [{ _id: 1 }],
    commands: [{ ...aggregate({ $project: { x: "$$x" } }), let: { x: { $literal: "$a" } } }],
    reply: found({ _id: 1, x: "$a" }),
  },
  ...UNREADABLE.map(([level, command]): Case => ({
    name: `readConcern: ${Object.keys(command)[0]} refuses ${level}`,
    documents: [{ _id: 1 }],
    commands: [{ ...command, readConcern: { level } }],
    reply: { ok: 0, code: 72 },
    difference: "DocumentDB 1.0 does not look at read concerns",
  })),
  ...[find({}, { limit: -1 }), find({}, { awaitData: true })].map((command): Case => ({
    name: `find: refuses ${JSON.stringify(command)}`,
    documents: [{ _id: 1 }],
    commands: [command],
    reply: { ok: 0, code: "limit" in command ? 51024 : 9 },
    difference: "DocumentDB 1.0 takes it",
  })),
  ...STATEMENTS.map(([what, code, command]): Case => ({
    name: `statements: refuses ${what}`,
    documents: [{ _id: 1, a: 1 }],
    commands: [command],
    reply: { ok: 0, code },
  })),
  ...STATEMENTS.slice(0, 2).map(([what, , command]): Case => ({
    name: `statements: writes nothing for ${what}`,
    documents: [{ _id: 1, a: 1 }],
    commands: [command, find({})],
    reply: found({ _id: 1, a: 1 }),
  })),
  {
    name: "collation: refuses a strength that is none",
    commands: [find({}, { collation: { locale: "en", strength: 9 } })],
    reply: { ok: 0, code: 2 },
  },
  {
    name: "collation: refuses an unknown option",
    commands: [find({}, { collation: { locale: "en", strenght: 2 } })],
    reply: { ok: 0, code: 40415 },
  },
  ...WRITES_TO_EXPLAIN.map(([stage, command]): Case => ({
    name: `explain: names ${stage} for ${Object.keys(command)[0]}`,
    documents: [{ _id: 1, a: 1 }],
    commands: [{ explain: command, verbosity: "queryPlanner" }],
    reply: { queryPlanner: { winningPlan: { stage, inputStage: { stage: "COLLSCAN" } } } },
    difference: "DocumentDB 1.0 does not explain writes",
  })),
  {
    name: "explain: refuses an unknown verbosity",
    commands: [{ explain: { find: "c" }, verbosity: "everything" }],
    reply: { ok: 0, code: 2 },
  },
  {
    name: "distinct: needs a key",
    commands: [{ distinct: "c" }],
    reply: { ok: 0, code: 40414 },
  },
  {
    name: "distinct: refuses a key that is no text",
    commands: [{ distinct: "c", key: 1 }],
    reply: { ok: 0, code: 14 },
  },
  {
    name: "collStats: refuses a view",
    commands: [{ create: "v", viewOn: "c", pipeline: [] }, { collStats: "v" }],
    reply: { ok: 0, code: 166 },
  },
  {
    name: "$merge: tells the key that whenMatched: fail met",
    documents: [{ _id: 1 }],
    commands: [aggregate({ $merge: { into: "c", whenMatched: "fail" } })],
    reply: { ok: 0, code: 11000, keyPattern: { _id: 1 }, keyValue: { _id: 1 } },
    difference: "DocumentDB 1.0 tells the code alone",
  },
  {
    name: "hostInfo: is for the admin database",
    commands: [{ hostInfo: 1 }],
    reply: { ok: 0, code: 13 },
    difference: "DocumentDB 1.0 tells of the host anywhere",
  },
  {
    name: "$merge: joins by a field inside of others",
    commands: [
      { createIndexes: "t", indexes: [{ key: { "a.b": 1 }, name: "ab", unique: true }] },
      { insert: "t", documents: [{ _id: 1, a: { b: 7 }, old: true }] },
      { insert: "c", documents: [{ _id: 5, a: { b: 7 }, n: 1 }] },
      aggregate({ $merge: { into: "t", on: "a.b" } }),
      { find: "t" },
    ],
    reply: found({ _id: 1, a: { b: 7 }, old: true, n: 1 }),
    difference: "DocumentDB 1.0 does not look into documents for what $merge joins by",
  },
  {
    name: "an option that is null is not given",
    commands: [{ findAndModify: "c", query: { _id: 1 }, update: { $set: { n: 1 } }, upsert: null }],
    reply: { ok: 1, value: null, lastErrorObject: { n: 0, updatedExisting: false } },
  },
  {
    name: "an option that is no boolean is refused",
    commands: [{ findAndModify: "c", query: { _id: 1 }, update: { $set: { n: 1 } }, upsert: "no" }],
    reply: { ok: 0, code: 14 },
  },
  {
    name: "names that every object of JavaScript has are no variables",
    documents: [{ _id: 1 }],
    commands: [aggregate({ $set: { a: "$$constructor" } })],
    reply: { ok: 0, code: 17276 },
  },
];
