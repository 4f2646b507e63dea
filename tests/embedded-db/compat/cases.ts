import { mongo } from "mongoose";
import { aggregate, type Case, type Doc, find, found, update } from "./case";
import { CATALOG_CASES } from "./cases/catalog";
import { COMMAND_CASES } from "./cases/commands";
import { EXPRESSION_CASES } from "./cases/expressions";
import { GEO_CASES } from "./cases/geo";
import { OPERATOR_CASES } from "./cases/operators";
import { QUERY_CASES } from "./cases/queries";
import { VALUE_CASES } from "./cases/values";
import { STAGE_CASES } from "./cases/stages";
import { UPDATE_CASES } from "./cases/updates";
import { WINDOW_CASES } from "./cases/windows";

const NO_COLLATION = "DocumentDB 1.0 refuses or ignores collations";

const { Decimal128, Double, Long } = mongo;

const NUMBERS = [
  { _id: 1, v: 5 },
  { _id: 2, v: new Double(5) },
  { _id: 3, v: Long.fromNumber(5) },
  { _id: 4, v: Decimal128.fromString("5.0") },
  { _id: 5, v: "5" },
];

const MIXED = [
  { _id: 1, v: "b" },
  { _id: 2, v: null },
  { _id: 3, v: 10 },
  { _id: 4, v: { a: 1 } },
  { _id: 5, v: true },
  { _id: 6, v: [3, 20] },
  { _id: 7 },
  { _id: 8, v: new Date(0) },
];

const NAMES = [
  { _id: 1, name: "cafe" },
  { _id: 2, name: "Café" },
  { _id: 3, name: "item 10" },
  { _id: 4, name: "item 9" },
];

const SCHEMA = {
  $jsonSchema: {
    bsonType: "object",
    required: ["title"],
    properties: { title: { bsonType: "string", minLength: 2 }, n: { bsonType: "int", minimum: 0 } },
  },
};

