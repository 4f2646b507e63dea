import { mongo } from "mongoose";
import { aggregate, type Case, type Doc, find, found } from "../case";

const { Decimal128, Double, Long } = mongo;

const decimal = (text: string) => Decimal128.fromString(text);
const long = (text: string) => Long.fromString(text);

const OTHER_ARITHMETIC = "DocumentDB 1.0 computes averages, rests and sums as doubles";

const OTHER_LAST_DIGIT = "DocumentDB 1.0 rounds the last digit otherwise";

/** Expressions over no document, with their values. */
const EXPRESSIONS: [string, unknown, unknown, string?][] = [
  [
    "$divide of decimals has 34 digits",
    { $divide: [decimal("1"), decimal("3")] },
    decimal("0.3333333333333333333333333333333333"),
  ],
  ["$divide of decimals ends where it is exact", { $divide: [decimal("1"), 8] }, decimal("0.125")],
  [
    "$avg of decimals has 34 digits",
    { $avg: [[decimal("1"), decimal("2"), decimal("2")]] },
    decimal("1.666666666666666666666666666666667"),
    OTHER_ARITHMETIC,
  ],
  [
    "$sum of decimals has 34 digits",
    { $sum: [[decimal("0.1234567890123456789"), 1]] },
    decimal("1.1234567890123456789"),
  ],
  ["$sum of doubles carries the error", { $sum: [[0.1, 0.2, 0.3]] }, 0.6, OTHER_ARITHMETIC],
  ["$mod of longs is exact", { $mod: [long("9007199254740993"), 10] }, 3, OTHER_ARITHMETIC],
  ["$mod of decimals", { $mod: [decimal("10.5"), decimal("3")] }, decimal("1.5")],
  ["$mod of a double", { $mod: [5.5, 2] }, 1.5],
  ["$round to the even neighbour", { $round: [2.5] }, 2],
  ["$round at a place", { $round: [12.345, 1] }, 12.3],
  ["$round before the point", { $round: [1250, -2] }, 1200],
  ["$round of a decimal", { $round: [decimal("2.675"), 2] }, decimal("2.68")],
  ["$trunc", { $trunc: [-7.9] }, -7],
  ["$floor of a decimal", { $floor: [decimal("-1.5")] }, decimal("-2")],
  [
    "$abs of a decimal",
    { $abs: [decimal("-1.234567890123456789")] },
    decimal("1.234567890123456789"),
  ],
  ["$pow of ints", { $pow: [2, 10] }, 1024],
  ["$sqrt", { $sqrt: [25] }, 5],
  ["$sqrt of a decimal", { $sqrt: decimal("2") }, decimal("1.414213562373095048801688724209698")],
  ["$sqrt of a decimal ends where it is exact", { $sqrt: decimal("0.25") }, decimal("0.5")],
  ["$sqrt of no decimal", { $sqrt: decimal("0") }, decimal("0")],
  ["$exp of a decimal", { $exp: decimal("1") }, decimal("2.718281828459045235360287471352662")],
  [
    "$exp of a negative decimal",
    { $exp: decimal("-1") },
    decimal("0.3678794411714423215955237701614609"),
  ],
  ["$exp of a decimal that is too large", { $exp: decimal("14150") }, decimal("Infinity")],
  ["$exp of the least decimal", { $exp: decimal("-Infinity") }, decimal("0")],
  ["$ln of a decimal", { $ln: decimal("2") }, decimal("0.6931471805599453094172321214581766")],
  [
    "$ln of a decimal next to one",
    { $ln: decimal("1.000000000000000000000000000000001") },
    decimal("9.999999999999999999999999999999995E-34"),
    OTHER_LAST_DIGIT,
  ],
  ["$log of a decimal", { $log: [decimal("8"), 2] }, decimal("3")],
  [
    "$log to a decimal base",
    { $log: [10, decimal("2")] },
    decimal("3.321928094887362347870319429489390"),
  ],
  [
    "$log10 of a decimal",
    { $log10: decimal("2") },
    decimal("0.3010299956639811952137388947244930"),
  ],
  ["$log10 of a power of ten", { $log10: decimal("0.001") }, decimal("-3")],
  [
    "$pow of a decimal",
    { $pow: [decimal("2"), decimal("0.5")] },
    decimal("1.414213562373095048801688724209698"),
    OTHER_LAST_DIGIT,
  ],
  [
    "$pow of a decimal shows all digits",
    { $pow: [decimal("1.1"), 2] },
    decimal("1.210000000000000000000000000000000"),
  ],
  [
    "$pow of a negative decimal",
    { $pow: [decimal("-2"), 3] },
    decimal("-8.000000000000000000000000000000000"),
  ],
  ["$pow of a negative decimal to a part", { $pow: [decimal("-2"), 0.5] }, decimal("NaN")],
  [
    "$pow of a decimal to nothing",
    { $pow: [decimal("0"), 0] },
    decimal("1.000000000000000000000000000000000"),
  ],
  ["$pow of no decimal", { $pow: [decimal("0"), 2] }, decimal("0E-6176")],
  ["$exp of no decimal", { $exp: decimal("0") }, decimal("1")],
  ["$ln of one", { $ln: decimal("1") }, decimal("0")],
  [
    "$multiply beyond the largest decimal",
    { $multiply: [decimal("1E6000"), decimal("-1E6000")] },
    decimal("-Infinity"),
  ],
];

