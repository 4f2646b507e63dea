import type { Worker } from "node:worker_threads";
import { mongo } from "mongoose";
import { startEmbeddedDatabase } from "../../../src/embedded-db";

/** Opens a data folder (or none), writes, and loses the thread of the database while it writes on. */
async function main(dataDir: string | undefined): Promise<void> {
  const threads: Worker[] = [];
  process.on("worker", (thread) => threads.push(thread));
  const onFailure = ({ message }: Error) => process.send?.(message, () => process.exit(1));
  const { uri } = await startEmbeddedDatabase({ ...(dataDir && { dataDir }), onFailure });
  const client = await mongo.MongoClient.connect(uri);
  const collection = client.db("a").collection("b");
  await collection.insertOne({ n: 1 });
  const unanswered = Array.from({ length: 8 }, () => collection.insertOne({ n: 1 }));
  await Promise.all([
    Promise.allSettled(unanswered),
    ...threads.map((thread) => thread.terminate()),
  ]);
}

const [dataDir] = process.argv.slice(2);
void main(dataDir);
