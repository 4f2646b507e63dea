import { createReadStream, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { request, type IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import { once } from "node:events";
import { SPAWNED, type Spawned } from "./command-lines";
import { ask, post, serve, type BenchServer } from "./server";

const LIMITS = { MAX_VIDEO_SIZE: "2gb", MAX_CONCURRENT_UPLOADS: "10" };

/** A server with a user of it who is signed in, and the programs that it has started. */
export interface Subject extends BenchServer {
  token: string;
  folder: string;
  spawned: Spawned[];
}

/** Starts a server that processes so many videos at once, in a new folder. */
export async function openSubject(folder: string, concurrency: number): Promise<Subject> {
  await mkdir(folder);
  const spawned: Spawned[] = [];
  const hook = `--require ${require.resolve("ts-node/register")} --require ${require.resolve("./spawned")}`;
  const env = { ...LIMITS, PROCESSING_CONCURRENCY: String(concurrency), NODE_OPTIONS: hook };
  const server = await serve(folder, env, (line) => {
    if (line.startsWith(SPAWNED)) {
      spawned.push(JSON.parse(line.slice(SPAWNED.length)) as Spawned);
    }
  });
  const credentials = { username: "bench", password: "watch and learn" };
  const body = new FormData();
  const fields = { ...credentials, fullName: "Bench", email: "bench@example.com" };
  Object.entries(fields).forEach(([name, value]) => body.set(name, value));
  body.set("avatar", new Blob([PIXEL]), "avatar.png");
  await ask(`${server.url}/users/register`, { method: "POST", body });
  const session = (await post(`${server.url}/users/login`, undefined, credentials)) as {
    accessToken: string;
  };
  return { ...server, token: session.accessToken, folder, spawned };
}

/** A picture of one pixel. */
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

/** What the reply says of the video that was made. */
export interface Published {
  _id: string;
  createdAt: string;
}

/** Uploads a video as one multipart body. */
export async function publish({ url, token }: Subject, file: string): Promise<Published> {
  const reply = await sendFile(`${url}/videos`, file, { Authorization: `Bearer ${token}` });
  const { data, message } = JSON.parse(reply) as { data: Published | null; message: string };
  if (data === null) {
    throw new Error(`an upload was refused: ${message}`);
  }
  return data;
}

const BOUNDARY = "bench-boundary";
const HEAD = [
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="title"\r\n\r\nBench\r\n`,
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="videoFile"; filename="a.mp4"\r\n`,
  "Content-Type: video/mp4\r\n\r\n",
].join("");
const TAIL = `\r\n--${BOUNDARY}--\r\n`;

/** Sends the same bytes to whomever; resolves with the reply's body. */
export async function sendFile(
  url: string,
  file: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const sending = request(url, {
    method: "POST",
    headers: {
      ...headers,
      "Content-Type": `multipart/form-data; boundary=${BOUNDARY}`,
      "Content-Length": HEAD.length + statSync(file).size + TAIL.length,
    },
  });
  const replied = once(sending, "response") as Promise<[IncomingMessage]>;
  sending.write(HEAD);
  await Promise.all([replied, sendBody(sending, file)]);
  const [reply] = await replied;
  let text = "";
  for await (const chunk of reply.setEncoding("utf8")) {
    text += String(chunk);
  }
  return text;
}

async function sendBody(sending: NodeJS.WritableStream, file: string): Promise<void> {
  await pipeline(createReadStream(file, { highWaterMark: 2 ** 20 }), sending, { end: false });
  sending.end(TAIL);
}

/** Resolves when the video's processing has ended. */
export async function processed({ url, token }: Subject, { _id }: Published): Promise<void> {
  const headers = { Authorization: `Bearer ${token}` };
  const events = await fetch(`${url}/videos/${_id}/processing/events`, { headers });
  // The stream ends behind the last state.
  const text = await events.text();
  if (!text.trimEnd().split("\n").at(-1)?.startsWith('data: {"state":"ready"')) {
    throw new Error("a video was not processed");
  }
}
