import { createHash } from "node:crypto";
import { startCloudinaryStandIn, type CloudinaryStandIn } from "../support/cloudinary-stand-in";

interface Reply {
  error?: { message: string };
}

/** The storage tests mean something only if the stand-in refuses what Cloudinary refuses. */
describe("the Cloudinary stand-in", () => {
  let standIn: CloudinaryStandIn;

  beforeAll(async () => {
    standIn = await startCloudinaryStandIn();
  });

  afterAll(() => standIn.stop());

  const now = () => Math.floor(Date.now() / 1000);
  const sign = (params: string, algorithm = "sha1") =>
    createHash(algorithm)
      .update(params + standIn.apiSecret)
      .digest("hex");
  const post = async (fields: Record<string, string | number>, headers = {}) => {
    const form = new FormData();
    for (const [name, value] of Object.entries({ api_key: standIn.apiKey, ...fields })) {
      form.set(name, String(value));
    }
    form.set("file", new Blob(["content"]), "file");
    const url = `${standIn.origin}/v1_1/${standIn.cloudName}/image/upload`;
    const answer = await fetch(url, { method: "POST", body: form, headers });
    return { status: answer.status, body: (await answer.json()) as Reply };
  };

  it.each(["sha1", "sha256"])("takes an upload signed by hand with %s", async (algorithm) => {
    const timestamp = now();
    const signature = sign(`public_id=a&timestamp=${timestamp}`, algorithm);
    const { status, body } = await post({ public_id: "a", timestamp, signature });
    expect(status).toBe(200);
    expect(body).toMatchObject({ public_id: "a", bytes: 7, type: "upload" });
  });

  it("refuses a parameter that was not signed", async () => {
    const timestamp = now();
    const signature = sign(`public_id=b&timestamp=${timestamp}`);
    const answer = await post({ public_id: "b", timestamp, signature, overwrite: "true" });
    expect(answer.status).toBe(401);
    expect(answer.body.error?.message).toMatch(/^Invalid Signature/);
    expect(standIn.assets.has("image/upload/b")).toBe(false);
  });

  it("refuses a missing signature, another key and a request of yesterday", async () => {
    const yesterday = now() - 24 * 3600;
    const signature = sign(`public_id=c&timestamp=${yesterday}`);
    expect((await post({ public_id: "c", timestamp: now() })).status).toBe(401);
    expect((await post({ public_id: "c", timestamp: now(), api_key: "1" })).status).toBe(401);
    expect((await post({ public_id: "c", timestamp: yesterday, signature })).status).toBe(400);
  });

  it("refuses a chunk that is too small or does not fit its range", async () => {
    const timestamp = now();
    const signature = sign(`public_id=d&timestamp=${timestamp}`);
    for (const range of ["bytes 0-6/100", "bytes 0-9/10", "bytes 93-99/100", "0-6/7"]) {
      const headers = { "content-range": range, "x-unique-upload-id": range };
      const answer = await post({ public_id: "d", timestamp, signature }, headers);
      expect(answer.status).toBe(400);
    }
  });
});
