import { once } from "node:events";
import { mongo } from "mongoose";
import { firstLine, spawnSmallDatabase } from "./support/server-process";

const HEAP_MB = 256;
const DOCUMENTS = 20_000;

/** What they sort, all of them would keep more than the heap has. */
const CURSORS = 24;

describe("cursors that nobody reads on, of queries that sort in memory", () => {
  it("do not end the server: the oldest go, and new ones work", async () => {
    const child = await spawnSmallDatabase(HEAP_MB, "--memory");
    const client = await mongo.MongoClient.connect(await firstLine(child));
    const collection = client.db("a").collection("b");
    await collection.insertMany(
      Array.from({ length: DOCUMENTS }, (_, n) => ({ n, s: `s${n}`, t: { a: 1, b: [1, 2, 3] } })),
    );
    const cursors = Array.from({ length: CURSORS }, () =>
      collection.find({}, { batchSize: 2 }).sort({ s: 1 }),
    );
    for (const cursor of cursors) {
      await cursor.next();
    }
    expect(await cursors.at(-1)?.toArray()).toHaveLength(DOCUMENTS - 1);
    await expect(cursors[0]?.toArray()).rejects.toMatchObject({ code: 43 });
    await client.close();
    const exit = once(child, "exit");
    child.kill();
    await exit;
  }, 60_000);
});
