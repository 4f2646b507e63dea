import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { config } from "../../src/config/env";
import { Upload } from "../../src/models/upload.model";
import { Video } from "../../src/models/video.model";
import { api, useApi } from "../support/api";
import { makeClip } from "../support/clips";
import { filesIn, mediaPath } from "../support/files";
import { ask } from "../support/keep-alive";
import { newPerson, type Person } from "../support/people";
import { needSignIn } from "../support/rules";
import { begin, create, metadata, piece, PIECE, progress, TUS } from "../support/tus";

useApi();

let asha: Person;
let ravi: Person;
let token: string;
let clip: Buffer;

beforeAll(async () => {
  [asha, ravi] = [await newPerson(), await newPerson()];
  token = asha.accessToken;
  clip = await readFile(await makeClip());
});

const NO_UPLOAD = `/uploads/${"0".repeat(32)}`;

function idOf(path: string): string {
  return path.replace("/uploads/", "");
}

/** Uploads the bytes in two pieces; answers the last reply. */
async function send(bytes: Buffer, pairs: Record<string, string> = {}) {
  const path = await begin(token, bytes.length, pairs);
  const half = Math.floor(bytes.length / 2);
  await piece(path, token, 0, bytes.subarray(0, half)).expect(204);
  return { path, reply: await piece(path, token, half, bytes.subarray(half)) };
}

describe("the callers of /uploads", () => {
  needSignIn([
    ["post", "/uploads"],
    ["patch", NO_UPLOAD],
    ["delete", NO_UPLOAD],
  ]);

  it("are refused from another site with cookies alone", async () => {
    const { body } = await api("post", "/uploads")
      .set({ ...TUS, Cookie: `accessToken=${token}`, Origin: "https://evil.example" })
      .expect(403);
    expect(body.code).toBe("CROSS_SITE_REQUEST");
  });

  it("know nothing of someone else's upload: 404 as for none", async () => {
    const path = await begin(token, clip.length);
    for (const other of [path, NO_UPLOAD]) {
      await progress(other, ravi.accessToken).expect(404);
      const patch = await piece(other, ravi.accessToken, 0, clip).expect(404);
      const removal = await api("delete", other, ravi.accessToken).set(TUS).expect(404);
      expect([patch.body.code, removal.body.code]).toEqual([
        "UPLOAD_NOT_FOUND",
        "UPLOAD_NOT_FOUND",
      ]);
    }
    const { headers } = await progress(path, token).expect(200);
    expect(headers["upload-offset"]).toBe("0");
  });
});

