import { mongo } from "mongoose";
import { aggregate, type Case, type Doc, found } from "../case";

const { Double } = mongo;

/** A double that looks like an int: it must come out as what it went in as. */
const five = new Double(5);

const NO_PERCENTILES = "DocumentDB 1.0 has no percentiles";

const typeOfFirst = (array: Doc) => ({ $type: { $arrayElemAt: [array, 0] } });

/** Expressions over no document, with their values. */
const EXPRESSIONS: [string, unknown, unknown, string?][] = [
  ["$slice keeps the type of numbers", typeOfFirst({ $slice: [[five], 1] }), "double"],
  ["$slice from the end", { $slice: [[1, 2, 3], -2] }, [2, 3]],
  ["$slice from a place", { $slice: [[1, 2, 3], -5, 2] }, [1, 2]],
  ["$reverseArray keeps the type of numbers", typeOfFirst({ $reverseArray: [[five]] }), "double"],
  ["$indexOfArray between two places", { $indexOfArray: [[1, 2, 1], 1, 1, 3] }, 2],
  ["$indexOfArray of what is not there", { $indexOfArray: [[1], 2] }, -1],
  ["$maxN without nulls", { $maxN: { n: 2, input: [1, null, 3, 2] } }, [3, 2]],
  ["$lastN", { $lastN: { n: 2, input: [1, 2, 3] } }, [2, 3]],
  ["$zip ends with the shortest", { $zip: { inputs: [[five, 2], ["a"]] } }, [[5, "a"]]],
  [
    "$zip with defaults",
    { $zip: { inputs: [[1, 2], ["a"]], useLongestLength: true, defaults: [0, "z"] } },
    [
      [1, "a"],
      [2, "z"],
    ],
  ],
  ["$zip of null", { $zip: { inputs: [[1], null] } }, null],
  [
    "$setUnion of equal numbers",
    { $setUnion: [[1, five], [new Double(1)]] },
    [1, 5],
    "DocumentDB 1.0 gives them in another order",
  ],
  [
    "$setIntersection",
    {
      $setIntersection: [
        [3, 1, 2],
        [2, 3],
      ],
    },
    [2, 3],
  ],
  ["$setDifference keeps the order", { $setDifference: [[3, 1, 3, 2], [1]] }, [3, 2]],
  [
    "$setEquals",
    {
      $setEquals: [
        [1, 2],
        [2, 1, 1],
        [2, 1],
      ],
    },
    true,
  ],
  ["$setIsSubset", { $setIsSubset: [[1], [2]] }, false],
  ["$anyElementTrue", { $anyElementTrue: [[0, null, "a"]] }, true],
  ["$allElementsTrue", { $allElementsTrue: [[1, 0]] }, false],
  ["$sin is a double", { $type: { $sin: 0 } }, "double"],
  ["$atan2", { $atan2: [0, 1] }, 0],
  ["$degreesToRadians", { $degreesToRadians: 180 }, Math.PI],
  ["$tanh of null", { $tanh: null }, null],
  ["$median", { $median: { input: [3, 1, 2], method: "approximate" } }, 2, NO_PERCENTILES],
  [
    "$percentile",
    { $percentile: { input: [1, 2, 3, 4], p: [0.5, 1], method: "approximate" } },
    [2, 4],
    NO_PERCENTILES,
  ],
  ["$setField", { $setField: { field: "b", input: { a: five }, value: 1 } }, { a: 5, b: 1 }],
  [
    "$setField with $$REMOVE",
    { $setField: { field: "a", input: { a: 1, b: 2 }, value: "$$REMOVE" } },
    { b: 2 },
  ],
  [
    "$setField of a name with a dollar",
    { $setField: { field: { $literal: "$a.b" }, input: {}, value: 1 } },
    { "$a.b": 1 },
  ],
  ["$getField of null", { $getField: { field: "a", input: null } }, null],
  ["$strcasecmp of numbers", { $strcasecmp: [10, "9"] }, -1],
  ["$strcasecmp of null", { $strcasecmp: [null, "a"] }, -1],
  ["$strcasecmp without the case", { $strcasecmp: ["aB", "Ab"] }, 0],
  [
    "$toDate of a month's name",
    { $toDate: "Jul 4 2024" },
    new Date("2024-07-04"),
    "DocumentDB 1.0 knows no names of months",
  ],
  ["$trim of white space", { $trim: { input: "\t \0a\u3000 " } }, "a\u3000"],
  [
    "$trim of wide white space",
    { $trim: { input: "\u00a0a\u2003" } },
    "a",
    "DocumentDB 1.0 leaves it standing",
  ],
  ["$trim of given characters", { $trim: { input: "x😀ax", chars: "😀x" } }, "a"],
  ["$trim of null characters", { $trim: { input: " a ", chars: null } }, null],
  ["$ltrim", { $ltrim: { input: "  a " } }, "a "],
  ["$rtrim", { $rtrim: { input: " a  " } }, " a"],
  ["$replaceOne", { $replaceOne: { input: "a.b.c", find: ".", replacement: "-" } }, "a-b.c"],
  ["$replaceAll", { $replaceAll: { input: "aaa", find: "aa", replacement: "b" } }, "ba"],
  ["$replaceAll of nothing", { $replaceAll: { input: "ab", find: "", replacement: "-" } }, "-a-b-"],
  ["$replaceAll with null", { $replaceAll: { input: "a", find: null, replacement: "b" } }, null],
  ["$rand", { $and: [{ $gte: [{ $rand: {} }, 0] }, { $lt: [{ $rand: [] }, 1] }] }, true],
  ["$strcasecmp of other values", { $strcasecmp: ["5", 5] }, 0],
  ["$strcasecmp of null", { $strcasecmp: [null, "a"] }, -1],
  ["$strcasecmp", { $strcasecmp: ["B", "a"] }, 1],
  ["a field of $$NOW", { $type: "$$NOW.x" }, "missing"],
  ["$unsetField", { $unsetField: { field: "a", input: { a: 1, b: 2 } } }, { b: 2 }],
];

