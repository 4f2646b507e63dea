import type { mongo } from "mongoose";
import { startTestDatabase, stopTestDatabase, type TestDatabase } from "./support/database";

type Doc = mongo.BSON.Document;

let test: TestDatabase;

beforeAll(async () => {
  test = await startTestDatabase();
  await test.db.collection("c").insertMany([1, 2, 3].map((a) => ({ a, b: a })));
  await test.db.collection("c").createIndex({ a: 1 });
  const pipeline = [{ $match: { b: { $gt: 1 } } }];
  await test.db.createCollection("v", { viewOn: "c", pipeline });
});

afterAll(() => stopTestDatabase(test));

function explained(command: Doc, verbosity = "executionStats"): Promise<Doc> {
  return test.db.command({ explain: command, verbosity });
}

/** The stages of the plan, the outermost first. */
function stagesOf({ stage, inputStage }: Doc): string[] {
  return [stage as string, ...(inputStage ? stagesOf(inputStage as Doc) : [])];
}

describe("explain", () => {
  it.each<[string, Doc, Doc]>([
    ["an equality", { a: 1 }, { a: { $eq: 1 } }],
    ["nothing", { $comment: "x" }, {}],
    [
      "several operators of a field",
      { a: { $gt: 1, $lte: 5 } },
      { $and: [{ a: { $lte: 5 } }, { a: { $gt: 1 } }] },
    ],
    [
      "several fields in the order of their names",
      { b: 2, a: 1 },
      { $and: [{ a: { $eq: 1 } }, { b: { $eq: 2 } }] },
    ],
    ["what is negated", { a: { $ne: 1 } }, { a: { $not: { $eq: 1 } } }],
    ["values in order and once", { a: { $in: [3, 1, 3] } }, { a: { $in: [1, 3] } }],
    ["one value", { a: { $nin: [2] } }, { a: { $not: { $eq: 2 } } }],
    ["a regular expression", { a: /x/i }, { a: { $regex: "x", $options: "i" } }],
    [
      "nested documents of conditions",
      { $and: [{ a: 1 }, { $or: [{ b: 1 }] }] },
      {
        $and: [{ a: { $eq: 1 } }, { b: { $eq: 1 } }],
      },
    ],
    [
      "a choice",
      { $or: [{ a: 1 }, { b: 1, a: 2 }] },
      {
        $or: [{ a: { $eq: 1 } }, { $and: [{ a: { $eq: 2 } }, { b: { $eq: 1 } }] }],
      },
    ],
  ])("writes %s out", async (_what, filter, parsedQuery) => {
    const { queryPlanner } = await explained({ find: "c", filter });
    expect(queryPlanner.parsedQuery).toEqual(parsedQuery);
  });

  it.each<[Doc, string[], { nReturned: number; totalDocsExamined: number }]>([
    [{ find: "c", filter: { b: 2 } }, ["COLLSCAN"], { nReturned: 1, totalDocsExamined: 3 }],
    [
      { find: "c", filter: { a: 2 }, projection: { a: 1 }, skip: 1, limit: 2 },
      ["LIMIT", "PROJECTION_SIMPLE", "SKIP", "FETCH", "IXSCAN"],
      { nReturned: 0, totalDocsExamined: 1 },
    ],
    [
      { find: "c", sort: { b: 1 }, limit: 2, projection: { "a.x": 1 } },
      ["PROJECTION_DEFAULT", "SORT", "COLLSCAN"],
      { nReturned: 2, totalDocsExamined: 3 },
    ],
    [
      { update: "c", updates: [{ q: {}, u: { $set: { z: 1 } } }] },
      ["UPDATE", "COLLSCAN"],
      { nReturned: 0, totalDocsExamined: 1 },
    ],
    [
      { delete: "c", deletes: [{ q: { a: 1 }, limit: 0 }] },
      ["DELETE", "FETCH", "IXSCAN"],
      { nReturned: 0, totalDocsExamined: 1 },
    ],
    [
      { findAndModify: "c", query: { b: 3 }, remove: true },
      ["DELETE", "COLLSCAN"],
      { nReturned: 1, totalDocsExamined: 3 },
    ],
    [{ find: "v", filter: { b: 3 } }, ["COLLSCAN"], { nReturned: 1, totalDocsExamined: 3 }],
    [{ count: "v" }, ["COLLSCAN"], { nReturned: 2, totalDocsExamined: 3 }],
    [{ find: "missing", filter: { b: 1 } }, ["EOF"], { nReturned: 0, totalDocsExamined: 0 }],
  ])("shows the stages of %j", async (command, stages, statistics) => {
    const { queryPlanner, executionStats, command: shown } = await explained(command);
    expect(stagesOf(queryPlanner.winningPlan as Doc)).toEqual(stages);
    expect(executionStats).toMatchObject(statistics);
    expect(shown).toEqual({ ...command, $db: test.db.databaseName });
    expect(await test.db.collection("c").countDocuments()).toBe(3);
  });

  it("shows what a scan of the whole collection looks for", async () => {
    const { queryPlanner } = await explained({ find: "c", filter: { b: 2 } });
    expect(queryPlanner.winningPlan).toMatchObject({ isCached: false, filter: { b: { $eq: 2 } } });
  });

  it("tells nothing of the execution when it is not asked to", async () => {
    expect(await explained({ find: "c" }, "queryPlanner")).not.toHaveProperty("executionStats");
    const flagged = { aggregate: "c", pipeline: [{ $match: {} }], explain: true };
    expect(await test.db.command(flagged)).not.toHaveProperty("executionStats");
  });

  it("refuses a verbosity it does not know, and filters that are none", async () => {
    await expect(explained({ find: "c" }, "all")).rejects.toMatchObject({ code: 2 });
    const wrong = { find: "missing", filter: { $nope: 1 } };
    await expect(explained(wrong)).rejects.toMatchObject({ code: 2 });
  });
});
