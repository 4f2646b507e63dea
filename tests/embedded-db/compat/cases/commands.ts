import { type Case, type Doc, find, found } from "../case";

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
];
