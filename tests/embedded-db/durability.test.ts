import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { open } from "lmdb";
import { mongo } from "mongoose";
import { startEmbeddedDatabase } from "../../src/embedded-db";
import { encodeKey } from "../../src/embedded-db/index/key-string";
import { metaKey } from "../../src/embedded-db/storage/keys";
import { CrashWorkload } from "./support/crash-workload";
import { type Random, randomFrom } from "./support/random";
import { firstLine, ServerProcess, spawnDatabase } from "./support/server-process";

const CYCLES = 200;
const FOLDERS = 4;
const LONGEST_RUN_MS = 100;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "embedded-db-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The store of a folder that nobody serves. */
function openStore() {
  return open<Buffer, Buffer>({
    path: join(folder, "data.mdb"),
    keyEncoding: "binary",
    encoding: "binary",
  });
}

/** Kills a database within the writes of its clients and looks at what is left, again and again. */
async function torment(dataDir: string, cycles: number, random: Random): Promise<number> {
  const workload = new CrashWorkload(random);
  for (let cycle = 0; cycle <= cycles; cycle++) {
    const server = await ServerProcess.start(dataDir);
    try {
      await workload.verify(server.port);
      if (cycle < cycles) {
        await workload.prepare(server.port);
        const writing = workload.run(server.port);
        // Not a wait for something to happen: the moment of the kill is meant to be arbitrary.
        await sleep(random(LONGEST_RUN_MS));
        await server.kill();
        await writing;
      }
    } finally {
      await server.kill();
    }
  }
  return workload.acknowledged;
}

describe("a data folder", () => {
  it(`keeps every acknowledged write over ${CYCLES} kill -9, whole transactions and true indexes`, async () => {
    const seed = Number(process.env["CRASH_SEED"] ?? Date.now() % 1_000_000);
    const folders = Array.from({ length: FOLDERS }, (_, at) => at);
    const writes = await Promise.all(
      folders.map((at) =>
        torment(join(folder, `data ${at}`), CYCLES / FOLDERS, randomFrom(seed + at)).catch(
          (cause: unknown) => {
            throw new Error(`folder ${at} with CRASH_SEED=${seed}`, { cause });
          },
        ),
      ),
    );
    writes.forEach((count) => expect(count).toBeGreaterThan(0));
  }, 400_000);

  it("has one owner, which others find", async () => {
    const [first, second] = await Promise.all([
      startEmbeddedDatabase({ dataDir: folder }),
      startEmbeddedDatabase({ dataDir: folder }),
    ]);
    expect([first.owner, second.owner].sort()).toEqual([false, true]);
    expect(first.port).toBe(second.port);
    await Promise.all([first.stop(), second.stop()]);
    const third = await startEmbeddedDatabase({ dataDir: folder });
    expect(third.owner).toBe(true);
    await third.stop();
  });

  it("keeps documents, indexes and remembered retryable writes over a restart", async () => {
    const first = await startEmbeddedDatabase({ dataDir: folder });
    const client = await mongo.MongoClient.connect(first.uri);
    await client.db("a").collection("b").createIndex({ x: 1 }, { unique: true });
    await client
      .db("a")
      .collection("b")
      .insertMany([{ x: 1 }, { x: 2 }]);
    await client.close();
    await first.stop();
    const second = await startEmbeddedDatabase({ dataDir: folder });
    const again = await mongo.MongoClient.connect(second.uri);
    expect(await again.db("a").collection("b").countDocuments({})).toBe(2);
    await expect(again.db("a").collection("b").insertOne({ x: 1 })).rejects.toMatchObject({
      code: 11000,
    });
    await again.close();
    await second.stop();
  });

  it("is refused when a newer program wrote it", async () => {
    const first = await startEmbeddedDatabase({ dataDir: folder });
    await first.stop();
    const store = openStore();
    await store.put(metaKey("format"), Buffer.from([0, 0, 0, 99]));
    await store.close();
    await expect(startEmbeddedDatabase({ dataDir: folder })).rejects.toThrow("format 99");
  });
});

/**
 * Writes the index keys of a closed folder as format 2 had them: a decimal that is half a number
 * with its text behind it, and null for a path with a place in an array of documents.
 */
async function age(version: number): Promise<void> {
  const store = openStore();
  const half = encodeKey(0.5);
  const text = Buffer.from("5E-1\0");
  const five = encodeKey(5);
  const entries = [...store.getRange({ start: Buffer.from([17]), end: Buffer.from([18]) })];
  for (const { key, value } of entries) {
    const [prefix, rest] = [key.subarray(0, 5), key.subarray(5)];
    const isHalf = rest.equals(half);
    const old = isHalf
      ? Buffer.concat([prefix, half, text])
      : rest.subarray(0, five.length).equals(five) && rest.length > five.length
        ? Buffer.concat([prefix, encodeKey(null), rest.subarray(five.length)])
        : key;
    await store.remove(key);
    await store.put(old, value);
  }
  await store.put(metaKey("format"), Buffer.from([0, 0, 0, version]));
  await store.close();
}