describe("POST /uploads", () => {
  it.each([
    ["no title", metadata({ description: "x" }), "title"],
    ["nothing", undefined, "title"],
    ["a title that is too long", metadata({ title: "x".repeat(201) }), "title"],
    ["no Base64", "title %%%", "Upload-Metadata"],
    ["a key twice", "title QQ==,title QQ==", "Upload-Metadata"],
    ["no boolean", metadata({ title: "A", isPublished: "perhaps" }), "isPublished"],
  ])("answers 400 to metadata with %s", async (_name, header, path) => {
    const request = api("post", "/uploads", token).set(TUS).set("Upload-Length", "10");
    const { body } = await (header ? request.set("Upload-Metadata", header) : request).expect(400);
    expect(body).toMatchObject({ code: "VALIDATION_FAILED", errors: [{ path }] });
  });

  it.each([undefined, "-1", "1.5", "much", "1e3", ""])(
    "answers 400 to Upload-Length %p",
    async (length) => {
      const request = api("post", "/uploads", token)
        .set({ ...TUS, "Upload-Defer-Length": "1" })
        .set("Upload-Metadata", metadata({ title: "A" }));
      const { body } = await (
        length === undefined ? request : request.set("Upload-Length", length)
      ).expect(400);
      expect(body.errors).toMatchObject([{ path: "Upload-Length" }]);
    },
  );

  it("answers 400 to the parts of a parallel upload", async () => {
    const { body } = await create(token, 10).set("Upload-Concat", "partial").expect(400);
    expect(body.errors).toMatchObject([{ path: "Upload-Concat" }]);
  });

  it("answers 412 to another version of the protocol, with the one it speaks", async () => {
    for (const version of ["0.2.2", ""]) {
      const reply = await create(token, 10).set("Tus-Resumable", version).expect(412);
      expect(reply.body.code).toBe("TUS_VERSION_UNSUPPORTED");
      expect(reply.headers["tus-version"]).toBe("1.0.0");
    }
  });

  it("answers 413 to a length over the limit, before a byte is sent", async () => {
    const { body } = await create(token, config.limits.videoBytes + 1).expect(413);
    expect(body.code).toBe("FILE_TOO_LARGE");
    await begin(token, config.limits.videoBytes);
  });

  it("refuses an empty file as the multipart route does, and keeps nothing of it", async () => {
    const before = await Upload.countDocuments();
    const { body } = await create(token, 0).expect(400);
    expect(body.code).toBe("MEDIA_EMPTY");
    expect(await Upload.countDocuments()).toBe(before);
  });

  it("tells where the upload is and when it expires", async () => {
    const { body, headers } = await create(token, 10).expect(201);
    expect(headers.location).toBe(`/api/v1/uploads/${body.data._id}`);
    expect(headers["tus-resumable"]).toBe("1.0.0");
    const expires = new Date(headers["upload-expires"]!).getTime() - Date.now();
    expect(Math.abs(expires - config.limits.uploadExpiry)).toBeLessThan(60_000);
    expect(body.data).toMatchObject({ offset: 0, size: 10, video: null });
  });

  it("takes the whole file along with the creation", async () => {
    const reply = await create(token, clip.length).type(PIECE).send(clip).expect(201);
    expect(reply.headers["upload-offset"]).toBe(String(clip.length));
    expect(reply.body.data.video).toBe(reply.headers["x-video-id"]);
    await api("get", `/videos/${reply.body.data.video}`).expect(200);
  });
});

describe("HEAD /uploads/:uploadId", () => {
  it("tells offset, length and the metadata as sent, without keys that mean nothing", async () => {
    const sent = { title: "Ein Gruß", tags: "a,b", filename: "x.mp4", path: "/etc/passwd" };
    const path = await begin(token, clip.length, sent);
    await piece(path, token, 0, clip.subarray(0, 100)).expect(204);
    const { headers } = await progress(path, token).expect(200);
    expect(headers["upload-offset"]).toBe("100");
    expect(headers["upload-length"]).toBe(String(clip.length));
    expect(headers["upload-metadata"]).toBe(metadata({ title: "Ein Gruß", tags: "a,b" }));
    expect(headers["cache-control"]).toBe("no-store");
    expect(headers["x-video-id"]).toBeUndefined();
    await progress(path, token).type(PIECE).expect(200);
  });
});

