import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EmbeddedDatabase, startEmbeddedDatabase } from "../../src/embedded-db";
import { Binary, type Doc, Long } from "../../src/embedded-db/bson/values";
import { Catalog } from "../../src/embedded-db/catalog/catalog";
import { documentRange, indexRange } from "../../src/embedded-db/storage/keys";
import { DurableStorage } from "../../src/embedded-db/storage/durable";
import type { KeyRange } from "../../src/embedded-db/storage/storage";
import { type Random, randomFrom } from "./support/random";
import { WireClient } from "./support/wire-client";

const ROUNDS = 150;
const CLIENTS = 6;
const DB = "races";
const NAMES = ["a", "b"];
const ID_SPACE = 0xffffffff;

/** What a race may end in: no such collection or index, one that is there already, a conflict. */
const EXPECTED_CODES = new Set([20, 26, 27, 48, 85, 86, 112, 246, 251, 11000]);

let folder: string;
let database: EmbeddedDatabase;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "embedded-db-"));
  database = await startEmbeddedDatabase({ dataDir: folder });
});

afterAll(() => rmSync(folder, { recursive: true }));

const CATALOG_COMMANDS: ((name: string) => Doc)[] = [
  (drop) => ({ drop }),
  (name) => ({ renameCollection: `${DB}.${name}`, to: `${DB}.b`, dropTarget: true, $db: "admin" }),
  (createIndexes) => ({ createIndexes, indexes: [{ key: { n: 1 }, name: "n", unique: true }] }),
  (createIndexes) => ({ createIndexes, indexes: [{ key: { list: 1 }, name: "list" }] }),
  (dropIndexes) => ({ dropIndexes, index: "*" }),
  (dropIndexes) => ({ dropIndexes, index: "n" }),
  (collMod) => ({ collMod, validator: {} }),
  () => ({ dropDatabase: 1 }),
];

const WRITES: ((name: string, n: number) => Doc)[] = [
  (insert, n) => ({ insert, documents: [{ n, list: [n, n + 1] }, { n: n + 0.5 }] }),
  (update, n) => ({
    update,
    updates: [{ q: { n }, u: { $push: { list: n } }, upsert: true }],
  }),
  (findAndModify, n) => ({
    findAndModify,
    query: { n: { $gt: n } },
    update: { $inc: { n: 1 } },
    upsert: true,
  }),
  (remove, n) => ({ delete: remove, deletes: [{ q: { n: { $lt: n } }, limit: 1 }] }),
  (name, n) => ({
    bulkWrite: 1,
    nsInfo: NAMES.map((other) => ({ ns: `${DB}.${other}` })),
    ops: [
      { insert: NAMES.indexOf(name), document: { n } },
      { insert: 1, document: { n } },
    ],
    $db: "admin",
  }),
  (name) => ({ aggregate: name, pipeline: [{ $out: "b" }], cursor: {} }),
  (name) => ({ aggregate: name, pipeline: [{ $merge: "a" }], cursor: {} }),
];

function transactional(): Doc {
  const id = new Binary(Buffer.from(randomUUID().replaceAll("-", ""), "hex"), 4);
  return { lsid: { id }, txnNumber: Long.fromNumber(1), autocommit: false };
}

async function send(client: WireClient, command: Doc): Promise<void> {
  const reply = await client.command({ ...command, $db: command["$db"] ?? DB });
  const error = reply as { ok: unknown; code?: number };
  if (Number(error.ok) !== 1 && !EXPECTED_CODES.has(error.code ?? 0)) {
    throw new Error(`${JSON.stringify(command)}: ${JSON.stringify(reply)}`);
  }
}

async function inTransaction(client: WireClient, random: Random): Promise<void> {
  const transaction = transactional();
  const n = random(1_000);
  await send(client, {
    insert: NAMES[random(2)],
    documents: [{ n }],
    ...transaction,
    startTransaction: true,
  });
  await send(client, {
    update: NAMES[random(2)],
    updates: [{ q: { n }, u: { $inc: { n: 1 } }, upsert: true }],
    ...transaction,
  });
  const ending = random(4) === 0 ? "abortTransaction" : "commitTransaction";
  await send(client, { [ending]: 1, ...transaction, $db: "admin" });
}

async function race(random: Random): Promise<void> {
  const client = await WireClient.connect(database.port);
  for (let left = ROUNDS; left > 0; left--) {
    const name = NAMES[random(2)] as string;
    const kind = random(10);
    if (kind === 0) {
      const change = CATALOG_COMMANDS[random(CATALOG_COMMANDS.length)] as (name: string) => Doc;
      await send(client, change(name));
    } else if (kind < 4) {
      await inTransaction(client, random);
    } else {
      const write = WRITES[random(WRITES.length)] as (typeof WRITES)[number];
      await send(client, write(name, random(1_000)));
    }
  }
  client.close();
}

/** The ids that keys of a kind stand under. */
function idsIn(storage: DurableStorage, rangeOf: (id: number) => KeyRange): Set<number> {
  const range = { start: rangeOf(0).start, end: rangeOf(ID_SPACE - 1).end };
  return new Set([...storage.range(range)].map(({ key }) => key.readUInt32BE(1)));
}

describe("writes that race with changes of their collections", () => {
  it("leave no document and no index entry without an owner, and every index true", async () => {
    const seed = Date.now() % 1_000_000;
    await Promise.all(
      Array.from({ length: CLIENTS }, (_, at) => race(randomFrom(seed + at))),
    ).catch((cause: unknown) => {
      throw new Error(`with the seed ${seed}`, { cause });
    });
    const client = await WireClient.connect(database.port);
    for (const validate of NAMES) {
      const reply = await client.command({ validate, $db: DB });
      expect(reply["code"] === 26 ? [] : reply["errors"]).toEqual([]);
    }
    client.close();
    await database.stop();

    const storage = new DurableStorage(folder);
    const catalog = new Catalog();
    catalog.load(storage);
    const collections = catalog.databaseNames().flatMap((db) => catalog.collections(db));
    const owners = new Set(collections.map(({ id }) => id));
    const indexes = new Set(collections.flatMap((one) => one.indexes.map(({ id }) => id)));
    expect([...idsIn(storage, documentRange)].filter((id) => !owners.has(id))).toEqual([]);
    expect([...idsIn(storage, indexRange)].filter((id) => !indexes.has(id))).toEqual([]);
    await storage.close();
  });
});