const REFUSED: [string, unknown, number][] = [
  ["$trim of a number", { $trim: { input: 5 } }, 50699],
  ["$trim of characters that are none", { $trim: { input: "a", chars: 5 } }, 50700],
  ["$trim without an input", { $trim: {} }, 50695],
  ["$trim of what is no document", { $trim: "a" }, 50696],
  ["$trim with an unknown argument", { $trim: { input: "a", char: "b" } }, 50694],
  ["$replaceAll in a number", { $replaceAll: { input: 1, find: "a", replacement: "b" } }, 51746],
  ["$replaceOne without a replacement", { $replaceOne: { input: "a", find: "a" } }, 51747],
  ["$rand with an argument", { $rand: 1 }, 3040501],
  ["an accumulator where none is", { $addToSet: "$a" }, 168],
  ["$slice of a text", { $slice: ["a", 1] }, 28724],
  ["$zip without inputs", { $zip: { inputs: [] } }, 34465],
  ["$zip of a text", { $zip: { inputs: ["a"] } }, 34468],
  ["$setUnion of a text", { $setUnion: [[1], "a"] }, 17043],
  ["$setEquals of one set", { $setEquals: [[1]] }, 17045],
  ["$toLower of a boolean", { $toLower: true }, 16007],
  ["$strcasecmp of an array", { $strcasecmp: [[1], "a"] }, 16007],
  ["$toDate of a number with a letter", { $toDate: "1.5z" }, 241],
  ["$acos beyond 1", { $acos: 2 }, 50989],
  ["$sin of infinity", { $sin: Infinity }, 50989],
  ["$cos of a text", { $cos: "a" }, 28765],
  ["$setField of a field's name", { $setField: { field: "$a", input: {}, value: 1 } }, 4161108],
];

/** Operators over any number of arguments, what they refuse, and with which code. */
const NULL_OR_REFUSED: [operator: string, bad: unknown, code: number][] = [
  ["$add", "text", 14],
  ["$multiply", "text", 14],
  ["$concat", 1, 16702],
  ["$concatArrays", 1, 28664],
  ["$setUnion", 1, 17043],
  ["$setIntersection", 1, 17047],
  ["$bitOr", "text", 14],
];

/** Operators of expressions beyond arithmetic and comparison. */
export const OPERATOR_CASES: Case[] = [
  ...EXPRESSIONS.map(([name, expression, value, difference]): Case => ({
    name: `operator: ${name}`,
    documents: [{ _id: 1 }],
    commands: [aggregate({ $project: { v: expression } })],
    reply: found({ _id: 1, v: value }),
    ...(difference === undefined ? {} : { difference }),
  })),
  ...REFUSED.map(([name, expression, code]): Case => ({
    name: `operator refuses ${name}`,
    documents: [{ _id: 1 }],
    commands: [aggregate({ $project: { v: expression } })],
    reply: { ok: 0, code },
  })),
  ...NULL_OR_REFUSED.flatMap(([operator, bad, code]): Case[] => [
    {
      name: `operator: ${operator} is null before what it would refuse`,
      documents: [{ _id: 1, bad }],
      commands: [aggregate({ $project: { v: { [operator]: ["$none", "$bad"] } } })],
      reply: found({ _id: 1, v: null }),
      ...(operator === "$add" ? { difference: "DocumentDB 1.0 reads on behind a null" } : {}),
    },
    {
      name: `operator: ${operator} refuses what stands before a null`,
      documents: [{ _id: 1, bad }],
      commands: [aggregate({ $project: { v: { [operator]: ["$bad", "$none"] } } })],
      reply: { ok: 0, code },
    },
  ]),
  {
    name: "operator: $slice refuses a text before a null count",
    documents: [{ _id: 1 }],
    commands: [aggregate({ $project: { v: { $slice: ["text", 1, "$none"] } } })],
    reply: { ok: 0, code: 28724 },
    difference: "DocumentDB 1.0 looks for nulls first",
  },
  {
    name: "operator: $zip refuses a text before a null",
    documents: [{ _id: 1, bad: "text" }],
    commands: [aggregate({ $project: { v: { $zip: { inputs: ["$bad", "$none"] } } } })],
    reply: { ok: 0, code: 34468 },
  },
];