describe("PATCH /uploads/:uploadId", () => {
  it("answers 409 to any offset but the upload's own, and writes nothing", async () => {
    const path = await begin(token, clip.length);
    await piece(path, token, 0, clip.subarray(0, 100)).expect(204);
    for (const offset of [0, 99, 101, clip.length]) {
      const { body } = await piece(path, token, offset, clip.subarray(100, 110)).expect(409);
      expect(body.code).toBe("UPLOAD_OFFSET_CONFLICT");
    }
    expect((await progress(path, token)).headers["upload-offset"]).toBe("100");
  });

  it("lets a connection go on behind a piece that it has refused", async () => {
    const path = await begin(token, config.limits.videoBytes);
    for (const bytes of [1, 200_000, 200_000]) {
      const body = Buffer.alloc(bytes);
      const headers = { ...TUS, "Upload-Offset": "7", "Content-Type": PIECE };
      const reply = await ask({ method: "patch", path, token, headers, body });
      expect([reply.status, reply.headers.connection]).toEqual([409, "keep-alive"]);
    }
  });

  it("answers 400 without an offset and 415 to another type of body", async () => {
    const path = await begin(token, clip.length);
    const without = api("patch", path, token).set(TUS).type(PIECE).send(clip);
    expect((await without.expect(400)).body.errors).toMatchObject([{ path: "Upload-Offset" }]);
    for (const type of ["application/json", "video/mp4", "multipart/form-data; boundary=x"]) {
      const { body } = await piece(path, token, 0, Buffer.from("{}")).type(type).expect(415);
      expect(body.code).toBe("UNSUPPORTED_MEDIA_TYPE");
    }
  });

  it("answers 423 while a request on another machine holds the upload, and takes over when it falls silent", async () => {
    const path = await begin(token, clip.length);
    const holder = { host: "elsewhere", pid: 1, run: "1", token: "1", isWanted: false };
    const hold = (until: Date) =>
      Upload.updateOne({ _id: idOf(path) }, { $set: { lock: { ...holder, until } } });
    await hold(new Date(Date.now() + 60_000));
    const { body, headers } = await piece(path, token, 0, clip).expect(423);
    expect([body.code, headers["retry-after"]]).toEqual(["UPLOAD_LOCKED", "2"]);
    expect((await Upload.findById(idOf(path)))!.lock!.isWanted).toBe(true);

    await hold(new Date());
    await piece(path, token, 0, clip).expect(204);
  });

  it("answers 413 to more bytes than were announced", async () => {
    const path = await begin(token, 10);
    const { body } = await piece(path, token, 0, Buffer.alloc(11)).expect(413);
    expect(body.code).toBe("FILE_TOO_LARGE");
    expect((await progress(path, token)).headers["upload-offset"]).toBe("0");
  });

  it("publishes what has arrived whole, byte for byte, with what the metadata said", async () => {
    const pairs = { title: "By parts", description: "", tags: "Jaipur,walk", isPublished: "false" };
    const { path, reply } = await send(clip, pairs);
    expect([reply.status, reply.text]).toEqual([204, ""]);
    const { body } = await api("get", `/videos/${reply.headers["x-video-id"]}`, token).expect(200);
    expect(body.data).toMatchObject({
      ...{ title: "By parts", description: "", tags: ["jaipur", "walk"], isPublished: false },
      owner: { _id: asha._id },
    });
    const file = await api("get", mediaPath(body.data.videoFile), token).buffer();
    const hash = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
    expect(hash(file.body as Buffer)).toBe(hash(clip));
    expect(await filesIn("resumable")).not.toContain(idOf(path));
  });

  it("publishes once, however often a lost answer is asked for", async () => {
    const { path, reply } = await send(clip, { title: "Once" });
    const video = reply.headers["x-video-id"];
    const again = await Promise.all([
      ...[1, 2, 3].map(() => progress(path, token).expect(200)),
      ...[1, 2, 3].map(() => piece(path, token, clip.length, Buffer.alloc(0)).expect(204)),
    ]);
    for (const { headers } of again) {
      expect(headers).toMatchObject({ "upload-offset": String(clip.length), "x-video-id": video });
    }
    expect(await Video.countDocuments({ title: "Once" })).toBe(1);
    await api("delete", `/videos/${video}`, token).expect(200);
    await progress(path, token).expect(200);
    expect(await Video.countDocuments({ title: "Once" })).toBe(0);
  });

  it.each([
    ["MEDIA_UNSUPPORTED", 415, () => Buffer.from("<html>".repeat(100))],
    ["MEDIA_INCOMPLETE", 422, () => clip.subarray(0, clip.length - 100)],
  ])("answers %s as the multipart route does and leaves nothing", async (code, status, bytes) => {
    const { path, reply } = await send(bytes());
    expect({ status: reply.status, code: reply.body.code }).toEqual({ status, code });
    await progress(path, token).expect(404);
    expect(await filesIn("resumable")).not.toContain(idOf(path));
  });
});
