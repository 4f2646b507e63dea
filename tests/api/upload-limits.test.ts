import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { promisify } from "node:util";
import { config } from "../../src/config/env";
import { api, origin, useApi } from "../support/api";
import { filesIn } from "../support/files";
import { newPerson, png, type Person } from "../support/people";

useApi();

const MB = 1024 * 1024;
/** What may be underway beyond a limit: the kernel's and our own buffers. */
const SLACK = 16 * MB;

let asha: Person;

beforeAll(async () => {
  asha = await newPerson();
});

interface Outcome {
  status: number;
  code: string;
  /** Body bytes that the server's side of the connection took off us. */
  accepted: number;
}

/** Pushes a body without end over a raw socket until the server has answered and hung up. */
async function pushForever(path: string, headers: Record<string, string>): Promise<Outcome> {
  const { hostname, port } = new URL(origin());
  const socket = connect(Number(port), hostname);
  let reply = "";
  socket.on("data", (chunk: Buffer) => (reply += chunk.toString()));
  socket.on("error", () => undefined);
  await once(socket, "connect");
  const lines = Object.entries({ Host: "x", ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.write(`POST /api/v1${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
  const chunked = headers["Transfer-Encoding"] === "chunked";
  frame(socket, chunked, Buffer.from(PART));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const filler = Buffer.alloc(256 * 1024, "x");
  const push = () => {
    while (!socket.destroyed && frame(socket, chunked, filler)) {
      /* until the socket's buffer is full */
    }
  };
  socket.on("drain", push);
  push();
  await closed;
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(reply)?.[1]);
  const code = String(/"code":"(\w+)"/.exec(reply)?.[1]);
  return { status, code, accepted: socket.bytesWritten - socket.writableLength };
}

const PART =
  '--b\r\nContent-Disposition: form-data; name="videoFile"; filename="a.mp4"\r\nContent-Type: video/mp4\r\n\r\n';

function frame(socket: Socket, chunked: boolean, data: Buffer): boolean {
  if (!chunked) {
    return socket.write(data);
  }
  socket.write(`${data.length.toString(16)}\r\n`);
  socket.write(data);
  return socket.write("\r\n");
}

const multipart = { "Content-Type": "multipart/form-data; boundary=b" };

describe("limits of uploads", () => {
  it("refuse a declared 2 GB at once", async () => {
    const { status, accepted } = await pushForever("/videos", {
      ...multipart,
      Authorization: `Bearer ${asha.accessToken}`,
      "Content-Length": String(2 * 1024 * MB),
    });
    expect(status).toBe(413);
    expect(accepted).toBeLessThan(SLACK);
  });

  it("stop a body of unknown length at about the limit", async () => {
    const { status, accepted } = await pushForever("/videos", {
      ...multipart,
      Authorization: `Bearer ${asha.accessToken}`,
      "Transfer-Encoding": "chunked",
    });
    expect(status).toBe(413);
    expect(accepted).toBeLessThan(config.limits.videoBytes + config.limits.imageBytes + SLACK);
    expect(await filesIn("uploads")).toEqual([]);
  });

  it("hold on routes that take text only", async () => {
    const { status, accepted } = await pushForever("/users/login", {
      ...multipart,
      "Transfer-Encoding": "chunked",
    });
    expect(status).toBe(413);
    expect(accepted).toBeLessThan(SLACK);
  });

  it("never receive an upload that nobody may make", async () => {
    const bodies: Record<string, string>[] = [
      { "Content-Length": String(90 * MB) },
      { "Transfer-Encoding": "chunked" },
    ];
    for (const headers of bodies) {
      const { status, accepted } = await pushForever("/videos", { ...multipart, ...headers });
      expect(status).toBe(401);
      expect(accepted).toBeLessThan(SLACK);
    }
  });

  it("let a refused client that closes its connection send a small body to the end", async () => {
    const { hostname, port } = new URL(origin());
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    let reply = "";
    socket.on("data", (chunk: Buffer) => (reply += chunk.toString()));
    const head = ["POST /api/v1/videos HTTP/1.1", "Host: x", "Connection: close"];
    const body = ["Content-Type: multipart/form-data; boundary=b", `Content-Length: ${2 * 1024}`];
    socket.write(`${[...head, ...body].join("\r\n")}\r\n\r\n`);
    while (!reply.endsWith("}")) {
      await once(socket, "data");
    }
    // Were the connection closed already, the first piece would be answered by a reset.
    const written = promisify<Buffer, void>((piece, done) => socket.write(piece, done));
    await written(Buffer.alloc(1024, "x"));
    await written(Buffer.alloc(1024, "x"));
    await once(socket, "end");
    socket.end();
    expect(reply).toMatch(/^HTTP\/1\.1 401 .*"code":"UNAUTHENTICATED"/s);
  });

  it("refuse a JSON body over 100 kB", async () => {
    const { body } = await api("post", "/users/login")
      .send({ username: "x".repeat(200_000) })
      .expect(413);
    expect(body.code).toBe("PAYLOAD_TOO_LARGE");
  });

  it("refuse an image over its own limit in a body within the whole limit", async () => {
    const large = Buffer.concat([await png(), Buffer.alloc(config.limits.imageBytes)]);
    const { body } = await api("patch", "/users/avatar", asha.accessToken)
      .attach("avatar", large, "a.png")
      .expect(413);
    expect(body.code).toBe("FILE_TOO_LARGE");
  });

  it.each([
    ["too many fields", 101, "f"],
    ["a deep field name", 1, `a${"[b]".repeat(50)}`],
    ["a huge array index", 1, "a[4000000]"],
    ["a very long field name", 1, "x".repeat(500)],
  ])("answer 400 to %s", async (_name, times, name) => {
    const request = api("patch", "/users/update-account", asha.accessToken);
    for (let i = 0; i < times; i++) {
      void request.field(times > 1 ? `${name}${i}` : name, "1");
    }
    await request.expect(400);
  });

  it.each([
    ["=", ""],
    ["='", ""],
    ['="', "x".repeat(60_000)],
    [" b", "x".repeat(60_000)],
  ])("answer 400 where the boundary is written %s", async (boundary, rest) => {
    const { body } = await api("patch", "/users/update-account", asha.accessToken)
      .set("Content-Type", `multipart/form-data; boundary${boundary}`)
      .send(`--b\r\n\r\n${rest}`)
      .expect(400);
    expect(body.code).toBe("INVALID_MULTIPART");
  });

  it("take no prototype from a field name", async () => {
    await api("patch", "/users/update-account", asha.accessToken)
      .field("__proto__[isAdmin]", "1")
      .field("fullName", "Fine");
    expect(({} as Record<string, unknown>).isAdmin).toBeUndefined();
  });
});
