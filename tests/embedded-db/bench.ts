import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { mongo } from "mongoose";
import { startEmbeddedDatabase } from "../../src/embedded-db";

/**
 * Prints what the database does in a second, in memory and on disk: `npm run bench:db -- [DOCUMENTS…]`.
 * With TEST_MONGODB_URI set, the same runs on that server and the ratios to it are printed. Each
 * database is a process of its own; all get the same documents through the same driver and take
 * turns, and the median round counts.
 */
const SIZES = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1000, 10_000, 100_000];
const ROUNDS = 5;
const ROUND_MS = 300;
/** Throughput is wanted, not the time of a single operation. */
const IN_FLIGHT = 4;
const MB = 1024 * 1024;
/** Few enough that a page of one owner is as long in the smallest collection as in the largest. */
const OWNERS = 50;

interface Operation {
  name: string;
  /** How many documents count as one run. */
  documents: number;
  run: (target: Target, at: number) => Promise<unknown>;
}

interface Target {
  name: string;
  client: mongo.MongoClient;
  process?: ChildProcess;
  owners: mongo.ObjectId[];
  ids: mongo.ObjectId[];
}

interface Memory {
  resident: number;
  /** Without the pages of files, which the system takes back when it needs them. */
  own: number;
}

const INDEXED_READ = "find by index, sort, limit 20";

const OPERATIONS: Operation[] = [
  {
    // What the driver and the connection cost: no operation on a document can be faster.
    name: "ping",
    documents: 1,
    run: (target) => database(target).command({ ping: 1 }),
  },
  {
    name: "insert one by one",
    documents: 1,
    run: (target, at) => scratch(target).insertOne(video(ownerAt(target, at), at)),
  },
  {
    name: "insertMany of 1,000",
    documents: 1000,
    run: (target, at) => scratch(target).insertMany(videosFrom(target, at, 1000)),
  },
  {
    name: "find by _id",
    documents: 1,
    run: (target, at) => videos(target).findOne({ _id: idAt(target, at) }),
  },
  {
    name: INDEXED_READ,
    documents: 1,
    run: (target, at) =>
      videos(target)
        .find({ owner: ownerAt(target, at) })
        .sort({ createdAt: -1, _id: -1 })
        .limit(20)
        .toArray(),
  },
  {
    name: "update by _id with $inc",
    documents: 1,
    run: (target, at) =>
      videos(target).updateOne({ _id: idAt(target, at) }, { $inc: { views: 1 } }),
  },
  {
    name: "feed: match, sort, limit, $lookup",
    documents: 1,
    run: (target) =>
      videos(target)
        .aggregate([
          { $match: { published: true } },
          { $sort: { createdAt: -1, _id: -1 } },
          { $limit: 10 },
          { $lookup: { from: "users", localField: "owner", foreignField: "_id", as: "owner" } },
        ])
        .toArray(),
  },
  {
    name: "$facet page of one owner",
    documents: 1,
    run: (target, at) =>
      videos(target)
        .aggregate([
          { $match: { owner: ownerAt(target, at) } },
          {
            $facet: {
              docs: [{ $sort: { createdAt: -1, _id: -1 } }, { $skip: 0 }, { $limit: 10 }],
              count: [{ $count: "count" }],
            },
          },
        ])
        .toArray(),
  },
];

function database(target: Target): mongo.Db {
  return target.client.db("bench_embedded");
}

function videos(target: Target): mongo.Collection {
  return database(target).collection("videos");
}

function scratch(target: Target): mongo.Collection {
  return database(target).collection("scratch");
}

function ownerAt({ owners }: Target, at: number): mongo.ObjectId {
  return owners[at % owners.length] as mongo.ObjectId;
}

function idAt({ ids }: Target, at: number): mongo.ObjectId {
  return ids[(at * 7919) % ids.length] as mongo.ObjectId;
}

function video(owner: mongo.ObjectId, n: number): mongo.Document {
  return {
    title: `Video number ${n}`,
    description: "a description of some length ".repeat(6),
    owner,
    published: n % 10 !== 0,
    views: n,
    createdAt: new Date(n * 1000),
  };
}

function videosFrom(target: Target, start: number, count: number): mongo.Document[] {
  return Array.from({ length: count }, (_, n) => video(ownerAt(target, start + n), start + n));
}

/** Fills a database and answers the size of its documents. */
async function fill(target: Target, size: number): Promise<number> {
  const db = database(target);
  await db.dropDatabase();
  const users = target.owners.map((_id, n) => ({ _id, name: `user ${n}` }));
  await db.collection("users").insertMany(users);
  await videos(target).createIndex({ owner: 1, createdAt: -1, _id: -1 });
  await videos(target).createIndex({ published: 1, createdAt: -1, _id: -1 });
  let bytes = users.reduce((sum, user) => sum + mongo.BSON.calculateObjectSize(user), 0);
  for (let at = 0; at < size; at += 1000) {
    const docs = videosFrom(target, at, Math.min(1000, size - at));
    const { insertedIds } = await videos(target).insertMany(docs);
    target.ids.push(...Object.values<mongo.ObjectId>(insertedIds));
    bytes += docs.reduce((sum, doc) => sum + mongo.BSON.calculateObjectSize(doc), 0);
  }
  return bytes;
}

