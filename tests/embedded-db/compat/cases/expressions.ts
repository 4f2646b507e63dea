import { mongo } from "mongoose";
import { aggregate, type Case, find, found } from "../case";

const { Binary, Decimal128, Long, ObjectId, Timestamp } = mongo;

const DOCUMENT = {
  _id: 1,
  at: new Date("2024-02-29T13:45:10.123Z"),
  id: new ObjectId("65f000000000000000000001"),
  list: [3, 1, 2],
  mixed: [1, "a", null, [1], { z: 1 }],
  n: 5,
  o: { a: 1 },
  text: "Hello, World é😀",
  long: Long.fromString("9007199254740993"),
  stamp: new Timestamp({ t: 100, i: 1 }),
  bytes: new Binary(Buffer.from("abc")),
};

const NO_BINARY = "DocumentDB 1.0 converts binary data from and to texts of a named format only";

/** The conversions of binary data that DocumentDB 1.0 knows as well. */
const BINARY_ALIKE = new Set([
  "bytes as base64",
  "bytes as hex",
  "bytes as UTF-8",
  "bytes without a format",
  "an unknown format",
  "a UUID's text",
  "what is no base64",
  "there and back",
  "three bytes as an int",
]);
const NO_CLUSTER_TIME = "DocumentDB 1.0 has no $$CLUSTER_TIME";
const UUID = "8a1f3c62-0b0e-4a4e-9d0f-3c5a7b1e2d4f";

const convert = (input: unknown, to: unknown, more: object = {}) => ({
  $convert: { input, to, ...more },
});

/** `$bytes` are those of "abc". */
const BINARY_CONVERSIONS: [string, unknown, unknown, string?][] = [
  ["bytes as base64", convert("$bytes", "string", { format: "base64" }), "YWJj"],
  ["bytes as they are best read", convert("$bytes", "string", { format: "auto" }), "YWJj"],
  ["bytes as hex", convert("$bytes", "string", { format: "hex" }), "616263"],
  ["bytes as UTF-8", convert("$bytes", "string", { format: "utf8" }), "abc"],
  ["bytes as a UUID", convert("$bytes", "string", { format: "uuid" }), { code: 241 }],
  ["bytes without a format", convert("$bytes", "string"), { code: 4341115 }],
  ["an unknown format", convert("$bytes", "string", { format: "text" }), { code: 4341125 }],
  ["a UUID as text", { $toString: { $toUUID: UUID } }, UUID],
  [
    "there and back",
    convert(convert("-_8", "binData", { format: "base64url" }), "string", { format: "hex" }),
    "FBFF",
  ],
  [
    "a UUID's text",
    {
      $eq: [convert(UUID, { type: "binData", subtype: 4 }, { format: "uuid" }), { $toUUID: UUID }],
    },
    true,
  ],
  ["what is no base64", convert("a?", "binData", { format: "base64", onError: "other" }), "other"],
  ["an int", convert(convert(258, "binData"), "string", { format: "hex" }), "02010000"],
  [
    "an int, the high byte first",
    convert(convert(258, "binData", { byteOrder: "big" }), "string", { format: "hex" }),
    "00000102",
  ],
  [
    "a long and back",
    { $toLong: convert("$long", "binData") },
    Long.fromString("9007199254740993"),
  ],
  ["a double and back", { $toDouble: convert(1.5, "binData") }, 1.5],
  ["three bytes as an int", convert("$bytes", "int"), { code: 241 }],
].map(([name, expression, value]) => [
  `$convert: ${name as string}`,
  expression,
  value,
  BINARY_ALIKE.has(name as string) ? undefined : NO_BINARY,
]);

const day = (text: string) => new Date(`${text}Z`);

