import { mongo } from "mongoose";
import { aggregate, type Case, type Doc, found } from "../case";

const { Double } = mongo;

const DAY = 86_400_000;

const day = (n: number) => new Date(n * DAY);

/** Two partitions; `n` has equal values and a gap, `d` is a double that looks like an int. */
const SALES = [
  { _id: 1, shop: "a", at: day(0), n: 1, d: new Double(2) },
  { _id: 2, shop: "a", at: day(1), n: 1, d: new Double(4) },
  { _id: 3, shop: "a", at: day(4), n: 4, d: null },
  { _id: 4, shop: "b", at: day(0), n: 2, d: new Double(6) },
  { _id: 5, shop: "a", at: day(5), n: 5, d: new Double(8) },
];

/** Fields over the sales, sorted by time, of each shop; what they are for the documents 1, 2, 3, 5 and 4. */
const FIELDS: [string, Doc, unknown[], string?][] = [
  ["$rank leaves gaps", { $rank: {}, by: "n" }, [1, 1, 3, 4, 1]],
  ["$denseRank leaves none", { $denseRank: {}, by: "n" }, [1, 1, 2, 3, 1]],
  ["$documentNumber", { $documentNumber: {} }, [1, 2, 3, 4, 1]],
  [
    "$shift with a default",
    { $shift: { output: "$n", by: -1, default: "none" } },
    ["none", 1, 1, 4, "none"],
  ],
  ["$sum of the whole partition", { $sum: "$n" }, [11, 11, 11, 11, 2]],
  [
    "$sum up to here",
    { $sum: "$n", window: { documents: ["unbounded", "current"] } },
    [1, 2, 6, 11, 2],
  ],
  ["$avg of neighbours", { $avg: "$n", window: { documents: [-1, 1] } }, [1, 2, 10 / 3, 4.5, 2]],
  [
    "$push of the last two days",
    { $push: "$n", window: { range: [-2, "current"], unit: "day" } },
    [[1], [1, 1], [4], [4, 5], [2]],
  ],
  [
    "$max within a distance",
    { $max: "$_id", window: { range: [-1, 1] }, by: "n" },
    [2, 2, 5, 5, 4],
  ],
  [
    "$first of a double",
    { $first: { $type: "$d" } },
    ["double", "double", "double", "double", "double"],
  ],
  ["$locf", { $locf: "$d" }, [2, 4, 4, 8, 6]],
  ["$linearFill", { $linearFill: "$d" }, [2, 4, 7, 8, 6]],
  ["$expMovingAvg", { $expMovingAvg: { input: "$n", N: 3 } }, [1, 1, 2.5, 3.75, 2]],
  [
    "$derivative per day",
    { $derivative: { input: "$n", unit: "day" }, window: { documents: [-1, 0] } },
    [null, 0, 1, 1, null],
  ],
  [
    "$integral per day",
    { $integral: { input: "$n", unit: "day" }, window: { documents: ["unbounded", "current"] } },
    [0, 1, 8.5, 13, 0],
  ],
  [
    "$covariancePop",
    { $covariancePop: ["$n", "$_id"], window: { documents: ["unbounded", "current"] } },
    [0, 0, 1, 2.4375, 0],
  ],
];

const REFUSED: [string, Doc, number][] = [
  ["no output", { sortBy: { n: 1 } }, 40414],
  ["an unknown argument", { output: {}, other: 1 }, 40415],
  ["$rank without an order", { output: { v: { $rank: {} } } }, 5371601],
  ["a range without an order", { output: { v: { $sum: 1, window: { range: [-1, 1] } } } }, 5339902],
  [
    "bounds the wrong way round",
    { sortBy: { n: 1 }, output: { v: { $sum: 1, window: { documents: [1, 0] } } } },
    5339900,
  ],
  ["an unknown function", { sortBy: { n: 1 }, output: { v: { $nope: 1 } } }, 15952],
];

/** Windows over sorted documents. */
export const WINDOW_CASES: Case[] = [
  ...FIELDS.map(([name, { by = "at", ...field }, values, difference]): Case => ({
    name: `window: ${name}`,
    documents: SALES,
    commands: [
      aggregate(
        {
          $setWindowFields: {
            partitionBy: "$shop",
            sortBy: { [by as string]: 1 },
            output: { v: field },
          },
        },
        { $project: { v: 1 } },
      ),
    ],
    reply: found(...[1, 2, 3, 5, 4].map((_id, at) => ({ _id, v: values[at] }))),
    ...(difference === undefined ? {} : { difference }),
  })),
  ...REFUSED.map(([name, argument, code]): Case => ({
    name: `window: refuses ${name}`,
    documents: SALES,
    commands: [aggregate({ $setWindowFields: argument })],
    reply: { ok: 0, code },
  })),
];