const UNIQUE = { createIndexes: "c", indexes: [{ key: { v: 1 }, name: "v", unique: true }] };

const OTHER_KEYS = "DocumentDB 1.0 has keys of its own for decimals in indexes";

/** Two numbers in their order, whether they are one value, and where the reference engine says otherwise. */
const PAIRS: [string, unknown, unknown, boolean, ...("unique" | "index" | "distinct")[]][] = [
  ["a double and its decimal", 0.5, decimal("0.50"), true, "unique", "index"],
  ["a double that no short decimal equals", decimal("0.1"), 0.1, false],
  [
    "a double and all its digits",
    decimal("1.110223024625156540423631668090820E-16"),
    1.1102230246251565e-16,
    false,
    "unique",
    "index",
    "distinct",
  ],
  ["a power of two and its decimal", 2 ** -24, decimal("5.9604644775390625E-8"), true, "index"],
  ["a large long and its decimal", long("9007199254740993"), decimal("9007199254740993.0"), true],
  [
    "a large long and another decimal",
    decimal("9007199254740992"),
    long("9007199254740993"),
    false,
  ],
  ["decimals beyond doubles", decimal("1E400"), decimal("1E401"), false],
  ["a decimal beyond doubles and infinity", decimal("1E400"), Infinity, false],
  ["infinities", decimal("-Infinity"), -Infinity, true, "index"],
];