/** Operations per second of one round. */
async function round(operation: Operation, target: Target, start: number): Promise<number> {
  const begin = performance.now();
  let done = 0;
  const worker = async () => {
    do {
      await operation.run(target, start + done++);
    } while (performance.now() - begin < ROUND_MS);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  return (done * operation.documents * 1000) / (performance.now() - begin);
}

/** The targets take turns, so that whatever else the machine does meets all of them. */
async function measure(operation: Operation, targets: readonly Target[]): Promise<number[]> {
  const rates: number[][] = targets.map(() => []);
  for (let turn = 0; turn <= ROUNDS; turn++) {
    for (const [at, target] of targets.entries()) {
      const rate = await round(operation, target, turn * 10_007);
      // The first round warms up.
      if (turn > 0) {
        rates[at]?.push(rate);
      }
    }
  }
  return rates.map(median);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number;
}

async function connect(name: string, uri: string, process?: ChildProcess): Promise<Target> {
  const client = await mongo.MongoClient.connect(uri, { maxPoolSize: IN_FLIGHT });
  const owners = Array.from({ length: OWNERS }, () => new mongo.ObjectId());
  return { name, client, owners, ids: [], ...(process && { process }) };
}

/** What `npm run db` runs. */
async function startAlone(name: string, args: readonly string[]): Promise<Target> {
  const program = join(__dirname, "../../src/embedded-db/cli.ts");
  const alone = spawn(process.execPath, ["-r", "ts-node/register", program, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [uri] = (await once(createInterface(alone.stdout), "line")) as [string];
  return connect(name, uri, alone);
}

function memoryOf({ process }: Target): Memory {
  const status = readFileSync(`/proc/${process?.pid}/status`, "utf8");
  const field = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  return { resident: field("VmRSS"), own: field("RssAnon") };
}

async function end(target: Target, signal: NodeJS.Signals): Promise<void> {
  if (!target.process) {
    await database(target).dropDatabase();
  }
  await target.client.close();
  if (target.process) {
    const exit = once(target.process, "exit");
    target.process.kill(signal);
    await exit;
  }
}

/** Seconds from opening a folder until a document has been read. */
async function opening(dataDir: string): Promise<number> {
  const start = performance.now();
  const reopened = await startEmbeddedDatabase({ dataDir });
  const client = await mongo.MongoClient.connect(reopened.uri);
  await client.db("bench_embedded").collection("videos").findOne();
  const seconds = (performance.now() - start) / 1000;
  await client.close();
  await reopened.stop();
  return seconds;
}

function print(cells: readonly string[]): void {
  const [first = "", ...rest] = cells;
  process.stdout.write(`${first.padEnd(36)}${rest.map((cell) => cell.padStart(18)).join("")}\n`);
}

/** One number per target: operations per second, and how many times the last one's. */
function printRates(name: string, rates: readonly number[], compared: boolean): void {
  const reference = rates.at(-1) as number;
  const cells = rates.map((rate, at) => {
    const ratio = (rate / reference).toFixed(1);
    return compared && at < rates.length - 1 ? `${rate.toFixed(0)} (${ratio}x)` : rate.toFixed(0);
  });
  print([name, ...cells]);
}

function printMemory(target: Target, before: Memory, after: Memory, bytes: number): void {
  const data = bytes / MB;
  const grown = after.own - before.own;
  print([
    `memory, ${target.name}`,
    `${after.own.toFixed(0)} MB own`,
    `${after.resident.toFixed(0)} MB with files`,
    `grown ${grown.toFixed(0)} MB`,
    `goal ${(3 * data + 60).toFixed(0)} MB`,
  ]);
}

async function benchmark(size: number, indexedReads: Map<string, number[]>): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "bench-"));
  const uri = process.env["TEST_MONGODB_URI"];
  const ours = [
    await startAlone("in memory", ["--memory"]),
    await startAlone("on disk", ["--data", dataDir]),
  ];
  const targets = uri === undefined ? ours : [...ours, await connect("reference", uri)];
  print([`\n${size.toLocaleString("en")} documents, per second`, ...targets.map((t) => t.name)]);
  const memory: (() => void)[] = [];
  for (const target of targets) {
    const before = target.process && memoryOf(target);
    const bytes = await fill(target, size);
    const after = target.process && memoryOf(target);
    if (before && after) {
      memory.push(() => printMemory(target, before, after, bytes));
    }
  }
  for (const operation of OPERATIONS) {
    const rates = await measure(operation, targets);
    printRates(operation.name, rates, uri !== undefined);
    if (operation.name === INDEXED_READ) {
      targets.forEach(({ name }, at) =>
        indexedReads.set(name, [...(indexedReads.get(name) ?? []), rates[at] as number]),
      );
    }
  }
  memory.forEach((line) => line());
  for (const target of targets) {
    await end(target, "SIGKILL");
  }
  print(["opening the killed folder", `${(await opening(dataDir)).toFixed(2)} s`]);
  rmSync(dataDir, { recursive: true });
}

async function main(): Promise<void> {
  const indexedReads = new Map<string, number[]>();
  for (const size of SIZES) {
    await benchmark(size, indexedReads);
  }
  for (const [name, rates] of indexedReads) {
    const cost = (rates[0] as number) / (rates.at(-1) as number);
    const sizes = `${SIZES.at(-1)?.toLocaleString("en")} : ${SIZES[0]?.toLocaleString("en")}`;
    print([`\nindexed read, cost ${sizes}`, name, `${cost.toFixed(2)}`]);
  }
}

void main();
