import { type Case, type Doc, find, found } from "../case";

/** Time limits that are none. */
const NO_TIMES: [string, unknown][] = [
  ["a negative number", -1],
  ["a fraction", 1.5],
  ["more than 31 bits", 2 ** 31],
  ["a text", "1"],
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
];
