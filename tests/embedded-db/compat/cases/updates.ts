import { mongo } from "mongoose";
import { aggregate, type Case, type Doc, find, found, update } from "../case";

/** Updates whose path leads through something without such a field. */
const REFUSED: [string, Doc, number, string?][] = [
  ["$rename from an element", { $rename: { "list.0": "x" } }, 2],
  ["$rename from the position", { $rename: { "list.$": "x" } }, 2],
  ["$rename from every position", { $rename: { "list.$[]": "x" } }, 2],
  ["$rename into a filtered position", { $rename: { n: "list.$[e]" } }, 2],
  ["$rename through an array", { $rename: { "list.a": "x" } }, 28],
  ["$rename into an array", { $rename: { n: "list.0" } }, 2],
  ["$rename through a number", { $rename: { "n.a": "x" } }, 28],
  ["$pull through a number", { $pull: { "n.a": 1 } }, 28],
  ["an unknown clause of $push", { $push: { list: { $each: [1], $nope: 1 } } }, 2],
  ["$bit with a fraction", { $bit: { n: { and: 1.5 } } }, 2],
  ["$rename of filtered elements", { $rename: { "list.$[].a": "x" } }, 2],
  ["elements and a place of an array", { $set: { "list.$[].a": 1, "list.0.b": 1 } }, 40],
  ["$ twice in a path", { $set: { "list.$.a.$": 1 } }, 2],
  ["$addToSet with more than $each", { $addToSet: { list: { $each: [1], more: 1 } } }, 2],
  ["$rename to nothing", { $rename: { n: "" } }, 56],
  ["$rename to an empty field", { $rename: { n: "x..y" } }, 56],
  ["$rename to a field with a dollar", { $rename: { n: "$x" } }, 52],
  ["$rename into itself", { $rename: { n: "n.x" } }, 2],
  ["$rename to a number", { $rename: { n: 1 } }, 2],
  ["$rename to the _id", { $rename: { list: "_id" } }, 66],
  ["$set of a field with a dollar", { $set: { $x: 1 } }, 52],
  ["$set within a field with a dollar that is not there", { $set: { "$x.y": 1 } }, 52],
  ["$ in front of a path", { $set: { "$.x": 1 } }, 2],
  ["$[] in front of a path", { $set: { "$[].x": 1 } }, 2],
  ["a place far behind the end of an array", { $set: { "list.2000000": 1 } }, 34],
  ["$push with a $slice of a fraction", { $push: { list: { $each: [1], $slice: 1.5 } } }, 2],
  ["$push with a $position of null", { $push: { list: { $each: [1], $position: null } } }, 2],
  ["$push with an empty $sort", { $push: { list: { $each: [1], $sort: {} } } }, 2],
  ["$push with a $sort by nothing", { $push: { list: { $each: [1], $sort: { "": 1 } } } }, 2],
  [
    "$push with a $sort by an empty field",
    { $push: { list: { $each: [1], $sort: { "a..b": 1 } } } },
    2,
    "DocumentDB 1.0 sorts by it",
  ],
  ["$push with a $sort by a text", { $push: { list: { $each: [1], $sort: { a: "up" } } } }, 2],
  ["$addToSet with $each of a number", { $addToSet: { list: { $each: 1 } } }, 14],
  ["$bit without an operation", { $bit: { n: {} } }, 2],
  ["$bit with a number", { $bit: { n: 1 } }, 2],
  ["$bit with an unknown operation", { $bit: { n: { not: 1 } } }, 2],
  ["$currentDate as a text", { $currentDate: { at: "date" } }, 2],
  ["$currentDate without a type", { $currentDate: { at: {} } }, 2],
  ["$currentDate of an unknown type", { $currentDate: { at: { $type: "time" } } }, 2],
  ["$currentDate with an unknown option", { $currentDate: { at: { format: 1 } } }, 2],
  ["$pop of a fraction", { $pop: { list: 1.5 } }, 9],
  ["$pop of two", { $pop: { list: 2 } }, 9],
  ["$pop of infinitely many", { $pop: { list: Infinity } }, 9],
  ["$pull with an unknown operator, also where nothing is", { $pull: { none: { $nope: 1 } } }, 2],
];