/** Sorted by what they ask about. */
export const CASES: Case[] = [
  {
    name: "capped: keeps the youngest",
    commands: [
      { create: "capped", capped: true, size: 4096, max: 2 },
      { insert: "capped", documents: [{ _id: 1 }, { _id: 2 }, { _id: 3 }] },
      { find: "capped" },
    ],
    reply: found({ _id: 2 }, { _id: 3 }),
    difference: "DocumentDB 1.0 makes capped collections ordinary ones",
  },
  {
    name: "capped: a tailable cursor stays open",
    commands: [
      { create: "capped", capped: true, size: 4096 },
      { insert: "capped", documents: [{ _id: 1 }] },
      { find: "capped", tailable: true },
    ],
    reply: { cursor: { firstBatch: [{ _id: 1 }], id: "open" } },
    difference: "DocumentDB 1.0 has no tailable cursors",
  },
  {
    name: "capped: a tailable cursor has nothing to wait at in an empty collection",
    commands: [
      { create: "capped", capped: true, size: 4096 },
      { find: "capped", tailable: true },
    ],
    reply: { cursor: { firstBatch: [], id: "closed" } },
  },
  ...[
    ["a tailable cursor in another order", { tailable: true, sort: { n: 1 } }, 2],
    ["to wait with a cursor that is not tailable", { awaitData: true }, 9],
  ].map(([what, more, code]): Case => ({
    name: `capped: refuses ${what as string}`,
    commands: [
      { create: "capped", capped: true, size: 4096 },
      { find: "capped", ...(more as Doc) },
    ],
    reply: { ok: 0, code },
    difference: "DocumentDB 1.0 has no tailable cursors",
  })),
  {
    name: "collation: strength 1 ignores case and accents",
    documents: NAMES,
    commands: [find({ name: "CAFE" }, { collation: { locale: "en", strength: 1 } })],
    reply: found(NAMES[0] as Doc, NAMES[1] as Doc),
    difference: NO_COLLATION,
  },
  {
    name: "collation: numericOrdering",
    documents: NAMES,
    commands: [
      find(
        { name: /^item/ },
        { sort: { name: 1 }, collation: { locale: "en", numericOrdering: true } },
      ),
    ],
    reply: found(NAMES[3] as Doc, NAMES[2] as Doc),
    difference: NO_COLLATION,
  },
  {
    name: "collation: a unique index of strength 2",
    documents: NAMES,
    commands: [
      {
        createIndexes: "c",
        indexes: [
          { key: { name: 1 }, name: "n", unique: true, collation: { locale: "en", strength: 2 } },
        ],
      },
      { insert: "c", documents: [{ _id: 9, name: "CAFE" }] },
    ],
    reply: { n: 0, writeErrors: [{ index: 0, code: 11000 }] },
    difference: NO_COLLATION,
  },
  {
    name: "collMod: a validator",
    documents: [{ _id: 1 }],
    commands: [
      { collMod: "c", validator: { n: { $gt: 0 } } },
      { insert: "c", documents: [{ _id: 2, n: 0 }] },
    ],
    reply: { n: 0, writeErrors: [{ index: 0, code: 121 }] },
  },
  {
    name: "collMod: the time of a TTL index",
    documents: [{ _id: 1 }],
    commands: [
      { createIndexes: "c", indexes: [{ key: { at: 1 }, name: "at", expireAfterSeconds: 10 }] },
      { collMod: "c", index: { keyPattern: { at: 1 }, expireAfterSeconds: 20 } },
    ],
    reply: { expireAfterSeconds_old: 10, expireAfterSeconds_new: 20 },
  },
  {
    name: "compare: equal numbers of every type",
    documents: NUMBERS,
    commands: [{ count: "c", query: { v: 5 } }],
    reply: { n: 4 },
  },
  {
    name: "compare: the order of types",
    documents: MIXED,
    commands: [find({}, { sort: { v: 1, _id: 1 }, projection: { _id: 1 } })],
    reply: found(...[2, 7, 6, 3, 1, 4, 5, 8].map((_id) => ({ _id }))),
  },
  {
    name: "compare: an array sorts descending by its largest",
    documents: MIXED,
    commands: [find({ v: { $type: "number" } }, { sort: { v: -1 }, projection: { _id: 1 } })],
    reply: found({ _id: 6 }, { _id: 3 }),
  },
  {
    name: "date: its parts, and null where there is none",
    documents: [{ _id: 1, t: new Date("2024-02-29T12:00:00Z") }, { _id: 2 }],
    commands: [
      aggregate(
        { $sort: { _id: 1 } },
        {
          $project: {
            year: { $year: "$t" },
            month: { $month: { date: "$t" } },
            next: { $dateAdd: { startDate: "$t", unit: "day", amount: 1 } },
          },
        },
      ),
    ],
    reply: found(
      { _id: 1, year: 2024, month: 2, next: new Date("2024-03-01T12:00:00Z") },
      { _id: 2, year: null, month: null, next: null },
    ),
  },
  {
    name: "distinct: opens arrays",
    documents: [{ t: ["a", "b"] }, { t: "a" }, {}],
    commands: [{ distinct: "c", key: "t" }],
    reply: { values: ["a", "b"] },
  },
  ...[
    ["equals null", { v: null }, [2, 7]],
    ["exists", { v: { $exists: false } }, [7]],
    ["exists behind the end of an array", { "v.2": { $exists: false } }, [1, 2, 3, 4, 5, 6, 7, 8]],
    ["exists at a place of an array", { "v.1": { $exists: true } }, [6]],
    ["exists nowhere in an array", { "v.a": { $exists: false } }, [1, 2, 3, 5, 6, 7, 8]],
    ["$ne", { v: { $ne: 10 } }, [1, 2, 4, 5, 6, 7, 8]],
    ["$gt stays within its type", { v: { $gt: 2 } }, [3, 6]],
    ["$in", { v: { $in: [null, "b"] } }, [1, 2, 7]],
    ["$nin", { v: { $nin: [null, "b"] } }, [3, 4, 5, 6, 8]],
    ["$size", { v: { $size: 2 } }, [6]],
    ["$elemMatch", { v: { $elemMatch: { $gt: 3, $lt: 21 } } }, [6]],
    ["$all", { v: { $all: [3, 20] } }, [6]],
    ["$not", { v: { $not: { $gt: 2 } } }, [1, 2, 4, 5, 7, 8]],
    ["$type", { v: { $type: ["bool", "object"] } }, [4, 5]],
    ["$regex", { v: { $regex: "^B", $options: "i" } }, [1]],
    ["$expr", { $expr: { $eq: ["$_id", 5] } }, [5]],
    ["a field of a document", { "v.a": 1 }, [4]],
    ["a place in an array", { "v.1": 20 }, [6]],
  ].map(([what, filter, ids]): Case => ({
    name: `find: ${what as string}`,
    documents: MIXED,
    commands: [find(filter as Doc, { sort: { _id: 1 }, projection: { _id: 1 } })],
    reply: found(...(ids as number[]).map((_id) => ({ _id }))),
  })),
  ...[
    ["an unknown operator", find({ a: { $nope: 1 } }), 2],
    ["a type that is only a property of objects", find({ a: { $type: "constructor" } }), 2],
    [
      "a conversion to such a type",
      aggregate({ $project: { x: { $convert: { input: 1, to: "constructor" } } } }),
      2,
    ],
    ["a negative skip", find({}, { skip: -1 }), 51024],
    ["a mixed projection", find({}, { projection: { a: 1, b: 0 } }), 31254],
    ["an unknown stage", aggregate({ $nope: 1 }), 40324],
    ["two fields in a stage", aggregate({ $match: {}, $limit: 1 }), 40323],
    ["a group without _id", aggregate({ $group: { n: { $sum: 1 } } }), 15955],
    ["an index that is not there", { dropIndexes: "c", index: "nope" }, 27],
    ["a missing namespace", { collMod: "missing" }, 26],
    ["an unknown command", { nonsense: 1 }, 59],
    ["an unknown field of a find", find({}, { filtre: {} }), 40415],
    ["an unknown field of an insert", { insert: "c", documents: [{}], order: false }, 40415],
  ].map(([what, command, code]): Case => ({
    name: `refuse: ${what as string}`,
    documents: [{ _id: 1 }],
    commands: [command as Doc],
    reply: { ok: 0, code },
  })),
  {
    name: "findAndModify: upsert gives the new document",
    commands: [
      {
        findAndModify: "c",
        query: { _id: 1 },
        update: { $inc: { n: 2 } },
        upsert: true,
        new: true,
      },
    ],
    reply: {
      lastErrorObject: { n: 1, updatedExisting: false, upserted: 1 },
      value: { _id: 1, n: 2 },
    },
  },
  {
    name: "findAndModify: remove by sort",
    documents: [
      { _id: 1, n: 1 },
      { _id: 2, n: 2 },
    ],
    commands: [{ findAndModify: "c", query: {}, sort: { n: -1 }, remove: true }],
    reply: { lastErrorObject: { n: 1 }, value: { _id: 2, n: 2 } },
  },
  {
    name: "$jsonSchema: refuses what does not fit",
    commands: [
      { create: "c", validator: SCHEMA },
      {
        insert: "c",
        ordered: false,
        documents: [{ _id: 1, title: "ok" }, { _id: 2, title: "x" }, { _id: 3 }],
      },
    ],
    reply: {
      n: 1,
      writeErrors: [
        { index: 1, code: 121 },
        { index: 2, code: 121 },
      ],
    },
    difference: "DocumentDB 1.0 does not enforce $jsonSchema",
  },
  {
    name: "$lookup, $unwind and $group",
    documents: [
      { _id: 1, parent: 2, n: 1 },
      { _id: 2, n: 10 },
      { _id: 3, parent: 2, n: 5 },
    ],
    commands: [
      aggregate(
        { $lookup: { from: "c", localField: "parent", foreignField: "_id", as: "p" } },
        { $unwind: "$p" },
        { $group: { _id: "$p._id", n: { $sum: "$n" }, ids: { $push: "$_id" } } },
      ),
    ],
    reply: found({ _id: 2, n: 6, ids: [1, 3] }),
  },
  {
    name: "$merge: replaces and inserts",
    documents: [
      { _id: 1, n: 1 },
      { _id: 2, n: 2 },
    ],
    commands: [
      { insert: "d", documents: [{ _id: 1, n: 0, kept: true }] },
      aggregate({ $merge: { into: "d", whenMatched: "replace" } }),
      { find: "d", sort: { _id: 1 } },
    ],
    reply: found({ _id: 1, n: 1 }, { _id: 2, n: 2 }),
  },
  {
    name: "$out: takes the place of a collection",
    documents: [{ _id: 1, n: 1 }],
    commands: [{ insert: "d", documents: [{ _id: 9 }] }, aggregate({ $out: "d" }), { find: "d" }],
    reply: found({ _id: 1, n: 1 }),
  },
  ...[
    ["$inc keeps the type", { n: Long.fromNumber(1) }, { $inc: { n: 1 } }, { n: 2 }],
    ["$mul of a missing field", {}, { $mul: { n: 3 } }, { n: 0 }],
    [
      "$push with $position",
      { a: [1, 3] },
      { $push: { a: { $each: [2], $position: 1 } } },
      { a: [1, 2, 3] },
    ],
    ["$addToSet with $each", { a: [1] }, { $addToSet: { a: { $each: [1, 2] } } }, { a: [1, 2] }],
    [
      "$pull of documents",
      { a: [{ k: 1 }, { k: 2 }] },
      { $pull: { a: { k: 1 } } },
      { a: [{ k: 2 }] },
    ],
    ["$pop", { a: [1, 2] }, { $pop: { a: -1 } }, { a: [2] }],
    ["$bit", { n: 5 }, { $bit: { n: { and: 4 } } }, { n: 4 }],
    ["a replacement", { a: 1 }, { b: 2 }, { b: 2 }],
    ["a pipeline", { a: 1 }, [{ $set: { b: { $add: ["$a", 1] } } }, { $unset: "a" }], { b: 2 }],
  ].map(([what, before, change, after]): Case => ({
    name: `update: ${what as string}`,
    documents: [{ _id: 1, ...(before as Doc) }],
    commands: [update({ _id: 1 }, change), find({})],
    reply: found({ _id: 1, ...(after as Doc) }),
  })),
  ...[
    ["$inc of a text", { $inc: { s: 1 } }, 14],
    ["$push to a text", { $push: { s: 1 } }, 2],
    ["a path through a text", { $set: { "s.a": 1 } }, 28],
    ["the _id", { $set: { _id: 2 } }, 66],
    ["one field twice", { $set: { a: 1 }, $inc: { a: 1 } }, 40],
    ["an unknown operator", { $nope: { a: 1 } }, 9],
  ].map(([what, change, code]): Case => ({
    name: `update refuses ${what as string}`,
    documents: [{ _id: 1, s: "text" }],
    commands: [update({ _id: 1 }, change)],
    reply: { n: 0, writeErrors: [{ index: 0, code }] },
  })),
  {
    name: "view: a find goes through its pipeline",
    documents: [
      { _id: 1, n: 1 },
      { _id: 2, n: 2 },
    ],
    commands: [
      { create: "v", viewOn: "c", pipeline: [{ $set: { twice: { $multiply: ["$n", 2] } } }] },
      { find: "v", filter: { twice: 4 } },
    ],
    reply: found({ _id: 2, n: 2, twice: 4 }),
  },
  {
    name: "view: refuses writes",
    documents: [{ _id: 1 }],
    commands: [
      { create: "v", viewOn: "c", pipeline: [] },
      { insert: "v", documents: [{ a: 1 }] },
    ],
    reply: { ok: 0, code: 166 },
  },
  {
    name: "window: a running sum",
    documents: [
      { _id: 1, n: 1 },
      { _id: 2, n: 2 },
      { _id: 3, n: 3 },
    ],
    commands: [
      aggregate(
        {
          $setWindowFields: {
            sortBy: { _id: 1 },
            output: { sum: { $sum: "$n", window: { documents: ["unbounded", "current"] } } },
          },
        },
        { $project: { sum: 1 } },
        { $sort: { _id: 1 } },
      ),
    ],
    reply: found({ _id: 1, sum: 1 }, { _id: 2, sum: 3 }, { _id: 3, sum: 6 }),
  },
  ...CATALOG_CASES,
  ...COMMAND_CASES,
  ...EXPRESSION_CASES,
  ...GEO_CASES,
  ...OPERATOR_CASES,
  ...QUERY_CASES,
  ...VALUE_CASES,
  ...STAGE_CASES,
  ...UPDATE_CASES,
  ...WINDOW_CASES,
];
