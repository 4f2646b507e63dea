import { mongo } from "mongoose";
import { type EmbeddedDatabase, startEmbeddedDatabase } from "../../../src/embedded-db";

export interface TestDatabase {
  database: EmbeddedDatabase;
  client: mongo.MongoClient;
  db: mongo.Db;
}

/** One in-memory database for the tests of a file. */
export async function startTestDatabase(): Promise<TestDatabase> {
  const database = await startEmbeddedDatabase();
  const client = await mongo.MongoClient.connect(database.uri);
  return { database, client, db: client.db("test") };
}

export async function stopTestDatabase({ client, database }: TestDatabase): Promise<void> {
  await client.close();
  await database.stop();
}