/** An expression over the document above and its value; an error's code as `{ code }`. */
const VALUES: [name: string, expression: unknown, value: unknown, difference?: string][] = [
  ["$year of an ObjectId", { $year: "$id" }, 2024],
  ["$week begins on Sunday", { $week: "$at" }, 8],
  ["$hour in a zone", { $hour: { date: "$at", timezone: "America/New_York" } }, 8],
  ["$isoWeekYear", { $isoWeekYear: "$at" }, 2024],
  [
    "$dateAdd of a month ends with the month",
    { $dateAdd: { startDate: day("2024-01-31T00:00"), unit: "month", amount: 1 } },
    day("2024-02-29T00:00"),
  ],
  [
    "$dateAdd of a day keeps the hour of the zone",
    {
      $dateAdd: {
        startDate: day("2024-03-09T17:00"),
        unit: "day",
        amount: 1,
        timezone: "America/New_York",
      },
    },
    day("2024-03-10T16:00"),
  ],
  [
    "$dateDiff counts boundaries",
    { $dateDiff: { startDate: "$at", endDate: day("2024-03-01T00:00"), unit: "month" } },
    1,
  ],
  [
    "$dateDiff in weeks from Monday",
    {
      $dateDiff: {
        startDate: day("2024-03-03T00:00"),
        endDate: day("2024-03-04T00:00"),
        unit: "week",
        startOfWeek: "monday",
      },
    },
    1,
  ],
  [
    "$dateTrunc to a day of a zone",
    { $dateTrunc: { date: "$at", unit: "day", timezone: "America/New_York" } },
    day("2024-02-29T05:00"),
    "DocumentDB 1.0 truncates to the day before",
  ],
  [
    "$dateTrunc to a quarter of an hour",
    { $dateTrunc: { date: "$at", unit: "minute", binSize: 15 } },
    day("2024-02-29T13:45"),
  ],
  ["$dateTrunc to a week", { $dateTrunc: { date: "$at", unit: "week" } }, day("2024-02-25T00:00")],
  [
    "$dateFromParts carries over",
    { $dateFromParts: { year: 2024, month: 2, day: 30 } },
    day("2024-03-01T00:00"),
  ],
  [
    "$dateFromParts of an ISO week",
    { $dateFromParts: { isoWeekYear: 2024, isoWeek: 5, isoDayOfWeek: 2 } },
    day("2024-01-30T00:00"),
  ],
  [
    "$dateFromString with an offset",
    { $dateFromString: { dateString: "2024-01-02T03:04:05+0200" } },
    day("2024-01-02T01:04:05"),
  ],
  [
    "$dateFromString with a format",
    { $dateFromString: { dateString: "06-15-2018", format: "%m-%d-%Y" } },
    day("2018-06-15T00:00"),
  ],
  [
    "$dateFromString with onError",
    { $dateFromString: { dateString: "no", onError: "bad" } },
    "bad",
  ],
  [
    "$dateToParts",
    { $dateToParts: { date: "$at" } },
    { year: 2024, month: 2, day: 29, hour: 13, minute: 45, second: 10, millisecond: 123 },
  ],
  [
    "$dateToString with every part",
    { $dateToString: { date: "$at", format: "%Y-%m-%d %H:%M:%S.%L %j %u %V %G %z %Z %w %U %%" } },
    "2024-02-29 13:45:10.123 060 4 09 2024 +0000 0 5 08 %",
  ],
  [
    "$dateToString in a zone",
    { $dateToString: { date: "$at", timezone: "Europe/Paris", format: "%H%z" } },
    "14+0100",
  ],
  ["$indexOfCP", { $indexOfCP: ["$text", "😀"] }, 14],
  ["$indexOfBytes", { $indexOfBytes: ["$text", "😀"] }, 15],
  ["$substr of a date", { $substr: ["$at", 0, 10] }, "2024-02-29"],
  ["$substrCP", { $substrCP: ["$text", 13, 2] }, "é😀"],
  ["$toUpper of ASCII letters only", { $toUpper: "$text" }, "HELLO, WORLD é😀"],
  ["$toLower of a date", { $toLower: "$at" }, "2024-02-29t13:45:10.123z"],
  [
    "$arrayToObject of pairs",
    {
      $arrayToObject: [
        [
          ["a", 1],
          ["b", 2],
        ],
      ],
    },
    { a: 1, b: 2 },
  ],
  [
    "$sortArray of all types",
    { $sortArray: { input: "$mixed", sortBy: -1 } },
    [[1], { z: 1 }, "a", 1, null],
  ],
  ["$bitAnd of a long", { $bitAnd: ["$long", 7] }, 1],
  ["$tsSecond", { $tsSecond: "$stamp" }, 100],
  ["$binarySize", { $binarySize: "$bytes" }, 3],
  ["$bsonSize", { $bsonSize: "$o" }, 12],
  ["$toUUID", { $binarySize: { $toUUID: "8a1f3c62-0b0e-4a4e-9d0f-3c5a7b1e2d4f" } }, 16],
  ...BINARY_CONVERSIONS,
  ["$$CLUSTER_TIME is a timestamp", { $type: "$$CLUSTER_TIME" }, "timestamp", NO_CLUSTER_TIME],
  ["$toUUID of another text", { $toUUID: "8a1f" }, { code: 241 }],
  [
    "$dateAdd of a year to 29 February",
    { $dateAdd: { startDate: { $toDate: "2024-02-29T00:00:00Z" }, unit: "year", amount: 1 } },
    day("2025-02-28T00:00"),
  ],
  [
    "$dateSubtract of a month from the 31st",
    { $dateSubtract: { startDate: { $toDate: "2024-03-31T00:00:00Z" }, unit: "month", amount: 1 } },
    day("2024-02-29T00:00"),
  ],
  [
    "$toDecimal of a double has 15 digits",
    { $toDecimal: 0.1 },
    Decimal128.fromString("0.100000000000000"),
  ],
  ["$year of a number", { $year: "$n" }, { code: 16006 }],
  [
    "$dateToString of an unknown letter",
    { $dateToString: { date: "$at", format: "%Q" } },
    { code: 18536 },
  ],
  ["$hour in an unknown zone", { $hour: { date: "$at", timezone: "No/Where" } }, { code: 40485 }],
  ["$toDate of an int", { $toDate: 0 }, { code: 241 }],
  ["$dateFromString of no date", { $dateFromString: { dateString: "no" } }, { code: 241 }],
  ["$split by nothing", { $split: ["a", ""] }, { code: 40087 }],
  ["$substrCP from before the text", { $substrCP: ["abc", -1, 2] }, { code: 34455 }],
  ["$ifNull of one", { $ifNull: [1] }, { code: 1257300 }],
];

