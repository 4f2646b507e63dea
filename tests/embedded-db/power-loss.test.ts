import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mongo } from "mongoose";
import { startEmbeddedDatabase } from "../../src/embedded-db";
import { FlushPoint } from "../../src/embedded-db/storage/flush-point";
import { LmdbStorage } from "../../src/embedded-db/storage/lmdb";
import { type Random, randomFrom } from "./support/random";
import { spawnDatabase } from "./support/server-process";

const ROUNDS = 12;
const KEYS = 400;
const PAGE_BYTES = 4096;
/** Longer than any test: the disk gets what is flushed by hand. */
const NEVER_MS = 2 ** 30;

const [BOOT, NEXT_BOOT] = [randomUUID(), randomUUID()];
const ALL = { start: Buffer.from([0]), end: Buffer.from([255]) };

type Model = Map<string, string>;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "embedded-db-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function keyOf(n: number): Buffer {
  return Buffer.from(`k${n}`);
}

/** Commits that grow, change and remove entries, some of them larger than a page. */
async function scribble(
  storage: LmdbStorage,
  model: Model,
  random: Random,
  commits: number,
): Promise<void> {
  for (let commit = 0; commit < commits; commit++) {
    await storage.write((writer) => {
      for (let n = random(8); n >= 0; n--) {
        const key = keyOf(random(KEYS));
        if (random(4) === 0) {
          writer.delete(key);
          model.delete(key.toString());
        } else {
          const value = String(random(1_000_000)).repeat(1 + random(random(10) === 0 ? 2000 : 20));
          writer.put(key, Buffer.from(value));
          model.set(key.toString(), value);
        }
      }
    });
  }
}

function contentOf(storage: LmdbStorage): Model {
  return new Map([...storage.range(ALL)].map(({ key, value }) => [String(key), String(value)]));
}

/** A folder as a system that went down may leave it: of the pages written since, any and none. */
function wreck(name: string, before: Buffer, random: Random): string {
  const target = join(folder, name);
  mkdirSync(target);
  const after = readFileSync(LmdbStorage.fileIn(folder));
  for (let at = 0; at < after.length; at += PAGE_BYTES) {
    if (random(2) === 0) {
      before.subarray(at, at + PAGE_BYTES).copy(after.fill(0, at, at + PAGE_BYTES), at);
    }
  }
  writeFileSync(LmdbStorage.fileIn(target), after);
  copyFileSync(FlushPoint.fileIn(folder), FlushPoint.fileIn(target));
  return target;
}

/** Opens a folder, reads all of it, writes to it, and reads again. */
async function contentAfter(boot: string, dataDir: string): Promise<Model> {
  const storage = new LmdbStorage(dataDir, undefined, NEVER_MS, boot);
  const content = contentOf(storage);
  const model = new Map(content);
  await scribble(storage, model, randomFrom(1), 20);
  expect(sorted(contentOf(storage))).toEqual(sorted(model));
  await storage.close();
  return content;
}

function sorted(model: Model): [string, string][] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1));
}

describe("a folder whose system went down", () => {
  it("is whole as it was flushed last, whatever else has reached the disk", async () => {
    const random = randomFrom(Number(process.env["CRASH_SEED"] ?? Date.now() % 1_000_000));
    const storage = new LmdbStorage(folder, undefined, NEVER_MS, BOOT);
    const model: Model = new Map();
    for (let round = 0; round < ROUNDS; round++) {
      await scribble(storage, model, random, random(60));
      await storage.flush();
      const flushed = new Map(model);
      const before = readFileSync(LmdbStorage.fileIn(folder));
      await scribble(storage, model, random, random(200));
      const found = await contentAfter(NEXT_BOOT, wreck(`wreck ${round}`, before, random));
      expect(sorted(found)).toEqual(sorted(flushed));
    }
    await storage.close();
  });

  it("goes back one flush further when the youngest flush point is torn", async () => {
    const random = randomFrom(7);
    const storage = new LmdbStorage(folder, undefined, NEVER_MS, BOOT);
    const model: Model = new Map();
    await scribble(storage, model, random, 50);
    await storage.flush();
    const flushed = new Map(model);
    const point = readFileSync(FlushPoint.fileIn(folder));
    await scribble(storage, model, random, 50);
    const before = readFileSync(LmdbStorage.fileIn(folder));
    const target = wreck("torn", before, random);
    await storage.flush();
    const torn = readFileSync(FlushPoint.fileIn(folder));
    const changed = torn.findIndex((byte, at) => byte !== point[at]);
    torn.copy(point, changed, changed, changed + 100);
    writeFileSync(FlushPoint.fileIn(target), point);
    expect(sorted(await contentAfter(NEXT_BOOT, target))).toEqual(sorted(flushed));
    await storage.close();
  });

  it("has everything after a mere end of the process", async () => {
    const storage = new LmdbStorage(folder, undefined, NEVER_MS, BOOT);
    const model: Model = new Map();
    await scribble(storage, model, randomFrom(3), 100);
    const target = wreck("killed", Buffer.alloc(0), () => 1);
    expect(sorted(await contentAfter(BOOT, target))).toEqual(sorted(model));
    await storage.close();
  });

  it("has everything when it was closed before", async () => {
    const storage = new LmdbStorage(folder, undefined, NEVER_MS, BOOT);
    const model: Model = new Map();
    await scribble(storage, model, randomFrom(4), 100);
    await storage.close();
    expect(sorted(await contentAfter(NEXT_BOOT, folder))).toEqual(sorted(model));
  });

  it("is not copied before it has been served", async () => {
    const storage = new LmdbStorage(folder, undefined, NEVER_MS, BOOT);
    const target = wreck("unserved", Buffer.alloc(0), () => 1);
    await storage.close();
    const copying = await spawnDatabase("--data", target, "--backup", join(folder, "copy"));
    expect(await once(copying, "exit")).toEqual([1, null]);
  });

  it.each([{ j: true }, { w: "majority" as const }])(
    "has every write that was acknowledged with %j",
    async (writeConcern) => {
      const database = await startEmbeddedDatabase({ dataDir: folder });
      const client = await mongo.MongoClient.connect(database.uri);
      const docs = client.db("a").collection("b");
      const title = randomUUID();
      await docs.insertOne({ title }, { writeConcern });
      const target = wreck("journaled", Buffer.alloc(0), () => 1);
      await client.close();
      await database.stop();
      const storage = new LmdbStorage(target, undefined, NEVER_MS, NEXT_BOOT);
      const stored = [...storage.range(ALL)].some(({ value }) => value.includes(title));
      await storage.close();
      expect(stored).toBe(true);
    },
  );
});
