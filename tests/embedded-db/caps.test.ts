import { type EmbeddedDatabase, startEmbeddedDatabase } from "../../src/embedded-db";
import { Binary, type Doc, Long } from "../../src/embedded-db/bson/values";
import { WireClient } from "./support/wire-client";

const $db = "test";
const AT_ONCE = 1_000;

let database: EmbeddedDatabase;
let client: WireClient;

beforeEach(async () => {
  database = await startEmbeddedDatabase();
  client = await WireClient.connect(database.port);
});

afterEach(async () => {
  client.close();
  await database.stop();
});

/** Sends the commands for the numbers from `start` up to `end`, many of them ahead of their replies. */
async function sendAll(
  start: number,
  end: number,
  command: (number: number) => Doc,
): Promise<Doc[]> {
  const replies: Doc[] = [];
  for (let from = start; from < end; from += AT_ONCE) {
    const length = Math.min(AT_ONCE, end - from);
    const sent = Array.from({ length }, (_, at) => client.command(command(from + at)));
    replies.push(...(await Promise.all(sent)));
  }
  return replies;
}

function sessionId(number: number): Doc {
  const id = Buffer.alloc(16);
  id.writeUInt32BE(number);
  return { id: new Binary(id, Binary.SUBTYPE_UUID) };
}

const txnNumber = Long.fromNumber(1);

/** Makes its session known, and does nothing else: there is no transaction to abort (125). */
const visit = (number: number) => ({
  abortTransaction: 1,
  lsid: sessionId(number),
  txnNumber,
  $db: "admin",
});

const insert = (number: number) => ({
  insert: "c",
  documents: [{ _id: number }],
  lsid: sessionId(number),
  txnNumber,
  $db,
});

const end = (count: number) => ({
  endSessions: Array.from({ length: count }, (_, number) => sessionId(number)),
  $db,
});

async function sessions(): Promise<number> {
  const pipeline = [{ $listLocalSessions: {} }, { $count: "n" }];
  const { cursor } = await client.command({ aggregate: 1, pipeline, cursor: {}, $db });
  return (cursor as { firstBatch: { n: number }[] }).firstBatch[0]?.n ?? 0;
}

describe("sessions beyond 10,000", () => {
  it("stay while they may be waited for, and go from memory when they have ended", async () => {
    await sendAll(0, 10_050, insert);
    expect(await sessions()).toBe(10_050);
    await client.command(end(200));
    await sendAll(10_050, 10_200, visit);
    expect(await sessions()).toBe(10_050);
    // Its session has gone, but not that it was applied.
    expect(await client.command(insert(0))).toMatchObject({ n: 1 });
    expect(await client.command({ count: "c", $db })).toMatchObject({ n: 10_050 });
  });

  it("are refused from 100,000 on, until others have ended", async () => {
    const replies = await sendAll(0, 100_000, visit);
    expect(replies.every(({ code }) => code === 125)).toBe(true);
    expect(await client.command(visit(100_000))).toMatchObject({
      code: 261,
      codeName: "TooManyLogicalSessions",
    });
    expect(await client.command(visit(99_999))).toMatchObject({ code: 125 });
    await client.command(end(1));
    expect(await client.command(visit(100_000))).toMatchObject({ code: 125 });
  });
});

describe("cursors beyond 1,000", () => {
  it("take the place of the one that was idle for longest", async () => {
    await client.command({ insert: "c", documents: [{}, {}, {}], $db });
    const find = () => ({ find: "c", batchSize: 1, $db });
    const replies = await sendAll(0, 1_000, find);
    const ids = replies.map(({ cursor }) => (cursor as { id: Long }).id);
    const more = (at: number) =>
      client.command({ getMore: ids[at], collection: "c", batchSize: 1, $db });
    expect(await more(0)).toHaveProperty("cursor");
    await client.command(find());
    const { metrics } = await client.command({ serverStatus: 1, $db });
    expect(metrics).toMatchObject({ cursor: { open: { total: Long.fromNumber(1_000) } } });
    expect(await more(0)).toHaveProperty("cursor");
    expect(await more(1)).toMatchObject({ code: 43, codeName: "CursorNotFound" });
    expect(await more(2)).toHaveProperty("cursor");
  });
});
