import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { PassThrough, pipeline, type Readable } from "node:stream";

export type Agent = http.Agent;

export interface HttpRequest {
  method: "GET" | "HEAD";
  headers?: Record<string, string>;
  agent: Agent;
  /** Milliseconds until the head of the answer. */
  timeout: number;
}

/** An agent for the address's protocol. */
export function createAgent(url: string, options: http.AgentOptions): Agent {
  return url.startsWith("http:") ? new http.Agent(options) : new https.Agent(options);
}

/** Sends a request without a body and resolves with the head of the answer; follows no redirect. */
export function send(url: string, { timeout, ...options }: HttpRequest): Promise<IncomingMessage> {
  const { request } = url.startsWith("http:") ? http : https;
  return new Promise((resolve, reject) => {
    const call = request(url, options, (answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
    const timer = setTimeout(() => call.destroy(timedOut()), timeout);
    call.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    call.end();
  });
}

/**
 * The answer's body, which fails when the other side sends nothing for `timeout` milliseconds. The
 * time a slow reader takes does not count: a paused player is no fault.
 */
export function bodyOf(answer: Readable, timeout: number): Readable {
  const body = new PassThrough();
  let timer: NodeJS.Timeout | undefined;
  const disarm = () => clearTimeout(timer);
  const arm = () => {
    disarm();
    timer = setTimeout(() => answer.destroy(timedOut()), timeout);
  };
  answer.on("data", arm).on("resume", arm).on("pause", disarm);
  pipeline(answer, body, disarm);
  return body;
}

/** The body as text, of an answer that has to be short. */
export async function textOf(answer: IncomingMessage, timeout: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of bodyOf(answer, timeout) as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > 65_536) {
      break;
    }
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** What the SDKs, too, call an answer that did not come in time. */
function timedOut(): Error {
  return Object.assign(new Error("No answer in time"), {
    name: "TimeoutError",
    code: "ETIMEDOUT",
  });
}