const T = day("2024-01-01T00:00");
const later = (milliseconds: number) => new Date(T.getTime() + milliseconds);
const LARGEST = Long.MAX_VALUE;
const HALF = Decimal128.fromString("0.5");

const EACH_BY_ITSELF = "DocumentDB 1.0 adds numbers up before it rounds them, half up";
const NO_OVERFLOW = "DocumentDB 1.0 answers the first date of all";

/** What becomes of halves, of what is too large and of arguments of other types. */
const EDGES: [name: string, expression: unknown, value: unknown, difference?: string][] = [
  ["$add of half a millisecond", { $add: [T, 0.5] }, later(1)],
  ["$add rounds away from zero", { $add: [T, -0.5] }, later(-1), EACH_BY_ITSELF],
  ["$add of half a decimal rounds to even", { $add: [T, HALF] }, T],
  ["$add rounds what is behind a date one by one", { $add: [T, 0.4, 0.4] }, T, EACH_BY_ITSELF],
  ["$add rounds what is before a date together", { $add: [0.4, 0.4, T] }, later(1)],
  ["$add of a date and no number", { $add: [T, NaN] }, { code: 15 }],
  ["$add beyond the last date", { $add: [T, LARGEST] }, { code: 15 }],
  ["$add of two dates", { $add: [T, T] }, { code: 16612 }],
  ["$subtract of half a millisecond", { $subtract: [T, 1.5] }, later(-2)],
  ["$subtract of no number from a date", { $subtract: [T, NaN] }, { code: 15 }, NO_OVERFLOW],
  ["$subtract beyond the first date", { $subtract: [T, LARGEST] }, { code: 15 }, NO_OVERFLOW],
  ["$add of ints that fit again", { $add: [2147483647, 1, -1] }, 2147483647],
  ["$add of doubles does not carry the error", { $add: [0.1, 0.2, 0.3] }, 0.6000000000000001],
  ["$setEquals ends at the first other set", { $setEquals: [[1], [2], 3] }, false],
  ["$setEquals of something else", { $setEquals: [[1], [1], 3] }, { code: 17044 }],
  [
    "$round of what is a little less than a half",
    { $round: [2.675, 2] },
    2.67,
    "DocumentDB 1.0 takes 15 digits of a double",
  ],
  ["$round of a text", { $round: ["x", 1] }, { code: 51081 }],
  ["$trunc of a text", { $trunc: "x" }, { code: 51081 }],
  ["$floor of a text", { $floor: "x" }, { code: 28765 }],
  ["$ln of no number", { $ln: NaN }, NaN],
  ["$log of no number", { $log: [NaN, 2] }, NaN],
  ["$mod by a decimal zero", { $mod: [5, Decimal128.fromString("0")] }, { code: 5733415 }],
  ["$mod by zero", { $mod: [5, 0] }, { code: 16610 }],
  ["$arrayElemAt a text", { $arrayElemAt: ["$list", "x"] }, { code: 28690 }],
  ["$arrayElemAt a fraction", { $arrayElemAt: ["$list", 1.5] }, { code: 28691 }],
  ["$arrayToObject of a number", { $arrayToObject: [[1]] }, { code: 40398 }],
  ["$arrayToObject of a pair and more", { $arrayToObject: [[["a", 1, 2]]] }, { code: 40397 }],
  ["$arrayToObject of other names", { $arrayToObject: [[[1, 2]]] }, { code: 40395 }],
  ["$arrayToObject of a mixture", { $arrayToObject: [[["a", 1], 2]] }, { code: 40396 }],
  ["$arrayToObject of one field", { $arrayToObject: [[{ k: 1 }]] }, { code: 40392 }],
  ["$arrayToObject of another field", { $arrayToObject: [[{ k: "a", x: 1 }]] }, { code: 40393 }],
  ["$arrayToObject of another k", { $arrayToObject: [[{ k: 1, v: 1 }]] }, { code: 40394 }],
  ["$filter up to nothing", { $filter: { input: "$list", cond: 1, limit: 0 } }, { code: 327392 }],
  ["$filter up to a text", { $filter: { input: "$list", cond: 1, limit: "x" } }, { code: 327391 }],
  ["$filter without a limit", { $filter: { input: [1], cond: 1, limit: null } }, [1]],
  ["$indexOfArray from before it", { $indexOfArray: ["$list", 1, -1] }, { code: 40097 }],
  ["$indexOfArray up to null", { $indexOfArray: ["$list", 1, 0, null] }, { code: 40096 }],
  ["$indexOfCP in a number", { $indexOfCP: [1, "a"] }, { code: 40093 }],
  ["$indexOfCP of a number", { $indexOfCP: ["a", 1] }, { code: 40094 }],
  ["$indexOfBytes in a number", { $indexOfBytes: [1, "a"] }, { code: 40091 }],
  ["$indexOfBytes of one argument", { $indexOfBytes: ["a"] }, { code: 28667 }],
  ["$substrBytes that cuts a letter", { $substrBytes: ["é", 0, 1] }, { code: 28657 }],
  ["$substrBytes within a letter", { $substrBytes: ["é", 1, 1] }, { code: 28656 }],
  ["$substrBytes of a length of text", { $substrBytes: ["a", 0, "x"] }, { code: 16035 }],
  ["$substrCP from a fraction", { $substrCP: ["abc", 1.5, 1] }, { code: 34451 }],
  ["$sortArray by nothing", { $sortArray: { input: "$list", sortBy: {} } }, { code: 2942505 }],
  ["$sortArray by two", { $sortArray: { input: "$list", sortBy: 2 } }, { code: 2942506 }],
  ["$sortArray by a text", { $sortArray: { input: "$list", sortBy: "x" } }, { code: 2942507 }],
];

