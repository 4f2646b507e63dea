import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mongo } from "mongoose";
import { startEmbeddedDatabase } from "../../src/embedded-db";
import { type Doc, isDocument, ObjectId } from "../../src/embedded-db/bson/values";
import { ServerProcess } from "./support/server-process";
import { WireClient } from "./support/wire-client";

const HEARTBEAT_MS = 500;
/** Longer than any test may take. */
const AN_HOUR_MS = 3_600_000;

let folder: string;
const clients: mongo.MongoClient[] = [];
const servers: ServerProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "embedded-db-"));
});

afterEach(async () => {
  // A client that closes wants to tell its server.
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(servers.splice(0).map((server) => server.kill()));
  rmSync(folder, { recursive: true, force: true });
});

async function started(): Promise<ServerProcess> {
  const server = await ServerProcess.start(folder);
  servers.push(server);
  return server;
}

function failedHeartbeat(client: mongo.MongoClient): Promise<unknown> {
  return new Promise((resolve) => client.once("serverHeartbeatFailed", resolve));
}

async function connected(
  port: number,
  heartbeatFrequencyMS = HEARTBEAT_MS,
): Promise<mongo.MongoClient> {
  const client = new mongo.MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    heartbeatFrequencyMS,
  });
  clients.push(client);
  return client.connect();
}

/** Resolves when the client has had so many heartbeats that waited for news. */
function awaitedHeartbeats(client: mongo.MongoClient, count: number): Promise<void> {
  return new Promise((resolve) => {
    client.on("serverHeartbeatSucceeded", ({ awaited }) => {
      if (awaited && --count === 0) {
        resolve();
      }
    });
  });
}

describe("a client's heartbeats", () => {
  it("wait for news, in one stream of replies", async () => {
    const database = await startEmbeddedDatabase();
    const client = await connected(database.port);
    const admin = client.db("admin");
    const requests = async () =>
      Number((await admin.command({ serverStatus: 1 })).network.numRequests);
    await awaitedHeartbeats(client, 1);
    const before = await requests();
    await awaitedHeartbeats(client, 3);
    // The question itself, and those for the time a round takes.
    expect((await requests()) - before).toBeLessThanOrEqual(5);
    await client.close();
    await database.stop();
  });

  it("neither keep the database from stopping nor wait for longer than it runs", async () => {
    const database = await startEmbeddedDatabase();
    const client = await connected(database.port, AN_HOUR_MS);
    const failed = failedHeartbeat(client);
    await database.stop();
    await failed;
  });

  it.each(["stops", "is killed"])("find a database again that %s", async (how) => {
    const server = await started();
    const client = await connected(server.port);
    const rows = client.db("test").collection<{ _id: number }>("rows");
    await rows.insertOne({ _id: 1 });
    await awaitedHeartbeats(client, 1);
    const failed = failedHeartbeat(client);
    await (how === "stops" ? server.stop() : server.kill());
    await failed;
    const write = rows.insertOne({ _id: 2 });
    expect((await started()).port).toBe(server.port);
    await write;
    expect(await rows.countDocuments()).toBe(2);
    await awaitedHeartbeats(client, 1);
  });
});

describe("a hello that waits", () => {
  let server: ServerProcess;
  let client: WireClient;
  let topologyVersion: Doc;

  beforeEach(async () => {
    server = await ServerProcess.start();
    client = await WireClient.connect(server.port);
    const reply = await hello({});
    topologyVersion = isDocument(reply["topologyVersion"]) ? reply["topologyVersion"] : {};
  });

  afterEach(async () => {
    client.close();
    await server.kill();
  });

  function hello(more: Doc): Promise<Doc> {
    return client.command({ hello: 1, ...more, $db: "admin" });
  }

  it("is answered when its time is over, and others before", async () => {
    const other = await WireClient.connect(server.port);
    const answered: string[] = [];
    await Promise.all([
      hello({ topologyVersion, maxAwaitTimeMS: 1_000 }).then(() => answered.push("hello")),
      other.command({ ping: 1, $db: "admin" }).then(() => answered.push("ping")),
    ]);
    expect(answered).toEqual(["ping", "hello"]);
    other.close();
  });

  it("is answered at once to who knows another server", async () => {
    const other = { ...topologyVersion, processId: new ObjectId() };
    const reply = await hello({ topologyVersion: other, maxAwaitTimeMS: AN_HOUR_MS });
    expect(reply["topologyVersion"]).toEqual(topologyVersion);
  });

  it.each([
    ["a time without a version", () => ({ maxAwaitTimeMS: 10 }), 31368],
    ["a version without a time", () => ({ topologyVersion }), 31368],
    ["a negative time", () => ({ topologyVersion, maxAwaitTimeMS: -1 }), 31373],
  ])("refuses %s", async (_what, more, code) => {
    expect(await hello(more())).toMatchObject({ code });
  });
});
