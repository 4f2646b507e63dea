import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mongo } from "mongoose";
import { firstLine, spawnSmallDatabase } from "./support/server-process";

/** As objects, which they are while a server works on them, they take five times the heap. */
const DOCUMENTS = 30_000;
const HEAP_MB = 96;
const BATCH = 5_000;

const folder = mkdtempSync(join(tmpdir(), "embedded-db-"));

let child: Awaited<ReturnType<typeof spawnSmallDatabase>>;
let client: mongo.MongoClient;

beforeAll(async () => {
  child = await spawnSmallDatabase(HEAP_MB, "--data", folder);
  client = await mongo.MongoClient.connect(await firstLine(child));
  const parts = Array.from({ length: 30 }, (_, n) => ({ n, name: `part ${n}`, even: n % 2 === 0 }));
  const collection = client.db("a").collection("b");
  for (let at = 0; at < DOCUMENTS; at += BATCH) {
    await collection.insertMany(Array.from({ length: BATCH }, (_, n) => ({ n: at + n, parts })));
  }
}, 120_000);

afterAll(async () => {
  await client.close();
  const exit = once(child, "exit");
  child.kill();
  await exit;
  rmSync(folder, { recursive: true });
});

describe("documents that do not fit into memory as objects", () => {
  it("are changed and removed by one command each", async () => {
    const collection = client.db("a").collection("b");
    const { modifiedCount } = await collection.updateMany({}, { $inc: { n: 1 } });
    expect(modifiedCount).toBe(DOCUMENTS);
    const { deletedCount } = await collection.deleteMany({ n: { $gt: 0 } });
    expect(deletedCount).toBe(DOCUMENTS);
  }, 60_000);
});

it.each<[string, mongo.Document]>([
  ["$map", { $map: { input: { $range: [0, 1e6] }, in: { $range: [0, 1e5] } } }],
  [
    "$reduce",
    {
      $reduce: {
        input: { $range: [0, 1e6] },
        initialValue: [],
        in: [{ $range: [0, 1000] }, "$$value"],
      },
    },
  ],
  ["an array", Array.from({ length: 1000 }, () => ({ $range: [0, 1e5] }))],
])(
  "%s that makes more than the memory holds is refused, and the server goes on",
  async (_name, value) => {
    const made = client
      .db("a")
      .aggregate([{ $documents: [{ _id: 1 }] }, { $set: { value } }, { $count: "n" }])
      .toArray();
    await expect(made).rejects.toMatchObject({ code: 146 });
    expect(await client.db("a").command({ ping: 1 })).toMatchObject({ ok: 1 });
  },
);
