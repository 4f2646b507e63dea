import { readFile } from "node:fs/promises";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { origin, useApi } from "../support/api";
import { makeClip } from "../support/clips";
import { mediaPath } from "../support/files";
import { newPerson } from "../support/people";
import { publish } from "../support/videos";

useApi();

let path: string;
let avatarPath: string;
let clip: Buffer;

beforeAll(async () => {
  const asha = await newPerson();
  path = mediaPath((await publish(asha)).videoFile);
  clip = await readFile(await makeClip());
  const reply = await fetch(`${origin()}/api/v1/users/c/${asha.username}`);
  avatarPath = mediaPath(((await reply.json()) as { data: { avatar: string } }).data.avatar);
});

interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** fetch adds cache headers of its own to conditional requests; this sends what it is given. */
function get(headers: Record<string, string> = {}, method = "GET", target = path): Promise<Reply> {
  return new Promise((resolve, reject) => {
    httpRequest(`${origin()}/api/v1${target}`, { method, headers }, (res) => {
      const chunks: Buffer[] = [];
      res.on("data", (chunk: Buffer) => chunks.push(chunk));
      res.on("end", () =>
        resolve({ status: res.statusCode!, headers: res.headers, body: Buffer.concat(chunks) }),
      );
    })
      .on("error", reject)
      .end();
  });
}

describe("media files", () => {
  it("are served whole, with a strong ETag and headers that keep them from running", async () => {
    const { status, headers, body } = await get();
    expect(status).toBe(200);
    expect(body).toEqual(clip);
    expect(headers).toMatchObject({
      "content-type": "video/mp4",
      "content-length": String(clip.length),
      "accept-ranges": "bytes",
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; sandbox",
      "cross-origin-resource-policy": "cross-origin",
    });
    expect(headers.etag).toMatch(/^"[0-9a-f]{32}"$/);
  });

  it("answer HEAD with the same headers and no body", async () => {
    const { status, headers, body } = await get({ range: "bytes=0-1" }, "HEAD");
    expect(status).toBe(200);
    expect(headers["content-length"]).toBe(String(clip.length));
    expect(body).toHaveLength(0);
  });

  it("answer 206 with the asked bytes", async () => {
    const last = clip.length - 1;
    for (const [range, start, end] of [
      ["bytes=0-0", 0, 0],
      ["bytes=100-199", 100, 199],
      ["bytes=100-", 100, last],
      ["bytes=-10", last - 9, last],
      [`bytes=0-${last + 1000}`, 0, last],
      [`bytes=-${clip.length + 5}`, 0, last],
    ] as const) {
      const { status, headers, body } = await get({ range });
      expect(status).toBe(206);
      expect(headers["content-range"]).toBe(`bytes ${start}-${end}/${clip.length}`);
      expect(headers["content-length"]).toBe(String(end - start + 1));
      expect(body).toEqual(clip.subarray(start, end + 1));
    }
  });

  it("answer 416 with the size for bytes behind the end", async () => {
    const { length } = clip;
    for (const range of [`bytes=${length}-`, `bytes=${length + 5}-${length + 9}`, "bytes=-0"]) {
      const { status, headers, body } = await get({ range });
      expect(status).toBe(416);
      expect(headers["content-range"]).toBe(`bytes */${clip.length}`);
      expect(JSON.parse(body.toString())).toMatchObject({ code: "RANGE_NOT_SATISFIABLE" });
    }
  });

  it("leave nothing that is true of the file on a refusal, which no cache may keep", async () => {
    const { headers: ofFile } = await get();
    const { headers } = await get({ range: "bytes=99999999-" });
    expect(headers["content-type"]).toMatch(/^application\/json/);
    expect(headers["cache-control"]).toBeUndefined();
    expect(headers.etag).not.toBe(ofFile.etag);
  });

  it("answer the whole for ranges that make no sense and for many at once", async () => {
    const many = `bytes=${Array.from({ length: 300 }, (_, i) => `${i * 3}-${i * 3}`).join(",")}`;
    for (const range of ["bytes=5-1", "bytes=x-y", "bytes=-", "lines=0-1", "bytes", many]) {
      const { status, body } = await get({ range });
      expect(status).toBe(200);
      expect(body).toHaveLength(clip.length);
    }
  });

  it("answer 304 to If-None-Match of the same tag", async () => {
    const etag = (await get()).headers.etag!;
    expect((await get({ "if-none-match": etag })).status).toBe(304);
    expect((await get({ "if-none-match": `W/${etag}` })).status).toBe(304);
    expect((await get({ "if-none-match": "*" })).status).toBe(304);
    expect((await get({ "if-none-match": `"other", ${etag}` })).status).toBe(304);
    expect((await get({ "if-none-match": etag, "cache-control": "no-cache" })).status).toBe(304);
    expect((await get({ "if-none-match": '"other"' })).status).toBe(200);
    expect((await get({ "if-none-match": etag, range: "bytes=0-1" })).status).toBe(304);
  });

  it("obey If-Range by strong comparison", async () => {
    const etag = (await get()).headers.etag!;
    const ranged = (value: string) => get({ range: "bytes=0-9", "if-range": value });
    expect((await ranged(etag)).status).toBe(206);
    expect((await ranged(`W/${etag}`)).status).toBe(200);
    expect((await ranged('"other"')).status).toBe(200);
    expect((await ranged("Wed, 21 Oct 2015 07:28:00 GMT")).status).toBe(200);
  });

  it("may be kept for ever: another file has another address", async () => {
    const forever = "public, max-age=31536000, immutable";
    expect((await get()).headers["cache-control"]).toBe(forever);
    expect((await get({}, "GET", avatarPath)).headers["cache-control"]).toBe(forever);
  });

  it.each([
    "/media/videos/../../secrets.json",
    "/media/videos/%2e%2e/%2e%2e/secrets.json",
    `/media/videos/${"0".repeat(24)}/${"0".repeat(32)}.mp4`,
    "/media/users/x/y",
    "/media/%00",
    "/media/videos",
  ])("are not found anywhere else: %s", async (target) => {
    const { status } = await get({}, "GET", target);
    expect([400, 404]).toContain(status);
  });

  it("are found under their own video only", async () => {
    const other = path.replace(/videos\/[0-9a-f]{24}/, `videos/${"0".repeat(24)}`);
    expect((await get({}, "GET", other)).status).toBe(404);
  });
});