const convertTo = (to: unknown) => ({ $convert: { input: "1", to } });

/** Types there are not, and values that are not of them. */
const CONVERSIONS: [name: string, expression: unknown, value: unknown, difference?: string][] = [
  ["$convert to an unknown type", convertTo("constructor"), { code: 2 }],
  ["$convert to an unknown type's number", convertTo(99), { code: 9 }],
  ["$convert to a fraction of a type", convertTo(1.5), { code: 9 }],
  ["$convert to a boolean", convertTo(true), { code: 9 }],
  ["$convert to null", convertTo(null), null],
  ["$convert to a type nothing becomes", convertTo("regex"), { code: 241 }],
  ["$convert of null to an unknown type", { $convert: { input: null, to: "nope" } }, { code: 2 }],
  [
    "$convert with a number for the format",
    { $convert: { input: "$bytes", to: "string", format: 1 } },
    { code: 4341114 },
  ],
  [
    "$convert with an unknown byteOrder",
    { $convert: { input: "$bytes", to: "int", byteOrder: "middle" } },
    { code: 9130002 },
  ],
  [
    "$convert with a number for the byteOrder",
    { $convert: { input: "$bytes", to: "int", byteOrder: 1 } },
    { code: 9130001 },
  ],
  ["$toInt of two", { $toInt: [1, 2] }, { code: 50723 }],
  ["$toString of a zero below zero", { $toString: { $multiply: [-0.5, 0] } }, "-0"],
  [
    "$toLong of a large decimal",
    { $toLong: Decimal128.fromString("9007199254740993.9") },
    Long.fromString("9007199254740993"),
  ],
  ["$toLong of too large a text", { $toLong: "9223372036854775808" }, { code: 241 }],
  ["$toDouble of a text without an end", { $toDouble: "-Infinity" }, -Infinity],
  ["$toDouble of digits to the base 16", { $toDouble: "0x10" }, { code: 241 }],
];

