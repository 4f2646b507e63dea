import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mongo } from "mongoose";
import { startEmbeddedDatabase } from "../../src/embedded-db";

const folder = mkdtempSync(join(tmpdir(), "embedded-db-"));
const filler = join(folder, "filler");

/** A small file system of our own; only root may mount one. */
function mounted(): boolean {
  try {
    execFileSync("/bin/mount", ["-t", "tmpfs", "-o", "size=8m", "none", folder], {
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}

const canMount = mounted();

afterAll(() => {
  if (canMount) {
    execFileSync("/bin/umount", [folder]);
  }
  rmSync(folder, { recursive: true });
});

const name = canMount ? "a full disk" : "a full disk (skipped: mounting a tmpfs needs root)";

(canMount ? describe : describe.skip)(name, () => {
  const dataDir = join(folder, "data");
  const pad = "x".repeat(1_500);
  const tooMuch = "x".repeat(8_000_000);
  /** Together they take more than the documents leave, wherever a full disk stopped those. */
  const manyIndexes = Array.from({ length: 12 }, (_, n) => ({
    key: { pad: 1 as const, [`other${n}`]: 1 as const },
  }));

  it("fails writes with an error, loses nothing acknowledged, and is over when space is back", async () => {
    writeFileSync(filler, Buffer.alloc(4_000_000));
    const database = await startEmbeddedDatabase({ dataDir });
    const client = await mongo.MongoClient.connect(database.uri);
    const db = client.db("app");
    const docs = db.collection<{ _id: number; pad: string }>("docs");
    let acknowledged = 0;
    let failure: unknown;
    while (failure === undefined) {
      const more = Array.from({ length: 20 }, (_, n) => ({ _id: acknowledged + n, pad }));
      await docs.insertMany(more).then(
        () => (acknowledged += more.length),
        (error: unknown) => (failure = error),
      );
    }
    expect(failure).toMatchObject({ code: 1, codeName: "InternalError" });
    expect(acknowledged).toBeGreaterThan(10);

    await expect(
      Promise.all([docs.createIndexes(manyIndexes), docs.insertOne({ _id: -1, pad: tooMuch })]),
    ).rejects.toMatchObject({ code: 1 });
    await expect(
      db.collection<{ _id: number; pad: string }>("other").insertOne({ _id: 1, pad: tooMuch }),
    ).rejects.toMatchObject({ code: 1 });
    const seen = async () => ({
      counted: await docs.countDocuments({}),
      read: (await docs.find().toArray()).map(({ _id }) => _id),
      indexes: (await docs.indexes()).map((index) => index.name),
      valid: (await db.command({ validate: "docs" }))["valid"] as boolean,
    });
    const expected = {
      counted: acknowledged,
      read: Array.from({ length: acknowledged }, (_, n) => n),
      indexes: ["_id_"],
      valid: true,
    };
    expect(await seen()).toEqual(expected);

    rmSync(filler);
    await docs.insertOne({ _id: acknowledged, pad });
    expected.read.push(acknowledged);
    expected.counted++;
    expect(await seen()).toEqual(expected);
    await client.close();
    await database.stop();

    const again = await startEmbeddedDatabase({ dataDir });
    const reader = await mongo.MongoClient.connect(again.uri);
    expect(await reader.db("app").collection("docs").countDocuments({})).toBe(expected.counted);
    await reader.close();
    await again.stop();
  });
});
