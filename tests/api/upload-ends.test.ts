import { once } from "node:events";
import { appendFile, readFile, stat } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { config } from "../../src/config/env";
import { startJobs } from "../../src/jobs";
import { Upload } from "../../src/models/upload.model";
import { Video } from "../../src/models/video.model";
import { api, origin, useApi } from "../support/api";
import { makeClip } from "../support/clips";
import { filesIn } from "../support/files";
import { newPerson } from "../support/people";
import { begin, create, metadata, piece, PIECE, progress, TUS } from "../support/tus";

useApi();

let token: string;
let clip: Buffer;

beforeAll(async () => {
  token = (await newPerson()).accessToken;
  clip = await readFile(await makeClip());
});

function idOf(path: string): string {
  return path.replace("/uploads/", "");
}

describe("an upload that was complete when its server died", () => {
  it("is published by the next HEAD", async () => {
    const path = await begin(token, clip.length, { title: "Late" });
    await piece(path, token, 0, clip.subarray(0, -1)).expect(204);
    // The last byte arrives, nothing else happens.
    await appendFile(join(config.dataDir, "resumable", idOf(path)), clip.subarray(-1));
    const replies = await Promise.all([1, 2, 3].map(() => progress(path, token).expect(200)));
    const [video] = new Set(replies.map(({ headers }) => headers["x-video-id"] as string));
    expect(await Video.find({ title: "Late" }).then((all) => all.map(({ id }) => id))).toEqual([
      video,
    ]);
  });
});

/** Sends the beginning of a piece over a connection that is cut when that has arrived. */
async function cutOff(method: string, path: string, lines: object, bytes: Buffer): Promise<void> {
  const socket = connect(Number(new URL(origin()).port), "127.0.0.1");
  await once(socket, "connect");
  const headers = Object.entries({
    ...{ Host: "x", Authorization: `Bearer ${token}`, ...TUS, ...lines },
    ...{ "Content-Type": PIECE, "Content-Length": clip.length },
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const before = await arrived();
  socket.write(`${method} /api/v1${path} HTTP/1.1\r\n${headers.join("")}\r\n`);
  socket.write(bytes);
  while ((await arrived()) < before + bytes.length) {
    /* each look waits for its answer */
  }
  socket.destroy();
}

/** Bytes of all unfinished uploads. */
async function arrived(): Promise<number> {
  const folder = join(config.dataDir, "resumable");
  const sizes = await Promise.all(
    (await filesIn("resumable")).map((name) => stat(join(folder, name)).then(({ size }) => size)),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe("a connection that is cut", () => {
  it("costs a piece nothing of what had arrived", async () => {
    const path = await begin(token, clip.length);
    await cutOff("PATCH", path, { "Upload-Offset": "0" }, clip.subarray(0, 5000));
    expect((await progress(path, token)).headers["upload-offset"]).toBe("5000");
    expect((await piece(path, token, 5000, clip.subarray(5000))).status).toBe(204);
  });

  it("takes an upload whose address its client has not got yet", async () => {
    const before = await filesIn("resumable");
    const announced = {
      "Upload-Length": clip.length,
      "Upload-Metadata": metadata({ title: "Lost" }),
    };
    await cutOff("POST", "/uploads", announced, clip.subarray(0, 5000));
    while ((await filesIn("resumable")).length > before.length) {
      /* each look waits for its answer */
    }
    expect(await Upload.countDocuments({ "announcement.fields.title": "Lost" })).toBe(0);
  });
});

describe("an upload's end", () => {
  it("comes by DELETE: its bytes go, and it is unknown from then on", async () => {
    const path = await begin(token, clip.length);
    await piece(path, token, 0, clip.subarray(0, 100)).expect(204);
    await api("delete", path, token).set(TUS).expect(204);
    await progress(path, token).expect(404);
    expect(await filesIn("resumable")).not.toContain(idOf(path));
  });

  it("comes by time: 410, then the clean-up takes it with its bytes, and no other", async () => {
    const [old, fresh] = [await begin(token, clip.length), await begin(token, clip.length)];
    await piece(old, token, 0, clip.subarray(0, 100)).expect(204);
    await Upload.updateOne({ _id: idOf(old) }, { expiresAt: new Date(Date.now() - 1000) });
    await progress(old, token).expect(410);
    expect((await piece(old, token, 100, clip.subarray(100))).body.code).toBe("UPLOAD_EXPIRED");

    await startJobs(0).stop();
    await progress(old, token).expect(404);
    const names = await filesIn("resumable");
    expect([names.includes(idOf(old)), names.includes(idOf(fresh))]).toEqual([false, true]);
  });

  it("comes with the account's", async () => {
    const { accessToken, password } = await newPerson();
    const path = await begin(accessToken, clip.length);
    await api("delete", "/users/current-user", accessToken).send({ password }).expect(200);
    await startJobs(0).stop();
    expect(await Upload.exists({ _id: idOf(path) })).toBeNull();
    expect(await filesIn("resumable")).not.toContain(idOf(path));
  });
});

describe("a browser on another origin", () => {
  const from = { Origin: "https://app.example.com" };

  it("may send what the protocol needs, and learns what is spoken here", async () => {
    const reply = await fetch(`${origin()}/api/v1/uploads`, {
      method: "OPTIONS",
      headers: {
        ...from,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "tus-resumable,upload-offset,content-type",
      },
    });
    expect(reply.status).toBe(204);
    const header = (name: string) => reply.headers.get(name);
    expect(header("access-control-allow-origin")).toBe(from.Origin);
    expect(header("access-control-allow-methods")).toContain("PATCH");
    expect(header("access-control-allow-headers")).toContain("upload-offset");
    expect(header("tus-version")).toBe("1.0.0");
    expect(header("tus-max-size")).toBe(String(config.limits.videoBytes));
    expect(header("tus-extension")).toContain("termination");
  });

  it("may read what the protocol answers", async () => {
    const { headers } = await create(token, 10).set(from).expect(201);
    const exposed = headers["access-control-expose-headers"];
    for (const name of ["Location", "Upload-Offset", "Upload-Length", "Tus-Resumable"]) {
      expect(exposed).toContain(name);
    }
    expect(headers["access-control-allow-origin"]).toBe(from.Origin);
  });
});
