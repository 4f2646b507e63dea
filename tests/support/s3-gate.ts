import { once } from "node:events";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import AsyncLock from "async-lock";
import { checkAwsSignature } from "./aws-signature";

export type S3Operation =
  | "put"
  | "create upload"
  | "put part"
  | "complete upload"
  | "abort upload"
  | "get"
  | "head"
  | "delete"
  | "head bucket";

/**
 * How an exchange goes wrong: a status with S3's error XML, its code given or of no meaning; no
 * answer at all; done, but the connection cut instead of an answer; half of an answer's body, then
 * the connection cut, or silence; a whole object where a range was asked for.
 */
export type S3Fault =
  number | { status: number; code: string } | "hang" | "lose answer" | "cut" | "stall" | "no range";

export interface Gate {
  /** The port of s3rver on loopback. */
  upstream: number;
  account: { accessKeyId: string; secretAccessKey: string };
  /** The sizes of the parts, by upload ID and part number. */
  openUploads: Map<string, Map<string, number>>;
  /** Keeps readers of an object waiting while it is written: s3rver would show them half of it. */
  lock: AsyncLock;
}

/** Stands before s3rver 3.7: see startS3Store. */
export function createGate(upstream: number, account: Gate["account"]): Gate {
  return { upstream, account, openUploads: new Map(), lock: new AsyncLock() };
}

const OPERATIONS: Record<string, [ofUpload: S3Operation, ofObject: S3Operation]> = {
  PUT: ["put part", "put"],
  POST: ["complete upload", "create upload"],
  DELETE: ["abort upload", "delete"],
};

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html */
export function operationOf(request: IncomingMessage): S3Operation {
  const { pathname, searchParams } = urlOf(request);
  if (request.method === "HEAD") {
    return pathname.split("/").filter(Boolean).length === 1 ? "head bucket" : "head";
  }
  const [ofUpload, ofObject] = OPERATIONS[request.method ?? ""] ?? ["get", "get"];
  return searchParams.has("uploadId") ? ofUpload : ofObject;
}

/** Answers a request, with a fault or without. */
export async function pass(
  gate: Gate,
  operation: S3Operation,
  fault: S3Fault | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (fault === "hang") {
    return; // The body is not read either: the sender feels the back-pressure.
  }
  const body = await buffer(request);
  const refusal = checkAwsSignature(request, body, gate.account);
  if (refusal) {
    return refuse(response, 403, refusal);
  }
  if (typeof fault === "number") {
    return refuse(response, fault, "StandInFault");
  }
  if (fault !== null && typeof fault === "object") {
    return refuse(response, fault.status, fault.code);
  }
  const uploadId = urlOf(request).searchParams.get("uploadId");
  if (uploadId !== null && !gate.openUploads.has(uploadId)) {
    return refuse(response, 404, "NoSuchUpload");
  }
  if (operation === "abort upload") {
    gate.openUploads.delete(uploadId ?? "");
    response.writeHead(204).end();
    return;
  }
  const given = await gate.lock.acquire(urlOf(request).pathname, () =>
    carryOut(gate, operation, request, body, fault === "no range"),
  );
  await reply(gate, operation, fault, request, response, given);
}

/** Lets s3rver do it; what was written is whole when this resolves. */
async function carryOut(
  gate: Gate,
  operation: S3Operation,
  request: IncomingMessage,
  body: Buffer,
  dropsRange: boolean,
): Promise<IncomingMessage> {
  const given = await forward(gate, request, body, dropsRange);
  const { pathname, searchParams } = urlOf(request);
  const uploadId = searchParams.get("uploadId") ?? "";
  const parts = gate.openUploads.get(uploadId);
  if (operation === "put") {
    await written(gate, pathname, body.length);
  }
  if (operation === "put part") {
    parts?.set(searchParams.get("partNumber") ?? "", body.length);
  }
  if (operation === "complete upload" && parts) {
    gate.openUploads.delete(uploadId);
    await written(
      gate,
      pathname,
      [...parts.values()].reduce((sum, size) => sum + size, 0),
    );
  }
  return given;
}

async function forward(
  { upstream }: Gate,
  request: IncomingMessage,
  body: Buffer,
  dropsRange: boolean,
): Promise<IncomingMessage> {
  const { method, url: path } = request;
  const { range, ...headers } = request.headers;
  const kept = range === undefined || dropsRange ? headers : { ...headers, range };
  const sent = http.request({ host: "127.0.0.1", port: upstream, method, path, headers: kept });
  sent.end(body);
  const [given] = (await once(sent, "response")) as [IncomingMessage];
  return given;
}

/** s3rver answers a little before the last bytes are in their file. */
async function written({ upstream }: Gate, path: string, size: number): Promise<void> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${upstream}${path}`, { method: "HEAD" });
    if (!answer.ok || Number(answer.headers.get("content-length")) === size) {
      return;
    }
  }
}

async function reply(
  gate: Gate,
  operation: S3Operation,
  fault: S3Fault | null,
  request: IncomingMessage,
  response: ServerResponse,
  given: IncomingMessage,
): Promise<void> {
  if (fault === "lose answer") {
    given.destroy();
    request.socket.destroy();
    return;
  }
  if (request.headers.range === "bytes=0-0" && given.statusCode === 206) {
    return sendFirstByte(given, response);
  }
  response.writeHead(given.statusCode ?? 0, given.headers);
  if (operation === "create upload") {
    const text = (await buffer(given)).toString();
    gate.openUploads.set(/<UploadId>(.+)<\/UploadId>/.exec(text)?.[1] ?? "", new Map());
    response.end(text);
    return;
  }
  if (fault === "cut" || fault === "stall") {
    return sendHalf(await buffer(given), fault, response);
  }
  response.once("close", () => given.destroy());
  given.pipe(response);
}

/** s3rver takes `bytes=0-0` for the whole object. */
async function sendFirstByte(given: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await buffer(given);
  const range = `bytes 0-0/${body.length}`;
  response.writeHead(206, { ...given.headers, "content-range": range, "content-length": 1 });
  response.end(body.subarray(0, 1));
}

function sendHalf(body: Buffer, fault: "cut" | "stall", response: ServerResponse): void {
  response.write(body.subarray(0, body.length / 2), () => {
    if (fault === "cut") {
      response.destroy();
    }
  });
}

function refuse(response: ServerResponse, status: number, code: string): void {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;
  response.writeHead(status, { "content-type": "application/xml", "content-length": body.length });
  response.end(body);
}

function urlOf({ url = "" }: IncomingMessage): URL {
  return new URL(url, "http://store");
}
