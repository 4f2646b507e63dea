import { type Case, type Doc, update } from "../case";

/** Updates whose path leads through something without such a field. */
const REFUSED: [string, Doc, number, string?][] = [
  ["$rename from an element", { $rename: { "list.0": "x" } }, 2],
  ["$rename through an array", { $rename: { "list.a": "x" } }, 28],
  ["$rename into an array", { $rename: { n: "list.0" } }, 2],
  ["$rename through a number", { $rename: { "n.a": "x" } }, 28],
  ["$pull through a number", { $pull: { "n.a": 1 } }, 28],
];

export const UPDATE_CASES: Case[] = REFUSED.map(([what, change, code, difference]) => ({
  name: `update refuses ${what}`,
  documents: [{ _id: 1, n: 1, list: [{ a: 1 }] }],
  commands: [update({ _id: 1 }, change)],
  reply: { n: 0, writeErrors: [{ index: 0, code }] },
  ...(difference === undefined ? {} : { difference }),
}));