/** Named arguments that are missing, unknown or no document. */
const ARGUMENTS: [expression: Record<string, unknown>, code: number, difference?: string][] = [
  [{ $cond: [1, 2] }, 16020],
  [{ $cond: { if: 1, then: 2 } }, 17082],
  [{ $cond: { if: 1, then: 2, else: 3, x: 1 } }, 17083],
  [{ $convert: { to: "int" } }, 9],
  [{ $convert: { input: 1, to: "int", x: 1 } }, 9],
  [{ $dateAdd: { startDate: "$at" } }, 5166402],
  [{ $dateAdd: { x: 1 } }, 5166401],
  [{ $dateDiff: { startDate: "$at" } }, 5166304],
  [{ $dateFromParts: {} }, 40516],
  [{ $dateFromParts: { year: 2020, isoWeek: 1 } }, 40489],
  [{ $dateFromParts: { isoWeekYear: 2020, month: 1 } }, 40525],
  [{ $dateFromParts: { year: 2020, x: 1 } }, 40518],
  [{ $dateFromParts: { year: 0 } }, 40523],
  [{ $dateFromParts: { isoWeekYear: 10000 } }, 31095],
  [{ $dateFromParts: { year: 2020, day: 40000 } }, 31034],
  [{ $dateFromParts: { year: 2020.5 } }, 40515],
  [{ $dateFromString: {} }, 40542],
  [{ $dateToParts: {} }, 40522],
  [{ $dateToString: { date: "$at", x: 1 } }, 18534],
  [{ $dateTrunc: { date: "$at" } }, 5439010],
  [{ $filter: { input: [1] } }, 28650],
  [{ $firstN: { input: [1] } }, 5787906],
  [{ $let: { vars: {} } }, 16877],
  [{ $let: { in: 1 } }, 16876],
  [{ $let: { vars: {}, in: 1, x: 1 } }, 16875],
  [{ $map: { input: [1] } }, 16882],
  [{ $map: { in: 1 } }, 16880],
  [{ $maxN: { n: 1 } }, 5787907],
  [{ $median: { input: 1 } }, 40414],
  [{ $minN: { n: 1, input: [1], x: 1 } }, 5787901],
  [{ $reduce: { input: [1] } }, 40078],
  [{ $reduce: 1 }, 40075],
  [{ $regexFind: { input: "a" } }, 31023],
  [{ $regexMatch: { input: "a", regex: "a", x: 1 } }, 31024],
  [{ $setField: { field: "a", input: {} } }, 4161103],
  [{ $setField: { field: "$n", input: {}, value: 1 } }, 4161108],
  [{ $setField: { field: 5, input: {}, value: 1 } }, 4161107],
  [{ $setField: { field: { $concat: ["a", "b"] }, input: {}, value: 1 } }, 4161106],
  [{ $setField: { field: "a", input: 5, value: 1 } }, 4161105],
  [{ $sortArray: { input: [1] } }, 2942503],
  [{ $switch: 1 }, 40060],
  [{ $switch: { branches: 1 } }, 40061],
  [{ $switch: { branches: [1] } }, 40062],
  [{ $switch: { branches: [{ case: 1 }] } }, 40065],
  [{ $switch: { x: 1 } }, 40067],
  [{ $year: { timezone: "UTC" } }, 40539],
  [{ $year: { date: "$at", x: 1 } }, 40535],
  [{ $zip: { inputs: 1 } }, 34461],
  [{ $zip: { inputs: [[1]], defaults: 1 } }, 34462],
];

