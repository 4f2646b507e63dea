import { appendFileSync } from "node:fs";
import { mongo } from "mongoose";
import { startEmbeddedDatabase } from "../../../src/embedded-db";

const WRITERS = 4;

/** Owns a data folder and notes every acknowledged write, until it is killed. */
async function main(dataDir: string, journal: string, cycle: string): Promise<void> {
  const database = await startEmbeddedDatabase({ dataDir });
  const client = await mongo.MongoClient.connect(database.uri);
  const collection = client
    .db("crash")
    .collection<{ _id: string; unique: string; n: number }>("docs");
  await collection.createIndex({ unique: 1 }, { unique: true });
  const write = async (writer: number) => {
    for (let n = 0; ; n++) {
      const id = `${cycle}-${writer}-${n}`;
      await collection.insertOne({ _id: id, unique: id, n: 0 });
      appendFileSync(journal, `i ${id}\n`);
      await client.withSession((session) =>
        session.withTransaction(async () => {
          await collection.updateOne({ _id: id }, { $inc: { n: 1 } }, { session });
          await collection.insertOne({ _id: `${id}-t`, unique: `${id}-t`, n: 1 }, { session });
        }),
      );
      appendFileSync(journal, `t ${id}\n`);
    }
  };
  process.send?.("writing");
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
}

const [dataDir = "", journal = "", cycle = ""] = process.argv.slice(2);
void main(dataDir, journal, cycle);