/** Values keep the digits, the types and the nesting that MongoDB documents. */
export const VALUE_CASES: Case[] = [
  ...EXPRESSIONS.map(([name, expression, value, difference]): Case => ({
    name: `arithmetic: ${name}`,
    documents: [{ _id: 1 }],
    commands: [aggregate({ $project: { v: expression } })],
    reply: found({ _id: 1, v: value }),
    ...(difference === undefined ? {} : { difference }),
  })),
  {
    name: "arithmetic: $group averages decimals with 34 digits",
    documents: ["1", "1", "2"].map((text) => ({ v: decimal(text) })),
    commands: [aggregate({ $group: { _id: null, avg: { $avg: "$v" }, sum: { $sum: "$v" } } })],
    reply: found({
      _id: null,
      avg: decimal("1.333333333333333333333333333333333"),
      sum: decimal("4"),
    }),
    difference: OTHER_ARITHMETIC,
  },
  ...PAIRS.flatMap(([what, one, other, equal, ...differences]): Case[] => [
    {
      name: `unique: ${what} are ${equal ? "one value" : "two values"}`,
      commands: [
        UNIQUE,
        {
          insert: "c",
          documents: [
            { _id: 1, v: one },
            { _id: 2, v: other },
          ],
        },
      ],
      reply: equal ? { n: 1, writeErrors: [{ index: 1, code: 11000 }] } : { n: 2 },
      ...(differences.includes("unique") ? { difference: OTHER_KEYS } : {}),
    },
    {
      name: `index: ${what} are ${equal ? "" : "not "}found by each other`,
      documents: [
        { _id: 1, v: one },
        { _id: 2, v: other },
        { _id: 3, v: "other" },
      ],
      commands: [
        { createIndexes: "c", indexes: [{ key: { v: 1 }, name: "v" }] },
        aggregate({
          $facet: {
            byOne: [{ $match: { v: one } }, { $count: "n" }],
            byOther: [{ $match: { v: { $in: [other, "x"] } } }, { $count: "n" }],
            groups: [{ $group: { _id: "$v" } }, { $count: "n" }],
          },
        }),
      ],
      reply: found({
        byOne: [{ n: equal ? 2 : 1 }],
        byOther: [{ n: equal ? 2 : 1 }],
        groups: [{ n: equal ? 2 : 3 }],
      }),
      ...(differences.includes("index") ? { difference: OTHER_KEYS } : {}),
    },
    {
      name: `distinct: ${what} are ${equal ? "one value" : "two values"}`,
      documents: [
        { _id: 1, v: one },
        { _id: 2, v: other },
      ],
      commands: [{ distinct: "c", key: "v", query: { v: { $in: [one, other] } } }],
      reply: { values: equal ? [one] : [one, other] },
      ...(differences.includes("distinct") ? { difference: OTHER_KEYS } : {}),
    },
  ]),
  {
    name: "find: $mod of longs beyond 2^53 is exact",
    documents: [
      { _id: 1, v: long("9007199254740993") },
      { _id: 2, v: long("9007199254740992") },
      { _id: 3, v: new Double(3.7) },
      { _id: 4, v: decimal("13.9") },
    ],
    commands: [find({ v: { $mod: [10, 3] } }, { sort: { _id: 1 }, projection: { _id: 1 } })],
    reply: found({ _id: 1 }, { _id: 3 }, { _id: 4 }),
  },
  {
    name: "find: $elemMatch within $elemMatch opens an array of arrays",
    documents: [
      { _id: 1, v: [[1, 2], [3]] },
      { _id: 2, v: [1] },
    ],
    commands: [find({ v: { $elemMatch: { $elemMatch: { $eq: 1 } } } }, { projection: { _id: 1 } })],
    reply: found({ _id: 1 }),
  },
  ...(
    [
      ["$add", { $add: [new Date(0), 9e15] }, 15],
      ["$subtract", { $subtract: [new Date(0), 9e15] }, 15],
      [
        "$dateAdd",
        { $dateAdd: { startDate: new Date(0), unit: "year", amount: 400_000 } },
        5976500,
      ],
      ["$dateFromParts", { $dateFromParts: { year: 400_000 } }, 40523],
    ] as [string, Doc, number][]
  ).map(([name, v, code]): Case => ({
    name: `${name}: refuses a date beyond those of JavaScript`,
    documents: [{ _id: 1 }],
    commands: [aggregate({ $project: { v } })],
    reply: { ok: 0, code },
    ...(code === 15 ? { difference: "DocumentDB 1.0 makes a date of 1970 of it" } : {}),
  })),
  {
    name: "$toLong: of a decimal is exact",
    documents: [{ _id: 1, n: decimal("9007199254740993") }],
    commands: [aggregate({ $project: { v: { $toString: { $toLong: "$n" } } } })],
    reply: found({ _id: 1, v: "9007199254740993" }),
  },
  {
    name: "$toLong: of a text beyond a long is refused",
    documents: [{ _id: 1 }],
    commands: [aggregate({ $project: { v: { $toLong: "99999999999999999999" } } })],
    reply: { ok: 0, code: 241 },
  },
];