describe("a data folder of format 2", () => {
  // As an interrupted rebuilding leaves it: the new format with the mark.
  it.each([2, 4])("has its indexes built anew (marked as format %d)", async (version) => {
    const first = await startEmbeddedDatabase({ dataDir: folder });
    const client = await mongo.MongoClient.connect(first.uri);
    const docs = client.db("a").collection("b");
    await docs.createIndex({ "items.0.price": 1 });
    await docs.createIndex({ n: 1 }, { unique: true });
    const n = mongo.Decimal128.fromString("0.5");
    await docs.insertOne({ _id: n as never, n, items: [{ price: 5 }] });
    await client.close();
    await first.stop();
    await age(version);
    if (version === 4) {
      const store = openStore();
      await store.put(metaKey("rebuild"), Buffer.from([0, 0, 0, 4]));
      await store.close();
    }

    const second = await startEmbeddedDatabase({ dataDir: folder });
    const again = await mongo.MongoClient.connect(second.uri);
    const found = again.db("a").collection<{ _id: number }>("b");
    expect(await found.countDocuments({ _id: 0.5 })).toBe(1);
    expect(await found.countDocuments({ n: 0.5 })).toBe(1);
    expect(await found.countDocuments({ "items.0.price": 5 })).toBe(1);
    await expect(found.insertOne({ _id: 1, n: 0.5 } as never)).rejects.toMatchObject({
      code: 11000,
    });
    await found.deleteOne({ _id: 0.5 });
    expect(await again.db("a").command({ validate: "b" })).toMatchObject({ valid: true });
    await again.close();
    await second.stop();
  });

  it("keeps values that have become equal in an index that was unique", async () => {
    const first = await startEmbeddedDatabase({ dataDir: folder });
    const client = await mongo.MongoClient.connect(first.uri);
    const docs = client.db("a").collection<{ _id: number }>("b");
    const n = mongo.Decimal128.fromString("0.5");
    await docs.createIndex({ n: 1 }, { unique: true });
    await docs.insertOne({ _id: 1, n } as never);
    await client.close();
    await first.stop();
    await age(2);
    const between = openStore();
    const [entry] = [...between.getRange({ start: Buffer.from([16]), end: Buffer.from([17]) })];
    const { key, value } = entry as { key: Buffer; value: Buffer };
    const twin = Buffer.from(key);
    twin[twin.length - 1] = 2;
    const bytes = Buffer.from(value);
    // `_id` is the first element, an int32.
    bytes.writeInt32LE(2, 9);
    await between.put(twin, bytes);
    await between.close();

    const second = await startEmbeddedDatabase({ dataDir: folder });
    const again = await mongo.MongoClient.connect(second.uri);
    const kept = again.db("a").collection<{ _id: number }>("b");
    expect(await kept.countDocuments({ n: 0.5 })).toBe(2);
    expect(await kept.indexes()).toMatchObject([{ name: "_id_" }, { prepareUnique: true }]);
    await expect(kept.insertOne({ _id: 3, n } as never)).rejects.toMatchObject({ code: 11000 });
    await again.close();
    await second.stop();
  });
});

describe("the command line", () => {
  it("prints the connection string on its first line and stops on SIGTERM", async () => {
    const child = await spawnDatabase("--data", folder);
    const client = await mongo.MongoClient.connect(await firstLine(child));
    await client.close();
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it("copies a folder that is being written, as it is at one moment", async () => {
    const [dataDir, target] = [join(folder, "data"), join(folder, "copy")];
    const database = await startEmbeddedDatabase({ dataDir });
    const client = await mongo.MongoClient.connect(database.uri);
    const docs = client.db("a").collection<{ _id: number }>("b");
    await docs.insertMany(Array.from({ length: 500 }, (_, _id) => ({ _id })));
    await docs.insertOne({ _id: 500 });
    const child = await spawnDatabase("--data", dataDir, "--backup", target);
    const copied = once(child, "exit");
    let _id = 501;
    while (child.exitCode === null) {
      await docs.insertOne({ _id: _id++ });
    }
    expect(await copied).toEqual([0, null]);
    expect(await once(await spawnDatabase("--data", dataDir, "--backup", target), "exit")).toEqual([
      1,
      null,
    ]);
    await client.close();
    await database.stop();

    const copy = await startEmbeddedDatabase({ dataDir: target });
    const reader = await mongo.MongoClient.connect(copy.uri);
    const db = reader.db("a");
    const found = await db.collection<{ _id: number }>("b").find().toArray();
    expect(found.length).toBeGreaterThan(500);
    expect(found.map((doc) => doc._id)).toEqual(found.map((_doc, at) => at));
    expect(await db.command({ validate: "b" })).toMatchObject({
      valid: true,
      nrecords: found.length,
    });
    await reader.close();
    await copy.stop();
  });

  it("copies a folder again when it was killed on the way", async () => {
    const [dataDir, target] = [join(folder, "data"), join(folder, "copy")];
    const database = await startEmbeddedDatabase({ dataDir });
    const client = await mongo.MongoClient.connect(database.uri);
    const docs = client.db("a").collection<{ _id: number; pad: string }>("b");
    for (let _id = 0; _id < 8; _id++) {
      await docs.insertOne({ _id, pad: "x".repeat(15_000_000) });
    }
    await client.close();
    await database.stop();
    const killed = await spawnDatabase("--data", dataDir, "--backup", target);
    while (!existsSync(target) || readdirSync(target).length === 0) {
      await turn();
    }
    killed.kill("SIGKILL");
    expect(await once(killed, "exit")).toEqual([null, "SIGKILL"]);
    const again = await spawnDatabase("--data", dataDir, "--backup", target);
    expect(await once(again, "exit")).toEqual([0, null]);

    const copy = await startEmbeddedDatabase({ dataDir: target });
    const reader = await mongo.MongoClient.connect(copy.uri);
    expect(await reader.db("a").collection("b").distinct("_id")).toHaveLength(8);
    await reader.close();
    await copy.stop();
  });

  it.each([
    [["--port", "x"]],
    [["--nonsense"]],
    [["--memory", "--data", "x"]],
    [["--memory", "--backup", "x"]],
  ])("refuses %j with 2", async (args) => {
    const child = await spawnDatabase(...args);
    expect(await once(child, "exit")).toEqual([2, null]);
  });
});
