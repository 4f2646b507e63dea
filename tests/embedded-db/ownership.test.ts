import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mongo } from "mongoose";
import { startEmbeddedDatabase } from "../../src/embedded-db";

const TYPESCRIPT = ["-r", require.resolve("ts-node/register/transpile-only")];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "embedded-db-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Opened {
  owner: boolean;
  uri: string;
}

describe("two processes on one data folder", () => {
  const children: ChildProcess[] = [];

  afterEach(() => children.splice(0).forEach((child) => child.kill("SIGKILL")));

  function open(): { child: ChildProcess; opened: Promise<Opened> } {
    const child = fork(join(__dirname, "support/opener.ts"), [folder], {
      execArgv: TYPESCRIPT,
    });
    children.push(child);
    const opened = once(child, "message").then(([message]) => message as Opened);
    return { child, opened };
  }

  it("have one owner, whom the other uses; after its kill -9 the next start takes over", async () => {
    const [first, second] = [open(), open()];
    const [a, b] = await Promise.all([first.opened, second.opened]);
    expect([a.owner, b.owner].sort()).toEqual([false, true]);
    expect(a.uri).toBe(b.uri);
    const client = await mongo.MongoClient.connect(b.uri);
    await client.db("a").collection("b").insertOne({ n: 1 });
    await client.close();

    const owner = a.owner ? first.child : second.child;
    owner.kill("SIGKILL");
    await once(owner, "exit");
    const third = await open().opened;
    expect(third.owner).toBe(true);
    const again = await mongo.MongoClient.connect(third.uri);
    expect(await again.db("a").collection("b").countDocuments({})).toBe(1);
    await again.close();
  });
});

describe("a database whose thread dies", () => {
  const children: ChildProcess[] = [];

  afterEach(() => children.splice(0).forEach((child) => child.kill("SIGKILL")));

  function startDying(...args: string[]): ChildProcess {
    const child = fork(join(__dirname, "support/dying.ts"), args, { execArgv: TYPESCRIPT });
    children.push(child);
    return child;
  }

  it("tells its process, which ends; the next start has everything acknowledged", async () => {
    const child = startDying(folder);
    const [[message]] = await Promise.all([once(child, "message"), once(child, "exit")]);
    expect(message).toBe("the embedded database has stopped unexpectedly");

    const database = await startEmbeddedDatabase({ dataDir: folder });
    const client = await mongo.MongoClient.connect(database.uri);
    expect(await client.db("a").collection("b").distinct("n")).toEqual([1]);
    await client.close();
    await database.stop();
  });

  it("tells when it was in memory, too", async () => {
    const [message] = (await once(startDying(), "message")) as [string];
    expect(message).toContain("stopped unexpectedly");
  });
});

describe("a folder that is served again", () => {
  it("is served at the port it had, so that connection strings stay true", async () => {
    const first = await startEmbeddedDatabase({ dataDir: folder });
    await first.stop();
    const second = await startEmbeddedDatabase({ dataDir: folder });
    await second.stop();
    expect(second.uri).toBe(first.uri);
  });

  it("is served at another port when somebody else has that one", async () => {
    const first = await startEmbeddedDatabase({ dataDir: folder });
    await first.stop();
    const other = await startEmbeddedDatabase({ port: first.port });
    const second = await startEmbeddedDatabase({ dataDir: folder });
    expect(second.port).not.toBe(first.port);
    await Promise.all([second.stop(), other.stop()]);
  });
});
