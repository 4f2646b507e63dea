import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { inspect } from "node:util";
import { StorageUnavailableError, type Storage } from "../../src/services/storage";
import type { S3Fault, S3Operation } from "../support/s3-store";
import { storageAt, UNAVAILABLE, useS3, VIDEO } from "./support/s3-set-up";

describe("the S3 storage, when the store fails,", () => {
  const at = useS3();

  it.each<S3Fault>([
    500,
    502,
    503,
    { status: 503, code: "SlowDown" },
    { status: 400, code: "RequestTimeout" },
    "lose answer",
    "hang",
  ])("stores one object in spite of an upload that fails with %j", async (fault) => {
    at.store.failNext("put", fault);
    await at.put("content", storageAt(at.store, { timeout: 700 }));
    expect(await at.store.keys()).toEqual([VIDEO]);
    expect(await text(await at.storage.get(VIDEO))).toBe("content");
    expect(existsSync(at.source)).toBe(false);
    expect(at.count("put")).toBe(2);
  });

  it.each<[S3Operation, (s: Storage) => Promise<unknown>]>([
    ["get", async (s) => buffer(await s.get(VIDEO))],
    ["head", (s) => s.stat(VIDEO)],
    ["delete", (s) => s.delete(VIDEO)],
  ])("repeats a failed %s", async (operation, act) => {
    await at.put("content");
    at.store.failNext(operation, 500, "hang", "lose answer");
    await act(storageAt(at.store, { timeout: 700 }));
    expect(at.count(operation)).toBe(4);
  });

  it("gives up after the bounded number of attempts", async () => {
    at.store.failNext("head", 500, 500, 500, 500, 500);
    await expect(at.storage.stat(VIDEO)).rejects.toBeInstanceOf(StorageUnavailableError);
    expect(at.count("head")).toBe(4);
  });

  it.each<S3Fault>([500, "hang"])(
    "keeps the source when an upload ends with %j for good",
    async (fault) => {
      at.store.failNext("put", fault, fault);
      const impatient = storageAt(at.store, { timeout: 300, attempts: 2 });
      await expect(at.put("content", impatient)).rejects.toMatchObject(UNAVAILABLE);
      expect(await readFile(at.source, "utf8")).toBe("content");
      expect(await at.store.keys()).toEqual([]);
    },
  );

  it("does not repeat what the store refuses", async () => {
    at.store.failNext("put", { status: 403, code: "AccessDenied" });
    await expect(at.put("content")).rejects.toMatchObject(UNAVAILABLE);
    expect(at.count("put")).toBe(1);
  });

  it.each<S3Fault>([
    507,
    { status: 507, code: "XMinioStorageFull" },
    { status: 403, code: "QuotaExceeded" },
  ])("says that the store is full when it answers %j", async (fault) => {
    at.store.failNext("put", fault, fault, fault, fault);
    await expect(at.put("content")).rejects.toMatchObject({ code: "STORAGE_FULL" });
    expect(existsSync(at.source)).toBe(true);
  });

  it("takes a missing bucket for a fault, not for a missing object", async () => {
    const elsewhere = storageAt(at.store, { bucket: "elsewhere" });
    await expect(elsewhere.get(VIDEO)).rejects.toMatchObject(UNAVAILABLE);
    await expect(elsewhere.check()).rejects.toMatchObject(UNAVAILABLE);
  });

  it("does not take another range than the one asked for", async () => {
    await at.put("0123456789");
    at.store.failNext("get", "no range");
    await expect(at.storage.get(VIDEO, { start: 3, end: 5 })).rejects.toMatchObject(UNAVAILABLE);
  });

  it.each<S3Fault>(["cut", "stall"])("fails a transfer with a %s in it", async (fault) => {
    await at.put(randomBytes(500_000));
    const impatient = storageAt(at.store, { timeout: 700 });
    at.store.failNext("get", fault, fault);
    await expect(buffer(await impatient.get(VIDEO))).rejects.toThrow();
    const target = join(at.folder, "downloaded");
    await expect(impatient.download(VIDEO, target)).rejects.toMatchObject(UNAVAILABLE);
    expect(existsSync(target)).toBe(false);
  });

  it("serves others while many readers have stopped reading", async () => {
    await at.put(randomBytes(3_000_000));
    const readers = await Promise.all(Array.from({ length: 60 }, () => at.storage.get(VIDEO)));
    expect(await at.storage.stat(VIDEO)).toEqual({ size: 3_000_000 });
    readers.forEach((reader) => reader.destroy());
  });

  it("does not take a slow reader for a fault", async () => {
    const content = randomBytes(5_000_000);
    await at.put(content);
    const impatient = storageAt(at.store, { timeout: 200 });
    const read: Buffer[] = [];
    const reader = new Writable({
      write(chunk: Buffer, _encoding, done) {
        read.push(chunk);
        setTimeout(done, read.length === 5 ? 600 : 0);
      },
    });
    await pipeline(await impatient.get(VIDEO), reader);
    expect(Buffer.concat(read).equals(content)).toBe(true);
  });

  it("ends the transfer when its reader leaves", async () => {
    await at.put(randomBytes(20_000_000));
    const body = await at.storage.get(VIDEO);
    const before = await at.store.connections();
    body.destroy();
    await once(body, "close");
    while ((await at.store.connections()) >= before) {
      await new Promise(setImmediate);
    }
  });

  it("says which act failed and never a secret", async () => {
    const wrong = storageAt(at.store, { secretAccessKey: "not-the-secret-at-all" });
    const acts = [
      () => at.put("content", wrong),
      () => wrong.check(),
      () => wrong.delete(VIDEO),
      () => wrong.stat(VIDEO),
      () => wrong.get(VIDEO),
    ];
    for (const act of acts) {
      const error = await act().then(
        () => new Error("nothing failed"),
        (thrown: Error) => thrown,
      );
      expect(error).toBeInstanceOf(StorageUnavailableError);
      expect(error.message).toMatch(/^The S3 storage cannot .* \(status 403\)$/);
      expect(inspect(error, { depth: 10 })).not.toContain("not-the-secret-at-all");
    }
  });
});
