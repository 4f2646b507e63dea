import { mongo } from "mongoose";
import { startTestDatabase, stopTestDatabase, type TestDatabase } from "./support/database";
import { WireClient } from "./support/wire-client";

type Doc = mongo.BSON.Document;

const { Long } = mongo;

/** Stands for a command outside of sessions. */
const NONE = {};

let test: TestDatabase;
let wire: WireClient;
let lsid: Doc;

beforeAll(async () => {
  test = await startTestDatabase();
  wire = await WireClient.connect(test.database.port);
});

afterAll(async () => {
  wire.close();
  await stopTestDatabase(test);
});

beforeEach(async () => {
  await test.db.dropDatabase();
  await test.db.collection<{ _id: number }>("c").insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }]);
  lsid = { id: new mongo.UUID() };
});

/** Drivers set the fields of sessions themselves: these commands go out as they are. */
function send(command: Doc): Promise<Doc> {
  const { lsid: session = lsid, $db = "test", ...rest } = command;
  return wire.command({ ...rest, $db, ...(session === NONE ? {} : { lsid: session }) });
}

async function sendAll(commands: readonly Doc[]): Promise<Doc> {
  let reply: Doc = {};
  for (const command of commands) {
    reply = await send(command);
  }
  return reply;
}

const find: Doc = { find: "c", limit: 1 };
const insert: Doc = { insert: "c", documents: [{ _id: 9 }] };
const ping: Doc = { ping: 1 };

/** A command as the retryable write of this number. */
const numbered = (number: number, command: Doc): Doc => ({
  ...command,
  txnNumber: Long.fromNumber(number),
});

/** A command in the transaction of this number. */
const within = (number: number, command: Doc): Doc => ({
  ...numbered(number, command),
  autocommit: false,
});

const starting = (number: number, command: Doc): Doc => ({
  ...within(number, command),
  startTransaction: true,
});

const commit = (number: number): Doc => within(number, { commitTransaction: 1, $db: "admin" });
const abort = (number: number): Doc => within(number, { abortTransaction: 1, $db: "admin" });

describe("a session", () => {
  it.each<[string, number, Doc[]]>([
    ["a number without a session", 72, [{ ...numbered(1, insert), lsid: NONE }]],
    ["a negative number", 72, [numbered(-1, insert)]],
    ["a number that is not whole", 14, [{ ...insert, txnNumber: 1.5 }]],
    ["a session that is no document", 14, [{ ...find, lsid: 5 }]],
    ["a session with an id of another type", 14, [{ ...find, lsid: { id: "a" } }]],
    [
      "a session with a long id",
      207,
      [{ ...find, lsid: { id: new mongo.Binary(Buffer.alloc(500), 4) } }],
    ],
    [
      "a session with binary data",
      207,
      [{ ...find, lsid: { id: new mongo.Binary(Buffer.alloc(16)) } }],
    ],
    ["autocommit without a number", 72, [{ ...find, autocommit: false }]],
    ["autocommit", 72, [{ ...within(1, find), autocommit: true }]],
    ["startTransaction without autocommit", 72, [{ ...numbered(1, find), startTransaction: true }]],
    ["startTransaction: false", 72, [{ ...within(1, find), startTransaction: false }]],
    ["a number with a command that is not retryable", 50768, [numbered(1, find)]],
    [
      "a retryable update of many",
      72,
      [numbered(1, { update: "c", updates: [{ q: {}, u: { $set: { a: 1 } }, multi: true }] })],
    ],
    [
      "a retryable deletion of many",
      72,
      [numbered(1, { delete: "c", deletes: [{ q: {}, limit: 0 }] })],
    ],
    ["a transaction nobody started", 251, [within(1, find)]],
    ["a commit of a transaction nobody started", 251, [commit(1)]],
    ["an abort of a transaction nobody started", 251, [abort(1)]],
    ["a second start of a transaction", 50911, [starting(1, find), starting(1, find)]],
    [
      "a start of a committed transaction",
      50911,
      [starting(1, find), commit(1), starting(1, find)],
    ],
    ["a transaction after a younger one", 225, [starting(2, find), within(1, find)]],
    ["a commit after a younger one", 225, [starting(2, find), commit(1)]],
    ["a write after a younger transaction", 225, [starting(2, find), numbered(1, insert)]],
    ["a transaction after a younger write", 225, [numbered(2, insert), starting(1, find)]],
    ["a retryable write with a transaction's number", 72, [starting(1, find), numbered(1, insert)]],
    [
      "a transaction with a retryable write's number",
      50911,
      [numbered(1, insert), starting(1, find)],
    ],
    ["an operation after the commit", 256, [starting(1, find), commit(1), within(1, find)]],
    ["an abort after the commit", 256, [starting(1, find), commit(1), abort(1)]],
    ["an operation after the abort", 251, [starting(1, find), abort(1), within(1, find)]],
    ["a commit after the abort", 251, [starting(1, find), abort(1), commit(1)]],
    ["a second abort", 251, [starting(1, find), abort(1), abort(1)]],
    ["a commit outside of admin", 13, [starting(1, find), { ...commit(1), $db: "test" }]],
    ["a commit without a transaction", 125, [{ commitTransaction: 1, $db: "admin" }]],
    [
      "a write concern amid a transaction",
      72,
      [starting(1, { ...insert, writeConcern: { w: 1 } })],
    ],
    [
      "a read concern after the first command",
      72,
      [starting(1, find), within(1, { ...find, readConcern: { level: "local" } })],
    ],
    [
      "a linearizable transaction",
      72,
      [starting(1, { ...find, readConcern: { level: "linearizable" } })],
    ],
    ["a transaction on admin", 263, [starting(1, { ...insert, $db: "admin" })]],
    ["a transaction on config", 263, [starting(1, { ...find, $db: "config" })]],
    ["a ping in a transaction", 263, [starting(1, ping)]],
    ["a count in a transaction", 263, [starting(1, { count: "c" })]],
    ...["$changeStream", "$collStats", "$indexStats", "$out"].map(
      (stage): [string, number, Doc[]] => [
        `${stage} in a transaction`,
        263,
        [starting(1, { aggregate: "c", pipeline: [{ [stage]: {} }], cursor: {} })],
      ],
    ),
  ])("refuses %s with %i", async (_what, code, commands) => {
    expect(await sendAll(commands)).toMatchObject({ code });
  });

  it("commits once, however often it is asked for", async () => {
    const commands = [starting(1, insert), commit(1), commit(1)];
    expect(await sendAll(commands)).not.toHaveProperty("code");
    expect(await test.db.collection("c").countDocuments()).toBe(4);
  });

  it("ends its open transaction with a younger write", async () => {
    await sendAll([starting(1, insert), numbered(2, insert)]);
    expect(await send(commit(1))).toMatchObject({ code: 225 });
    expect(await test.db.collection("c").countDocuments()).toBe(4);
  });
});

