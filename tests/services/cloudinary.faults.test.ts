import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { inspect } from "node:util";
import { StorageUnavailableError, type Storage } from "../../src/services/storage";
import type { StandInFault, StandInOperation } from "../support/cloudinary-stand-in";
import { failure, storageAt, useCloudinary, VIDEO, VIDEO_ASSET } from "./support/cloudinary-set-up";

/** A delivery host of its own mind. */
async function startServer(answer: (response: http.ServerResponse) => void) {
  const server = http.createServer((_request, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("the Cloudinary storage, when Cloudinary fails,", () => {
  const at = useCloudinary();

  const passing: StandInFault[] = [
    500,
    503,
    420,
    429,
    "html",
    "wrong JSON",
    "lose answer",
    "store half",
  ];

  it.each(passing)("stores one object in spite of an upload that fails with %s", async (fault) => {
    at.standIn.failNext("upload", fault);
    await at.put("content");
    expect([...at.standIn.assets.keys()]).toEqual([VIDEO_ASSET]);
    expect(at.standIn.assets.get(VIDEO_ASSET)?.body.toString()).toBe("content");
    expect(existsSync(at.source)).toBe(false);
    expect(at.count("upload")).toBe(2);
  });

  it("stores in spite of an upload that gets no answer", async () => {
    at.standIn.failNext("upload", "hang");
    await at.put("content");
    expect(at.standIn.assets.size).toBe(1);
  });

  it.each<[StandInOperation, (s: Storage) => Promise<unknown>]>([
    ["delivery", async (s) => buffer(await s.get(VIDEO))],
    ["delivery", (s) => s.stat(VIDEO)],
    ["destroy", (s) => s.delete(VIDEO)],
  ])("repeats a failed %s", async (operation, act) => {
    await at.put("content");
    at.standIn.failNext(operation, 500, "hang", 429);
    await act(at.storage);
    expect(at.count(operation)).toBe(4);
  });

  it("gives up after the bounded number of attempts", async () => {
    at.standIn.failNext("delivery", 500, 500, 500, 500);
    await expect(at.storage.stat(VIDEO)).rejects.toBeInstanceOf(StorageUnavailableError);
    expect(at.count("delivery")).toBe(4);
  });

  it("keeps the source and leaves no object when an upload fails for good", async () => {
    at.standIn.failNext("upload", 500, "store half", 500, "lose answer");
    await expect(at.put("content")).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect(existsSync(at.source)).toBe(true);
    expect(at.standIn.assets.size).toBe(0);
  });

  it("does not repeat what Cloudinary refuses", async () => {
    at.standIn.failNext("upload", 400);
    await expect(at.put("content")).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect(at.count("upload")).toBe(1);
  });

  it("does not believe a deletion whose answer is not the documented one", async () => {
    at.standIn.failNext("destroy", "wrong JSON", "wrong JSON", "html", "wrong JSON");
    await expect(at.storage.delete(VIDEO)).rejects.toBeInstanceOf(StorageUnavailableError);
  });

  it("does not take another range than the one asked for", async () => {
    await at.put("0123456789");
    at.standIn.failNext("delivery", "html", "html", "html", "html");
    await expect(at.storage.get(VIDEO, { start: 0, end: 3 })).rejects.toBeInstanceOf(
      StorageUnavailableError,
    );
  });

  it.each<StandInFault>(["cut", "stall"])("fails a transfer with a %s in it", async (fault) => {
    await at.put(randomBytes(500_000));
    at.standIn.failNext("delivery", fault);
    const body = await at.storage.get(VIDEO);
    await expect(buffer(body)).rejects.toThrow();
  });

  it("does not take a slow reader for a fault", async () => {
    const content = randomBytes(5_000_000);
    await at.put(content, VIDEO, storageAt(at.standIn, { timeout: 10_000 }));
    const body = await storageAt(at.standIn, { timeout: 100 }).get(VIDEO);
    const hash = createHash("md5");
    let pauses = 0;
    const reader = new Writable({
      write(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        pauses += 1;
        setTimeout(done, pauses === 5 ? 400 : 0);
      },
    });
    await new Promise((resolve, reject) => {
      body.once("error", reject).pipe(reader).once("finish", resolve);
    });
    expect(hash.digest("hex")).toBe(createHash("md5").update(content).digest("hex"));
  });

  it("does not take the wrong part of an object", async () => {
    const delivery = await startServer((response) => {
      response.writeHead(206, { "content-range": "bytes 0-3/10" });
      response.end("0123");
    });
    const misled = storageAt(at.standIn, { cname: delivery.host });
    await expect(misled.get(VIDEO, { start: 4, end: 7 })).rejects.toBeInstanceOf(
      StorageUnavailableError,
    );
    await delivery.stop();
  });

  it("follows no redirect to another place", async () => {
    const delivery = await startServer((response) => {
      response.writeHead(302, { location: `${at.standIn.origin}/elsewhere` });
      response.end();
    });
    const misled = storageAt(at.standIn, { cname: delivery.host });
    await expect(misled.get(VIDEO)).rejects.toThrow("302");
    expect(at.standIn.requests).toEqual([]);
    await delivery.stop();
  });

  it("ends the transfer when its reader leaves", async () => {
    let left: () => void = () => undefined;
    const leaving = new Promise<void>((resolve) => (left = resolve));
    const delivery = await startServer((response) => {
      response.writeHead(200, { "content-length": 1e9 });
      response.write("first bytes");
      response.once("close", left);
    });
    const patient = storageAt(at.standIn, { cname: delivery.host, timeout: 30_000 });
    const body = await patient.get(VIDEO);
    body.destroy();
    await leaving;
    await delivery.stop();
  });

  it("says which act failed and never a secret", async () => {
    const wrong = storageAt(at.standIn, { apiSecret: "not-the-secret-at-all" });
    const unknown = storageAt(at.standIn, { apiKey: "999999999999999" });
    const errors = [
      await failure(at.put("content", VIDEO, wrong)),
      await failure(at.put("content", VIDEO, unknown)),
      await failure(wrong.check()),
      await failure(wrong.delete(VIDEO)),
      await failure(wrong.stat(VIDEO)),
    ];
    for (const error of errors) {
      expect(error).toBeInstanceOf(StorageUnavailableError);
      expect(error.message).toMatch(/^Cloudinary cannot .* \(status 401\)$/);
      const seen = inspect(error, { depth: 10, showHidden: true });
      expect(seen).not.toMatch(/not-the-secret-at-all|999999999999999/);
      expect(seen).not.toContain(at.standIn.apiKey);
      expect(seen).not.toContain(
        Buffer.from(`${at.standIn.apiKey}:`).toString("base64").slice(0, 12),
      );
    }
  });
});