/** Dates and texts that are none, and options that say nothing. */
const OPTIONS: [name: string, expression: unknown, value: unknown, difference?: string][] = [
  [
    "$dateAdd to a text",
    { $dateAdd: { startDate: "x", unit: "day", amount: 1 } },
    { code: 5166403 },
  ],
  [
    "$dateAdd beyond the last date",
    { $dateAdd: { startDate: "$at", unit: "year", amount: 1e9 } },
    { code: 5976500 },
  ],
  [
    "$dateDiff from a text",
    { $dateDiff: { startDate: "x", endDate: "$at", unit: "day" } },
    { code: 5166307 },
  ],
  [
    "$dateDiff of days does not look at the first day of a week",
    { $dateDiff: { startDate: "$at", endDate: "$at", unit: "day", startOfWeek: "no" } },
    0,
  ],
  ["$dateTrunc of a text", { $dateTrunc: { date: "x", unit: "day" } }, { code: 5439012 }],
  ["$dateTrunc to no unit", { $dateTrunc: { date: "$at", unit: "x" } }, { code: 9 }],
  [
    "$dateTrunc to a part of a day",
    { $dateTrunc: { date: "$at", unit: "day", binSize: 1.5 } },
    { code: 5439017 },
  ],
  [
    "$dateTrunc to no day",
    { $dateTrunc: { date: "$at", unit: "day", binSize: 0 } },
    { code: 5439018 },
  ],
  [
    "$dateTrunc to a week from an unknown day",
    { $dateTrunc: { date: "$at", unit: "week", startOfWeek: "xx" } },
    { code: 5439016 },
  ],
  [
    "$dateTrunc to a week from a number",
    { $dateTrunc: { date: "$at", unit: "week", startOfWeek: 5 } },
    { code: 5439015 },
  ],
  [
    "$dateFromString by a number",
    { $dateFromString: { dateString: "x", format: 5 } },
    { code: 40684 },
  ],
  ["$regexFind by a number", { $regexFind: { input: "x", regex: 5 } }, { code: 51105 }],
  [
    "$regexFind with a number for the options",
    { $regexFind: { input: "x", regex: "x", options: 5 } },
    { code: 51106 },
  ],
  [
    "$regexFind with options twice",
    { $regexFind: { input: "x", regex: /x/i, options: "i" } },
    { code: 51107 },
  ],
  [
    "$regexFindAll of nothing ends with the text",
    { $size: { $regexFindAll: { input: "abc", regex: "" } } },
    3,
  ],
  [
    "$regexFindAll of nothing in nothing",
    { $size: { $regexFindAll: { input: "", regex: "" } } },
    1,
  ],
];

const isCode = (value: unknown): value is { code: number } =>
  typeof value === "object" && value !== null && "code" in value;

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/ */
export const EXPRESSION_CASES: Case[] = [
  ...[...VALUES, ...EDGES, ...CONVERSIONS, ...OPTIONS].map(
    ([name, expression, value, difference]): Case => ({
      name: `expression: ${name}`,
      documents: [DOCUMENT],
      commands: [aggregate({ $project: { v: expression } })],
      reply: isCode(value) ? { ok: 0, ...value } : found({ _id: 1, v: value }),
      ...(difference === undefined ? {} : { difference }),
    }),
  ),
  ...ARGUMENTS.map(([expression, code, difference]): Case => ({
    name: `expression: refuses ${JSON.stringify(expression)}`,
    documents: [DOCUMENT],
    commands: [aggregate({ $project: { v: expression } })],
    reply: { ok: 0, code },
    ...(difference === undefined ? {} : { difference }),
  })),
  {
    name: "expression: a filter may compare with the hour of a date",
    documents: [DOCUMENT],
    commands: [find({ $expr: { $eq: [{ $hour: "$at" }, 13] } }, { projection: { _id: 1 } })],
    reply: found({ _id: 1 }),
  },
];