/** Updates of dollars and empty modifiers that are none of a document's own fields. */
const ALLOWED: [string, Doc, Doc, string?][] = [
  ["$rename of nothing to a field with a dollar", { $rename: { none: "$x" } }, {}],
  ["$unset of a field with a dollar", { $unset: { $x: 1 } }, {}],
  ["$set of a dollar in an inner document", { $set: { "o.$x": 1 } }, { o: { $x: 1 } }],
  [
    "$addToSet of a document with $each behind another field",
    { $addToSet: { list: { a: 1, $each: [1] } } },
    { list: [{ a: 1, $each: [1] }] },
    "DocumentDB 1.0 takes it for a modifier",
  ],
  ["$pop by a decimal", { $pop: { list: mongo.Decimal128.fromString("1.0") } }, {}],
];

/** What an upsert makes of its filter; without a document, the code of the refusal. */
const UPSERTS: [string, Doc, Doc | number][] = [
  ["an equality within $and", { $and: [{ x: 1 }, { y: { $eq: 2 } }] }, { x: 1, y: 2, z: 1 }],
  ["an $in of one", { x: { $in: [1] } }, { x: 1, z: 1 }],
  ["an $or of one", { $or: [{ x: 1 }] }, { x: 1, z: 1 }],
  ["no $in of many", { x: { $in: [1, 2] } }, { z: 1 }],
  ["no $elemMatch", { x: { $elemMatch: { y: 1 } } }, { z: 1 }],
  ["a path", { "x.y": 1 }, { x: { y: 1 }, z: 1 }],
  ["no path twice", { x: { $all: [1, 2] } }, 54],
  ["no path within another", { x: { y: 1 }, "x.y": 1 }, 54],
  ["no $expr", { $expr: { $eq: ["$x", 1] } }, 224],
];

/** Arrays after an update. */
const PULLED: [string, Doc, unknown[]][] = [
  ["$pull by $or", { $pull: { list: { $or: [{ a: 1 }, { a: 3 }] } } }, [{ a: 2 }, [1, 5]]],
  [
    "$pull by $elemMatch",
    { $pull: { list: { $elemMatch: { $eq: 5 } } } },
    [{ a: 1 }, { a: 2 }, { a: 3 }],
  ],
  [
    "$pull of an array that holds a number",
    { $pull: { list: { $gt: 4 } } },
    [{ a: 1 }, { a: 2 }, { a: 3 }],
  ],
  [
    "$pull of an array by one of its elements",
    { $pull: { list: { $in: [5] } } },
    [{ a: 1 }, { a: 2 }, { a: 3 }],
  ],
  ["$pull of an array as a whole", { $pull: { list: [1, 5] } }, [{ a: 1 }, { a: 2 }, { a: 3 }]],
];

