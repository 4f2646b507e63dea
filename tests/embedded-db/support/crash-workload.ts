import { randomUUID } from "node:crypto";
import { Binary, type Doc, isDocument, Long } from "../../../src/embedded-db/bson/values";
import type { Random } from "./random";
import { WireClient } from "./wire-client";

const DB = "crash";
const INSERTERS = 3;
const UPSERTERS = 2;
const MOVERS = 2;
const NAMES = 20;
const ALL = 100_000;

/** How often something was done: acknowledged, and asked for without an answer. */
interface Tally {
  done: number;
  open: number;
}

type Command = (command: Doc) => Promise<Doc>;

/**
 * What clients do to a database that is killed while they do it, and what must then be there:
 * everything acknowledged, of the rest all or nothing.
 */
export class CrashWorkload {
  /** Documents by `_id`; true when acknowledged. */
  private inserted = new Map<string, boolean>();
  private readonly upserts = new Map<string, Tally>();
  /** Moves between two collections, one transaction each, by mover. */
  private readonly moves = Array.from({ length: MOVERS }, (): Tally => ({ done: 0, open: 0 }));
  private readonly increments: Tally = { done: 0, open: 0 };
  private acknowledgedWrites = 0;

  constructor(private readonly random: Random) {}

  /** Writes that were acknowledged so far. */
  get acknowledged(): number {
    return this.acknowledgedWrites;
  }

  /** Makes the collections and removes what has been verified. */
  async prepare(port: number): Promise<void> {
    await withClient(port, async (command) => {
      await command({ createIndexes: "docs", indexes: [index("unique", true), index("n", false)] });
      await command({ createIndexes: "names", indexes: [index("name", true)] });
      await command({ delete: "docs", deletes: [{ q: {}, limit: 0 }] });
      for (const update of ["from", "to", "counters"]) {
        const updates = this.moves.map((_, _id) => ({
          q: { _id },
          u: { $inc: { n: 0 } },
          upsert: true,
        }));
        await command({ update, updates });
      }
    });
    this.inserted.clear();
  }

  /** Starts all writers; ends when the server has gone. */
  async run(port: number): Promise<void> {
    const of = (count: number, step: (command: Command, writer: number) => Promise<void>) =>
      Array.from({ length: count }, (_, writer) => untilGone(port, (cmd) => step(cmd, writer)));
    await Promise.all([
      ...of(INSERTERS, (command) => this.insert(command)),
      ...of(UPSERTERS, (command) => this.upsert(command)),
      ...of(MOVERS, (command, mover) => this.move(command, mover)),
      ...of(1, (command) => this.increment(command)),
    ]);
  }

  /** Throws for anything lost, torn, doubled or indexed wrongly. */
  async verify(port: number): Promise<void> {
    await withClient(port, async (command) => {
      for (const { name } of await firstBatch(command, { listCollections: 1 })) {
        await verifyIndexes(command, String(name));
      }
      this.verifyInserts(await firstBatch(command, find("docs")));
      this.verifyUpserts(await firstBatch(command, find("names")));
      this.verifyMoves(
        await firstBatch(command, find("from")),
        await firstBatch(command, find("to")),
      );
      const counters = await firstBatch(command, find("counters"));
      settle("increments", this.increments, Number(counters[0]?.["n"] ?? 0));
    });
  }

  private async insert(command: Command): Promise<void> {
    const _id = randomUUID();
    this.inserted.set(_id, false);
    const document = { _id, unique: _id, n: this.random(50), pad: _id.repeat(this.random(40)) };
    await command({ insert: "docs", documents: [document] });
    this.inserted.set(_id, true);
    this.acknowledgedWrites++;
  }

  private async upsert(command: Command): Promise<void> {
    const name = `name ${this.random(NAMES)}`;
    const tally = this.upserts.get(name) ?? { done: 0, open: 0 };
    this.upserts.set(name, tally);
    const updates = [{ q: { name }, u: { $inc: { n: 1 } }, upsert: true }];
    await this.counted(tally, () => command({ update: "names", updates }));
  }

  private async move(command: Command, mover: number): Promise<void> {
    const tally = this.moves[mover] as Tally;
    const transaction = {
      lsid: { id: new Binary(Buffer.from(randomUUID().replaceAll("-", ""), "hex"), 4) },
      txnNumber: Long.fromNumber(1),
      autocommit: false,
    };
    const step = (n: number) => ({ updates: [{ q: { _id: mover }, u: { $inc: { n } } }] });
    await command({ update: "from", ...step(-1), ...transaction, startTransaction: true });
    await command({ update: "to", ...step(1), ...transaction });
    await this.counted(tally, () =>
      command({ commitTransaction: 1, ...transaction, $db: "admin" }),
    );
  }