describe("a cursor", () => {
  const opening: Doc = { find: "c", batchSize: 1 };
  const other = { id: new mongo.UUID() };

  it.each<[string, number, Doc, (id: unknown) => Doc]>([
    ["a session", 50736, { ...opening, lsid: NONE }, (id) => ({ getMore: id })],
    ["no session any more", 50737, opening, (id) => ({ getMore: id, lsid: NONE })],
    ["another session", 50738, opening, (id) => ({ getMore: id, lsid: other })],
    ["a transaction", 50739, opening, (id) => starting(1, { getMore: id })],
    ["no transaction any more", 50740, starting(1, opening), (id) => ({ getMore: id })],
  ])("is not read on in %s (%i)", async (_where, code, open, more) => {
    const { cursor } = (await send(open)) as { cursor: Doc };
    const reply = await send({ ...more(cursor["id"]), collection: "c" });
    expect(reply).toMatchObject({ code });
  });

  it.each<[string, number, (id: unknown) => Doc]>([
    ["an int for its number", 14, () => ({ getMore: 5, collection: "c" })],
    ["a fraction for its number", 14, () => ({ getMore: 5.5, collection: "c" })],
    ["a limit of time", 2, (id) => ({ getMore: id, collection: "c", maxTimeMS: 10 })],
    ["killing an int", 14, () => ({ killCursors: "c", cursors: [5] })],
  ])("refuses %s with %i", async (_what, code, command) => {
    const { cursor } = (await send(opening)) as { cursor: Doc };
    expect(await send(command(cursor["id"]))).toMatchObject({ code });
  });

  it.each<[string, Doc]>([
    ["a change stream", { aggregate: "c", pipeline: [{ $changeStream: {} }], cursor: {} }],
    ["an awaiting one", { find: "log", tailable: true, awaitData: true }],
  ])("is not waited for once it is killed: %s", async (_what, open) => {
    await test.db.createCollection("log", { capped: true, size: 4096 });
    await test.db.collection("log").insertOne({});
    const { cursor } = (await send(open)) as { cursor: Doc };
    const collection = String(open["aggregate"] ?? open["find"]);
    const more = send({ getMore: cursor["id"], collection, maxTimeMS: 60_000 });
    await test.db.command(ping);
    await test.db.command({ killCursors: collection, cursors: [cursor["id"]] });
    expect(await more).toMatchObject({ code: 237 });
  });

  it("ends with the collection it waits at the end of", async () => {
    await test.db.createCollection("log", { capped: true, size: 4096 });
    const log = test.db.collection<{ _id: number }>("log");
    await log.insertOne({ _id: 1 });
    const cursor = log.find({}, { tailable: true });
    expect(await cursor.next()).toEqual({ _id: 1 });
    expect(await cursor.tryNext()).toBeNull();
    await log.drop();
    await expect(cursor.tryNext()).rejects.toMatchObject({ code: 175 });
  });

  it("is read on in its transaction until the commit", async () => {
    const { cursor } = (await send(starting(1, opening))) as { cursor: Doc };
    const more = within(1, { getMore: cursor["id"], collection: "c", batchSize: 1 });
    expect(await send(more)).toMatchObject({ cursor: { nextBatch: [{ _id: 2 }] } });
    expect(await sendAll([commit(1), more])).toMatchObject({ code: 256 });
  });
});
