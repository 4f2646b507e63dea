import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { copyFile, open, readFile, rm, stat } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { Upload as TusUpload, type DetailedError, type UploadOptions } from "tus-js-client";
import { config } from "../../src/config/env";
import { Upload } from "../../src/models/upload.model";
import { Video } from "../../src/models/video.model";
import { origin, useApi } from "../support/api";
import { makeClip } from "../support/clips";
import { filesIn } from "../support/files";
import { newPerson, type Person } from "../support/people";
import { freePort, run, scratchFolder, type Program } from "../support/server";
import { begin, PIECE, TUS } from "../support/tus";

jest.setTimeout(240_000);

useApi();

const GB = 2 ** 30;

let port: number;
let server: Program;
let asha: Person;

/** A server, always at the same address, on this test's database and files. */
async function startServer(): Promise<void> {
  server = run("src/index.ts", {
    DATA_DIR: config.dataDir,
    MONGODB_URI: config.database.uri!,
    DB_NAME: config.database.name,
    PORT: String(port),
    MAX_VIDEO_SIZE: "2gb",
  });
  await server.printed(/API docs/);
}

function endpoint(): string {
  return `http://127.0.0.1:${port}/api/v1/uploads`;
}

beforeAll(async () => {
  port = await freePort();
  asha = await newPerson();
  await startServer();
});

afterAll(() => server.stop());

/** The official client in a process of its own. */
function client(path: string, url?: string): Program {
  const args = [endpoint(), asha.accessToken, path, ...(url === undefined ? [] : [url])];
  return run("tests/support/tus-client.ts", {}, args);
}

/** The official client in this process. Resolves with its last reply. */
function upload(bytes: Buffer, options: UploadOptions = {}) {
  return new Promise<{ video: string | undefined; url: string }>((resolve, reject) => {
    const task = new TusUpload(bytes, {
      endpoint: endpoint(),
      headers: { Authorization: `Bearer ${asha.accessToken}` },
      metadata: { title: "A walk" },
      retryDelays: null,
      onSuccess: ({ lastResponse }) =>
        resolve({ video: lastResponse.getHeader("X-Video-Id"), url: task.url! }),
      onError: reject,
      ...options,
    });
    task.start();
  });
}

/** A playable clip with a gigabyte behind it that players skip: a `free` box (ISO/IEC 14496-12, 8.1.2) of noise. */
async function largeClip(): Promise<string> {
  const path = join(scratchFolder(), "large.mp4");
  await copyFile(await makeClip({ faststart: true }), path);
  const file = await open(path, "a");
  const header = Buffer.from("\0\0\0\0free", "latin1");
  header.writeUInt32BE(GB + header.length);
  await file.write(header);
  const noise = createCipheriv("aes-128-ctr", randomBytes(16), randomBytes(16));
  const block = Buffer.alloc(GB / 64);
  for (let i = 0; i < 64; i++) {
    await file.write(noise.update(block));
  }
  await file.close();
  return path;
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return hash.digest("hex");
}

/** How far the server says that the upload has come. */
async function offsetOf(url: string): Promise<number> {
  const { headers } = await fetch(url, {
    method: "HEAD",
    headers: { Authorization: `Bearer ${asha.accessToken}`, "Tus-Resumable": "1.0.0" },
  });
  return Number(headers.get("upload-offset"));
}

function storedOffset(url: string): Promise<number> {
  const path = join(config.dataDir, "resumable", url.split("/").at(-1)!);
  return stat(path).then(({ size }) => size);
}

