import { fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { open } from "lmdb";
import { mongo } from "mongoose";
import { startEmbeddedDatabase } from "../../src/embedded-db";
import { metaKey } from "../../src/embedded-db/storage/keys";

const CYCLES = 4;
const tsNode = ["-r", require.resolve("ts-node/register/transpile-only")];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "embedded-db-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function killWhileWriting(dataDir: string, journal: string, cycle: number): Promise<void> {
  const child = fork(join(__dirname, "support/writer.ts"), [dataDir, journal, String(cycle)], {
    execArgv: tsNode,
  });
  await once(child, "message");
  // Not a wait for something to happen: the moment of the kill is meant to be arbitrary.
  await sleep(100 + Math.random() * 400);
  child.kill("SIGKILL");
  await once(child, "exit");
}

describe("a data folder", () => {
  it("keeps every acknowledged write over kill -9, whole transactions and true unique indexes", async () => {
    const journal = join(folder, "journal");
    const dataDir = join(folder, "data");
    writeFileSync(journal, "");
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      await killWhileWriting(dataDir, journal, cycle);
      const database = await startEmbeddedDatabase({ dataDir });
      expect(database.owner).toBe(true);
      const client = await mongo.MongoClient.connect(database.uri);
      const db = client.db("crash");
      const found = new Map(
        (await db.collection("docs").find().toArray()).map((doc) => [String(doc._id), doc["n"]]),
      );
      const lines = readFileSync(journal, "utf8").trim().split("\n").filter(Boolean);
      for (const [kind, id = ""] of lines.map((line) => line.split(" "))) {
        expect(kind === "i" ? found.has(id) : found.get(id) === 1 && found.has(`${id}-t`)).toBe(
          true,
        );
      }
      const torn = [...found].filter(
        ([id, n]) => !id.endsWith("-t") && (n === 1) !== found.has(`${id}-t`),
      );
      expect(torn).toEqual([]);
      expect(await db.command({ validate: "docs" })).toMatchObject({ valid: true, errors: [] });
      expect(lines.length).toBeGreaterThan(0);
      await client.close();
      await database.stop();
    }
  }, 60_000);

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
    const store = open<Buffer, Buffer>({
      path: join(folder, "data.mdb"),
      keyEncoding: "binary",
      encoding: "binary",
    });
    await store.put(metaKey("format"), Buffer.from([0, 0, 0, 99]));
    await store.close();
    await expect(startEmbeddedDatabase({ dataDir: folder })).rejects.toThrow("format 99");
  });
});

describe("the command line", () => {
  const cli = join(__dirname, "../../src/embedded-db/cli.ts");

  function run(...args: string[]): ChildProcess {
    return spawn(process.execPath, [...tsNode, cli, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  it("prints the connection string on its first line and stops on SIGTERM", async () => {
    const child = run("--data", folder);
    const [chunk] = (await once(child.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
    const [uri = ""] = chunk.toString().split("\n");
    const client = await mongo.MongoClient.connect(uri);
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
    const child = run("--data", dataDir, "--backup", target);
    const copied = once(child, "exit");
    let _id = 500;
    while (child.exitCode === null) {
      await docs.insertOne({ _id: _id++ });
    }
    expect(await copied).toEqual([0, null]);
    expect(await once(run("--data", dataDir, "--backup", target), "exit")).toEqual([1, null]);
    await client.close();
    await database.stop();

    const copy = await startEmbeddedDatabase({ dataDir: target });
    const reader = await mongo.MongoClient.connect(copy.uri);
    const db = reader.db("a");
    const found = await db.collection<{ _id: number }>("b").find().toArray();
    expect(found.length).toBeGreaterThanOrEqual(500);
    expect(found.map((doc) => doc._id)).toEqual(found.map((_doc, at) => at));
    expect(await db.command({ validate: "b" })).toMatchObject({
      valid: true,
      nrecords: found.length,
    });
    await reader.close();
    await copy.stop();
  });

  it.each([
    [["--port", "x"]],
    [["--nonsense"]],
    [["--memory", "--data", "x"]],
    [["--memory", "--backup", "x"]],
  ])("refuses %j with 2", async (args) => {
    const child = run(...args);
    expect(await once(child, "exit")).toEqual([2, null]);
  });
});
