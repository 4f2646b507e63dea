import { setImmediate as turn } from "node:timers/promises";
import { decode } from "../../src/embedded-db/bson/decode";
import { encode } from "../../src/embedded-db/bson/encode";
import { Binary, Long } from "../../src/embedded-db/bson/values";
import type { Collection } from "../../src/embedded-db/catalog/collection";
import { Engine } from "../../src/embedded-db/engine";
import { startExpiry } from "../../src/embedded-db/expiry";
import type { SessionRequest } from "../../src/embedded-db/sessions/sessions";
import type { Transaction } from "../../src/embedded-db/sessions/transactions";
import {
  documentRange,
  readRecordId,
  sessionKey,
  sessionRange,
} from "../../src/embedded-db/storage/keys";
import { LogicalClock } from "../../src/embedded-db/logical-clock";
import { MemoryStorage } from "../../src/embedded-db/storage/memory";

const LONG_AGO = new Date(0);
const MANY = 2_000;

/** MongoDB's transactionLifetimeLimitSeconds. */
const LIFETIME_MS = 60_000;

let storage: MemoryStorage;
let engine: Engine;

beforeEach(async () => {
  storage = new MemoryStorage();
  engine = new Engine(storage, await LogicalClock.open(storage));
});

afterEach(() => jest.useRealTimers());

/** A collection of documents whose time is over. */
function expired(count: number): Promise<Collection> {
  return engine.write((unit) => {
    const collection = engine.catalog.create(unit, "a", "b", {});
    const spec = { v: 2, key: { at: 1 }, name: "at_1", expireAfterSeconds: 0 };
    engine.catalog.addIndex(unit, collection, spec);
    for (let _id = 0; _id < count; _id++) {
      collection.insert(unit, encode({ _id, at: LONG_AGO }));
    }
    return collection;
  });
}

function open(): Transaction {
  const lsid = { id: new Binary(Buffer.alloc(16), Binary.SUBTYPE_UUID) };
  const fields = { lsid, txnNumber: Long.ONE, autocommit: false, startTransaction: true };
  return engine.sessions.transactionFor(
    engine.sessions.request("insert", fields) as SessionRequest,
  );
}

/** What there is of something between the turns of a work. */
async function during(work: Promise<unknown>, count: () => number): Promise<Set<number>> {
  const seen = new Set<number>();
  let isDone = false;
  void work.then(() => (isDone = true));
  while (!isDone) {
    await turn();
    seen.add(count());
  }
  return seen;
}

describe("removing documents whose time is over", () => {
  it("lets others have their turn", async () => {
    const collection = await expired(MANY);
    engine.parameters["ttlMonitorSleepSecs"] = 0;
    const stop = startExpiry(engine);
    const isEmpty = (async () => {
      while (collection.count > 0) {
        await turn();
      }
    })();
    const seen = await during(isEmpty, () => collection.count);
    await stop();
    expect([...seen].filter((count) => count > 0 && count < MANY)).not.toEqual([]);
  });

  it("does not keep a forgotten transaction open, for whose end it waits", async () => {
    jest.useFakeTimers();
    const collection = await expired(1);
    const stop = startExpiry(engine);
    const transaction = open();
    const [stored] = [...storage.range(documentRange(collection.id))];
    const match = { record: readRecordId(stored?.key as Buffer), bytes: stored?.value as Buffer };
    collection.remove(transaction.unit, match, decode(match.bytes));
    await jest.advanceTimersByTimeAsync(2 * LIFETIME_MS);
    expect(engine.transactions.size).toBe(0);
    await stop();
  });
});

describe("forgetting old sessions", () => {
  it("lets others have their turn, and keeps those that are used meanwhile", async () => {
    const record = (lastUse: Date) => encode({ txnNumber: 1, reply: { ok: 1 }, lastUse });
    const keyOf = (number: number) => sessionKey(Buffer.from(String(number).padStart(16, "0")));
    await storage.write((writer) => {
      for (let number = 0; number < MANY; number++) {
        writer.put(keyOf(number), record(LONG_AGO));
      }
    });
    const sweeping = engine.sessions.sweep(Date.now());
    const used = keyOf(MANY - 1);
    await storage.write((writer) => writer.put(used, record(new Date())));
    const seen = await during(sweeping, () => storage.count(sessionRange()));
    expect([...seen].filter((count) => count > 1 && count < MANY)).not.toEqual([]);
    expect([...storage.range(sessionRange())].map(({ key }) => key)).toEqual([used]);
  });
});

describe("a cursor without a timeout", () => {
  const HALF_AN_HOUR = 30 * 60_000;
  const source = {
    next: () => ({ done: true as const, value: undefined }),
    close: () => undefined,
  };
  const open = (session: string | undefined) =>
    engine.cursors.open("a.b", source, { session, txnNumber: undefined }, { noTimeout: true });

  it("ends with its session, unless that is refreshed", () => {
    jest.useFakeTimers();
    const [ended, kept, ownerless] = [open("1"), open("2"), open(undefined)];
    jest.advanceTimersByTime(HALF_AN_HOUR);
    engine.cursors.sweep(Date.now());
    expect(engine.cursors.size).toBe(3);
    engine.cursors.refresh("2");
    engine.cursors.sweep(Date.now() + 1);
    expect(() => engine.cursors.find(ended.id)).toThrow("not found");
    expect([kept, ownerless].map(({ id }) => engine.cursors.find(id))).toEqual([kept, ownerless]);
  });
});