describe("tus-js-client", () => {
  it.each([
    ["in one piece", {}],
    ["along with the creation", { uploadDataDuringCreation: true }],
    ["in pieces", { chunkSize: 5000 }],
    ["without PATCH", { overridePatchMethod: true }],
  ])("uploads %s", async (_name, options) => {
    const bytes = await readFile(await makeClip());
    const { video } = await upload(bytes, options);
    const { title, videoFile, size } = (await Video.findById(video))!;
    expect({ title, size }).toEqual({ title: "A walk", size: bytes.length });
    expect(await readFile(join(config.dataDir, "media", videoFile))).toEqual(bytes);
  });

  it("hears why a file is refused", async () => {
    const failure = await upload(Buffer.from("<html>".repeat(100))).catch(
      (error: unknown) => error,
    );
    const { originalResponse } = failure as DetailedError;
    expect(originalResponse!.getStatus()).toBe(415);
    expect(JSON.parse(originalResponse!.getBody())).toMatchObject({ code: "MEDIA_UNSUPPORTED" });
  });

  it("finds a video when it resumes an upload whose last answer it has lost", async () => {
    const bytes = await readFile(await makeClip());
    const { video, url } = await upload(bytes);
    expect(await upload(bytes, { uploadUrl: url })).toEqual({ video, url });
  });

  it("terminates", async () => {
    const { url } = await upload(await readFile(await makeClip()));
    await TusUpload.terminate(url, { headers: { Authorization: `Bearer ${asha.accessToken}` } });
    expect(await Upload.exists({ _id: url.split("/").at(-1)! })).toBeNull();
  });
});

/** Sends a part of a piece to the server of this process, then nothing more, as a dead connection does. */
async function stall(path: string, bytes: Buffer, length: number): Promise<Socket> {
  const socket = connect(Number(new URL(origin()).port), "127.0.0.1");
  await once(socket, "connect");
  socket.write(
    `PATCH /api/v1${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${asha.accessToken}\r\n` +
      `Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: ${PIECE}\r\n` +
      `Content-Length: ${length}\r\n\r\n`,
  );
  socket.write(bytes);
  while ((await storedOffset(path)) < bytes.length) {
    /* each look waits for its answer */
  }
  return socket;
}

describe("a piece whose client is gone without a word", () => {
  it.each([
    ["the same process", () => `${origin()}/api/v1`],
    ["another process", () => endpoint().replace("/uploads", "")],
  ])("lets the next request go on, through %s", async (_name, base) => {
    const clip = await readFile(await makeClip());
    const path = await begin(asha.accessToken, clip.length);
    const socket = await stall(path, clip.subarray(0, 1000), clip.length);
    expect(await offsetOf(base() + path)).toBe(1000);
    const reply = await fetch(base() + path, {
      method: "PATCH",
      headers: {
        ...{ Authorization: `Bearer ${asha.accessToken}`, ...TUS },
        ...{ "Upload-Offset": "1000", "Content-Type": PIECE },
      },
      body: new Uint8Array(clip.subarray(1000)),
    });
    expect(reply.status).toBe(204);
    const { videoFile } = (await Video.findById(reply.headers.get("x-video-id")))!;
    expect(await readFile(join(config.dataDir, "media", videoFile))).toEqual(clip);
    socket.destroy();
  });
});

it("1 GB arrives byte for byte although SIGKILL takes the client and, twice, the server", async () => {
  const path = await largeClip();
  const first = client(path);
  const url = (await first.printed(/^url /)).slice("url ".length);
  await first.printed(/^sent [4-9]/);
  await first.stop("SIGKILL");
  await server.stop("SIGKILL");
  const arrived = await storedOffset(url);
  expect(arrived).toBeGreaterThan(0);
  await startServer();
  expect(await offsetOf(url)).toBe(arrived);

  const second = client(path, url);
  await second.printed(/^sent (1[0-5])/);
  await server.stop("SIGKILL");
  await startServer();
  const [, video] = /^video (.*)$/.exec(await second.printed(/^(video|failed) /)) ?? [];
  expect(second.output).not.toContain("failed");

  const { videoFile, size } = (await Video.findById(video))!;
  expect(size).toBe((await stat(path)).size);
  const stored = join(config.dataDir, "media", videoFile);
  expect(await sha256(stored)).toBe(await sha256(path));
  expect(await filesIn("resumable")).toEqual([]);
  await rm(path);
});