export const UPDATE_CASES: Case[] = [
  ...UPSERTS.map(([what, filter, expected]): Case => ({
    name: `upsert takes ${what}`,
    commands: [
      { create: "c" },
      update(filter, { $set: { z: 1 } }, { upsert: true }),
      ...(typeof expected === "number" ? [] : [find({}, { projection: { _id: 0 } })]),
    ],
    reply:
      typeof expected === "number"
        ? { n: 0, writeErrors: [{ index: 0, code: expected }] }
        : found(expected),
  })),
  ...PULLED.map(([what, change, list]): Case => ({
    name: `update: ${what}`,
    documents: [{ _id: 1, list: [{ a: 1 }, { a: 2 }, { a: 3 }, [1, 5]] }],
    commands: [update({}, change), find({})],
    reply: found({ _id: 1, list }),
  })),
  ...ALLOWED.map(([what, change, after, difference]): Case => ({
    name: `update: ${what}`,
    documents: [{ _id: 1, o: {}, list: [] }],
    commands: [update({ _id: 1 }, change), find({})],
    reply: found({ _id: 1, o: {}, list: [], ...after }),
    ...(difference === undefined ? {} : { difference }),
  })),
  ...REFUSED.map(([what, change, code, difference]): Case => ({
    name: `update refuses ${what}`,
    documents: [{ _id: 1, n: 1, list: [{ a: 1 }] }],
    commands: [update({ _id: 1 }, change)],
    reply: { n: 0, writeErrors: [{ index: 0, code }] },
    ...(difference === undefined ? {} : { difference }),
  })),
  ...[{ $each: 1 }, { $each: [], $slice: "1" }, { $each: [], $sort: 2 }].map((modifiers): Case => ({
    name: `update refuses ${JSON.stringify(modifiers)} in $push, also where nothing matches`,
    documents: [{ _id: 1 }],
    commands: [update({ _id: 2 }, { $push: { list: modifiers } })],
    reply: { n: 0, writeErrors: [{ index: 0 }] },
    difference: "DocumentDB 1.0 reads the modifiers when it applies them",
  })),
  {
    name: "update: $push of more elements than a function takes arguments",
    documents: [{ _id: 1, list: [1] }],
    commands: [
      update({}, { $push: { list: { $each: Array<number>(200_000).fill(0) } } }),
      aggregate({ $project: { size: { $size: "$list" } } }),
    ],
    reply: found({ _id: 1, size: 200_001 }),
  },
  {
    name: "update refuses an order for many documents",
    documents: [{ _id: 1 }],
    commands: [update({}, { $set: { a: 1 } }, { multi: true, sort: { _id: 1 } })],
    reply: { n: 0, writeErrors: [{ index: 0, code: 9 }] },
  },
  {
    name: "upsert: a replacement refuses a part of the _id",
    commands: [{ create: "c" }, update({ "_id.x": 1 }, { z: 1 }, { upsert: true })],
    reply: { n: 0, writeErrors: [{ index: 0, code: 111 }] },
  },
  {
    name: "upsert: operators take a part of the _id",
    commands: [
      { create: "c" },
      update({ "_id.x": 1 }, { $set: { z: 1 } }, { upsert: true }),
      find({}),
    ],
    reply: found({ _id: { x: 1 }, z: 1 }),
  },
  {
    name: "update: $ stands for one element, also when the update changes what was asked for",
    documents: [{ _id: 1, list: [{ a: 1 }, { a: 2 }] }],
    commands: [
      update({ "list.a": 2 }, { $set: { "list.$.a": 3, "list.$.b": 4 }, $inc: { "list.$.c": 5 } }),
      find({}),
    ],
    reply: found({ _id: 1, list: [{ a: 1 }, { a: 3, b: 4, c: 5 }] }),
  },
  {
    name: "update: without a condition on its array, $ is the place found in another one",
    documents: [{ _id: 1, keys: ["a", "b"], values: [1, 2] }],
    commands: [update({ keys: "b" }, { $set: { "values.$": 3 } }), find({})],
    reply: found({ _id: 1, keys: ["a", "b"], values: [1, 3] }),
  },
  {
    name: "update: a filtered element is the one that fitted before",
    documents: [{ _id: 1, list: [{ a: 1 }, { a: 2 }] }],
    commands: [
      update(
        {},
        { $set: { "list.$[x].a": 2, "list.$[x].b": 3, "list.$[y].c": 4 } },
        { arrayFilters: [{ "x.a": 1 }, { "y.a": 2 }] },
      ),
      find({}),
    ],
    reply: found({
      _id: 1,
      list: [
        { a: 2, b: 3 },
        { a: 2, c: 4 },
      ],
    }),
  },
  {
    name: "update refuses two filters that meet in one field",
    documents: [{ _id: 1, list: [{ a: 1 }] }],
    commands: [
      update(
        {},
        { $set: { "list.$[x].b": 2, "list.$[y].b": 3 } },
        { arrayFilters: [{ "x.a": 1 }, { "y.a": { $gt: 0 } }] },
      ),
    ],
    reply: { n: 0, writeErrors: [{ index: 0, code: 40 }] },
    difference: "DocumentDB 1.0 lets the last of them win",
  },
  {
    name: "delete: a command with a bad limit deletes nothing",
    documents: [{ _id: 1 }, { _id: 2 }],
    commands: [
      {
        delete: "c",
        deletes: [
          { q: { _id: 1 }, limit: 1 },
          { q: {}, limit: 2 },
        ],
      },
    ],
    reply: { ok: 0, code: 9 },
  },
  {
    name: "array filters that are no array are refused",
    documents: [{ _id: 1, a: [1] }],
    commands: [update({}, { $set: { "a.$[e]": 2 } }, { arrayFilters: 5 })],
    reply: { ok: 1, writeErrors: [{ index: 0, code: 14 }] },
    difference: "DocumentDB 1.0 refuses the command",
  },
];
