import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { mongo } from "mongoose";
import { startEmbeddedDatabase } from "../../src/embedded-db";
import { DurableStorage } from "../../src/embedded-db/storage/durable";
import { FlushPoint } from "../../src/embedded-db/storage/flush-point";
import type * as DiskImage from "./support/disk-image";
import { disk } from "./support/disk-image";
import { type Random, randomFrom } from "./support/random";
import { spawnDatabase } from "./support/server-process";

jest.mock("node:fs", () =>
  jest.requireActual<typeof DiskImage>("./support/disk-image").disk.wrapped(),
);

const ROUNDS = 30;
const KEYS = 400;
/** Longer than any test: the disk gets what is flushed by hand. */
const NEVER_MS = 2 ** 30;

const [BOOT, NEXT_BOOT] = [randomUUID(), randomUUID()];
const ALL = { start: Buffer.from("k"), end: Buffer.from("l") };

type Model = Map<string, string>;

let folder: string;
let dataDir: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "embedded-db-"));
  dataDir = join(folder, "data");
  mkdirSync(dataDir);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  disk.clear();
});

/** What to put under some key; undefined to remove it. */
function changeOf(random: Random): { key: Buffer; value: string | undefined } {
  const length = 1 + random(random(10) === 0 ? 4000 : 20);
  const value = random(4) === 0 ? undefined : String(random(1_000_000)).repeat(length);
  return { key: Buffer.from(`k${random(KEYS)}`), value };
}

/**
 * Writes that grow, change and remove entries, some of them larger than a page and some too large
 * for the journal, and now and then a checkpoint. Gives what the store held after each.
 */
async function scribble(
  storage: DurableStorage,
  start: Model,
  random: Random,
  writes: number,
): Promise<Model[]> {
  const states = [start];
  for (let write = 0; write < writes; write++) {
    const model = new Map(states.at(-1));
    const changes = Array.from({ length: 1 + random(8) }, () => changeOf(random));
    await storage.write((writer) =>
      changes.forEach(({ key, value }) =>
        value === undefined ? writer.delete(key) : writer.put(key, Buffer.from(value)),
      ),
    );
    changes.forEach(({ key, value }) =>
      value === undefined ? model.delete(String(key)) : model.set(String(key), value),
    );
    states.push(model);
    if (random(40) === 0) {
      storage.checkpoint();
    }
  }
  return states;
}

function contentOf(storage: DurableStorage): Model {
  return new Map([...storage.range(ALL)].map(({ key, value }) => [String(key), String(value)]));
}

/** The folder as a system that goes down now may leave it. */
function wreck(name: string, random: Random): string {
  disk.leave(dataDir, join(folder, name), random);
  return join(folder, name);
}

/** The folder as a process that ends now leaves it. */
function copyOf(name: string): string {
  cpSync(dataDir, join(folder, name), { recursive: true });
  return join(folder, name);
}

/** Opens a folder and reads it; then writes to it, and reads it again after a kill and after a close. */
async function contentAfter(boot: string, target: string): Promise<Model> {
  const open = (dir: string) => new DurableStorage(dir, undefined, NEVER_MS, boot);
  const storage = open(target);
  const content = contentOf(storage);
  const states = await scribble(storage, content, randomFrom(1), 20);
  expect(sorted(contentOf(storage))).toEqual(sorted(states.at(-1)));
  cpSync(target, `${target} killed`, { recursive: true });
  await storage.close();
  for (const again of [open(target), open(`${target} killed`)]) {
    expect(sorted(contentOf(again))).toEqual(sorted(states.at(-1)));
    await again.close();
  }
  return content;
}

function sorted(model: Model = new Map()): [string, string][] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1));
}

function isSameAs(found: Model): (state: Model) => boolean {
  const text = JSON.stringify(sorted(found));
  return (state) => JSON.stringify(sorted(state)) === text;
}

