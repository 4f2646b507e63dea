import { performance } from "node:perf_hooks";
import { mongo } from "mongoose";
import { startEmbeddedDatabase } from "../../src/embedded-db";

/**
 * Prints what the database does in a second: `npx ts-node tests/embedded-db/bench.ts [DOCUMENTS]`.
 * With TEST_MONGODB_URI set, the same runs against that server and the ratio is printed too.
 */
const SIZE = Number(process.argv[2] ?? 10_000);
const MIN_MS = 1000;

type Measure = [name: string, operations: number, run: (at: number) => Promise<unknown>];

async function perSecond([, operations, run]: Measure): Promise<number> {
  const start = performance.now();
  let rounds = 0;
  while (performance.now() - start < MIN_MS) {
    await run(rounds++);
  }
  return (rounds * operations * 1000) / (performance.now() - start);
}

async function measure(uri: string): Promise<Map<string, number>> {
  const client = await mongo.MongoClient.connect(uri);
  const db = client.db("bench_embedded");
  await db.dropDatabase();
  const [videos, users, scratch] = [
    db.collection("videos"),
    db.collection("users"),
    db.collection("scratch"),
  ];
  const owners = Array.from({ length: 100 }, () => new mongo.ObjectId());
  await users.insertMany(owners.map((_id, n) => ({ _id, name: `user ${n}` })));
  await videos.createIndex({ owner: 1, createdAt: -1, _id: -1 });
  await videos.createIndex({ published: 1, createdAt: -1, _id: -1 });
  const ids = await fill(videos, owners);
  const results = new Map<string, number>();
  for (const entry of measures(videos, scratch, owners, ids)) {
    results.set(entry[0], await perSecond(entry));
  }
  await db.dropDatabase();
  await client.close();
  return results;
}

function video(owner: mongo.ObjectId, n: number) {
  return {
    title: `Video number ${n}`,
    description: "a description of some length ".repeat(6),
    owner,
    published: n % 10 !== 0,
    views: n,
    createdAt: new Date(n * 1000),
  };
}

async function fill(videos: mongo.Collection, owners: mongo.ObjectId[]): Promise<mongo.ObjectId[]> {
  const ids: mongo.ObjectId[] = [];
  for (let at = 0; at < SIZE; at += 1000) {
    const docs = Array.from({ length: Math.min(1000, SIZE - at) }, (_, n) =>
      video(owners[(at + n) % owners.length] as mongo.ObjectId, at + n),
    );
    const { insertedIds } = await videos.insertMany(docs);
    ids.push(...Object.values(insertedIds));
  }
  return ids;
}

function measures(
  videos: mongo.Collection,
  scratch: mongo.Collection,
  owners: mongo.ObjectId[],
  ids: mongo.ObjectId[],
): Measure[] {
  const owner = (at: number) => owners[at % owners.length] as mongo.ObjectId;
  const id = (at: number) => ids[(at * 7919) % ids.length] as mongo.ObjectId;
  const join = {
    $lookup: { from: "users", localField: "owner", foreignField: "_id", as: "owner" },
  };
  const feed = [
    { $match: { published: true } },
    { $sort: { createdAt: -1, _id: -1 } },
    { $limit: 10 },
    join,
  ];
  const facet = {
    $facet: {
      docs: [{ $sort: { createdAt: -1 } }, { $skip: 0 }, { $limit: 10 }],
      metadata: [{ $count: "total" }],
    },
  };
  return [
    ["insert one by one", 1, (at) => scratch.insertOne(video(owner(at), at))],
    [
      "insertMany of 1,000",
      1000,
      (at) => scratch.insertMany(Array.from({ length: 1000 }, (_, n) => video(owner(n), at + n))),
    ],
    ["find by _id", 1, (at) => videos.findOne({ _id: id(at) })],
    [
      "find by index, sort, limit 20",
      1,
      (at) =>
        videos
          .find({ owner: owner(at) })
          .sort({ createdAt: -1, _id: -1 })
          .limit(20)
          .toArray(),
    ],
    [
      "update by _id with $inc",
      1,
      (at) => videos.updateOne({ _id: id(at) }, { $inc: { views: 1 } }),
    ],
    ["feed: match, sort, limit, $lookup", 1, () => videos.aggregate(feed).toArray()],
    [
      "$facet page of one owner",
      1,
      (at) => videos.aggregate([{ $match: { owner: owner(at) } }, facet]).toArray(),
    ],
  ];
}

async function main(): Promise<void> {
  const database = await startEmbeddedDatabase(process.argv[3] ? { dataDir: process.argv[3] } : {});
  const ours = await measure(database.uri);
  await database.stop();
  const other = process.env["TEST_MONGODB_URI"];
  const theirs = other === undefined ? undefined : await measure(other);
  for (const [name, value] of ours) {
    const reference = theirs?.get(name);
    const ratio =
      reference === undefined
        ? ""
        : `${reference.toFixed(0).padStart(10)} ${(value / reference).toFixed(1).padStart(6)} x`;
    process.stdout.write(`${name.padEnd(36)} ${value.toFixed(0).padStart(10)} /s ${ratio}\n`);
  }
}

void main();