  private async increment(command: Command): Promise<void> {
    const updates = [{ q: { _id: 0 }, u: { $inc: { n: 1 } } }];
    await this.counted(this.increments, () => command({ update: "counters", updates }));
  }

  private async counted(tally: Tally, work: () => Promise<unknown>): Promise<void> {
    tally.open++;
    await work();
    tally.open--;
    tally.done++;
    this.acknowledgedWrites++;
  }

  private verifyInserts(found: readonly Doc[]): void {
    const ids = new Set(found.map(({ _id }) => _id));
    for (const [id, acknowledged] of this.inserted) {
      demand(!acknowledged || ids.has(id), `the acknowledged document ${id} is lost`);
    }
    for (const { _id, unique, pad } of found as Record<string, string>[]) {
      demand(this.inserted.has(_id as string), `the document ${_id} comes from nowhere`);
      const whole = unique === _id && pad?.replaceAll(_id as string, "") === "";
      demand(whole, `the document ${_id} is torn`);
    }
  }

  private verifyUpserts(found: readonly Doc[]): void {
    const byName = new Map(found.map(({ name, n }) => [name, Number(n)]));
    demand(byName.size === found.length, "a unique name is there twice");
    for (const [name, tally] of this.upserts) {
      settle(name, tally, byName.get(name) ?? 0);
    }
  }

  private verifyMoves(from: readonly Doc[], to: readonly Doc[]): void {
    this.moves.forEach((tally, mover) => {
      const there = Number(to.find(({ _id }) => _id === mover)?.["n"] ?? 0);
      const gone = Number(from.find(({ _id }) => _id === mover)?.["n"] ?? 0);
      demand(gone + there === 0, `half of a transaction: ${gone} and ${there}`);
      settle(`moves of ${mover}`, tally, there);
    });
  }
}

/** What was asked for without an answer happened or not; from here on that is known. */
function settle(what: string, tally: Tally, found: number): void {
  const { done, open } = tally;
  demand(
    found >= done && found <= done + open,
    `${what}: found ${found}, acknowledged ${done}, open ${open}`,
  );
  Object.assign(tally, { done: found, open: 0 });
}

function demand(condition: boolean, message: string): void {
  if (!condition) {
    throw new Error(message);
  }
}

function index(field: string, unique: boolean): Doc {
  return { key: { [field]: 1 }, name: field, unique };
}

function find(name: string, hint: unknown = { $natural: 1 }): Doc {
  return { find: name, batchSize: ALL, hint };
}

async function firstBatch(command: Command, request: Doc): Promise<Doc[]> {
  const { cursor } = await command(request);
  return isDocument(cursor) ? (cursor["firstBatch"] as Doc[]) : [];
}

/** Every index leads to the documents a scan finds, and the counts are true. */
async function verifyIndexes(command: Command, collection: string): Promise<void> {
  const { valid, errors } = await command({ validate: collection });
  demand(valid === true, `${collection}: ${String(errors)}`);
  const ids = async (hint?: string) =>
    (await firstBatch(command, find(collection, hint))).map(({ _id }) => String(_id)).sort();
  const scanned = await ids();
  for (const { name } of await firstBatch(command, { listIndexes: collection })) {
    const same = JSON.stringify(await ids(String(name))) === JSON.stringify(scanned);
    demand(same, `${collection}: the index ${String(name)} leads to other documents than a scan`);
  }
  const { n } = await command({ count: collection });
  demand(Number(n) === scanned.length, `${collection}: counted ${String(n)} of ${scanned.length}`);
}

/** Repeats a step on a connection of its own until the connection ends. */
async function untilGone(port: number, step: (command: Command) => Promise<void>): Promise<void> {
  // The kill may come before the connection stands.
  const client = await WireClient.connect(port).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ECONNRESET" || error.code === "ECONNREFUSED") {
      return undefined;
    }
    throw error;
  });
  if (!client) {
    return;
  }
  const { closed } = client;
  const failure = (async () => {
    for (;;) {
      await step(succeeding(client));
    }
  })();
  await Promise.race([failure, closed]).catch((error: unknown) => {
    if (!client.socket.destroyed) {
      throw error;
    }
  });
}

async function withClient(port: number, work: (command: Command) => Promise<void>): Promise<void> {
  const client = await WireClient.connect(port);
  try {
    await work(succeeding(client));
  } finally {
    client.close();
  }
}

/** Every command must succeed, with all its statements. */
function succeeding(client: WireClient): Command {
  return async (command) => {
    const reply = await client.command({ ...command, $db: command["$db"] ?? DB });
    const good = Number(reply["ok"]) === 1 && reply["writeErrors"] === undefined;
    demand(good, `${JSON.stringify(command)} was answered ${JSON.stringify(reply)}`);
    return reply;
  };
}