describe("a folder whose system went down", () => {
  it("has what was flushed, and of the writes after that none without those before it", async () => {
    const seed = Number(process.env["CRASH_SEED"] ?? Date.now() % 1_000_000);
    const random = randomFrom(seed);
    const storage = new DurableStorage(dataDir, undefined, NEVER_MS, BOOT);
    let states: Model[] = [new Map()];
    let flushed = states;
    for (let round = 0; round < ROUNDS; round++) {
      const more = await scribble(storage, states.at(-1) as Model, random, random(150));
      states = [...states, ...more.slice(1)];
      const known = states.slice(-1);
      const flushing = storage.flush().then(() => (flushed = known));
      const during = await scribble(storage, states.at(-1) as Model, random, random(60));
      states = [...states, ...during.slice(1)];
      await (random(2) === 0 ? flushing : turn());
      const target = wreck(`wreck ${round}`, random);
      const possible = states.slice(states.indexOf(flushed[0] as Model));
      const found = await contentAfter(NEXT_BOOT, target);
      expect({ seed, round, found: possible.findIndex(isSameAs(found)) }).not.toMatchObject({
        found: -1,
      });
      states = possible;
    }
    await storage.close();
  });

  it("goes back one flush further when the youngest flush point is torn", async () => {
    const random = randomFrom(7);
    const storage = new DurableStorage(dataDir, undefined, NEVER_MS, BOOT);
    const flushed = (await scribble(storage, new Map(), random, 50)).at(-1) as Model;
    storage.checkpoint();
    await storage.flush();
    const point = readFileSync(FlushPoint.fileIn(dataDir));
    const states = await scribble(storage, flushed, random, 50);
    storage.checkpoint();
    const target = wreck("torn", random);
    await storage.flush();
    const torn = readFileSync(FlushPoint.fileIn(dataDir));
    const changed = torn.findIndex((byte, at) => byte !== point[at]);
    torn.copy(point, changed, changed, changed + 100);
    writeFileSync(FlushPoint.fileIn(target), point);
    const found = await contentAfter(NEXT_BOOT, target);
    expect(states.some(isSameAs(found))).toBe(true);
    await storage.close();
  });

  it("has everything after a mere end of the process", async () => {
    const storage = new DurableStorage(dataDir, undefined, NEVER_MS, BOOT);
    const states = await scribble(storage, new Map(), randomFrom(3), 100);
    expect(sorted(await contentAfter(BOOT, copyOf("killed")))).toEqual(sorted(states.at(-1)));
    await storage.close();
  });

  it("has everything when it was closed before", async () => {
    const storage = new DurableStorage(dataDir, undefined, NEVER_MS, BOOT);
    const states = await scribble(storage, new Map(), randomFrom(4), 100);
    await storage.close();
    expect(sorted(await contentAfter(NEXT_BOOT, wreck("closed", randomFrom(6))))).toEqual(
      sorted(states.at(-1)),
    );
  });

  it("never has again what came after a torn record", async () => {
    const storage = new DurableStorage(dataDir, undefined, NEVER_MS, BOOT);
    const put = (into: DurableStorage, text: string) =>
      into.write((writer) => writer.put(Buffer.from(`k-${text}`), Buffer.from(text.repeat(9))));
    for (const text of ["one", "two", "six"]) {
      await put(storage, text);
    }
    await storage.flush();
    const target = copyOf("torn record");
    await storage.close();
    const [journal = ""] = readdirSync(target).filter((name) => name.startsWith("journal-"));
    const bytes = readFileSync(join(target, journal));
    bytes.fill(0, bytes.indexOf("twotwo"), bytes.indexOf("twotwo") + 6);
    writeFileSync(join(target, journal), bytes);

    const after = new DurableStorage(target, undefined, NEVER_MS, NEXT_BOOT);
    await put(after, "new");
    cpSync(target, join(folder, "killed"), { recursive: true });
    await after.close();
    const again = new DurableStorage(join(folder, "killed"), undefined, NEVER_MS, NEXT_BOOT);
    expect([...contentOf(again).keys()]).toEqual(["k-new", "k-one"]);
    await again.close();
  });

  it("can be copied with everything that was flushed", async () => {
    const storage = new DurableStorage(dataDir, undefined, NEVER_MS, BOOT);
    const states = await scribble(storage, new Map(), randomFrom(5), 30);
    await storage.flush();
    const target = wreck("unserved", () => 0);
    await storage.close();
    const copy = join(folder, "copy");
    const copying = await spawnDatabase("--data", target, "--backup", copy);
    expect(await once(copying, "exit")).toEqual([0, null]);
    expect(sorted(await contentAfter(NEXT_BOOT, copy))).toEqual(sorted(states.at(-1)));
  });

  it.each([{ j: true }, { w: "majority" as const }])(
    "has every write that was acknowledged with %j",
    async (writeConcern) => {
      const database = await startEmbeddedDatabase({ dataDir });
      const client = await mongo.MongoClient.connect(database.uri);
      const docs = client.db("a").collection("b");
      const title = randomUUID();
      await docs.insertOne({ title }, { writeConcern });
      const target = copyOf("journaled");
      await client.close();
      await database.stop();
      const storage = new DurableStorage(target, undefined, NEVER_MS, NEXT_BOOT);
      const all = { start: Buffer.from([0]), end: Buffer.from([255]) };
      const stored = [...storage.range(all)].some(({ value }) => value.includes(title));
      await storage.close();
      expect(stored).toBe(true);
    },
  );
});
