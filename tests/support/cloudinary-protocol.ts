import { createHash } from "node:crypto";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { DerivedFiles } from "./cloudinary-streams";

/** What the stand-in keeps of an upload. */
export interface StandInAsset {
  publicId: string;
  resourceType: string;
  type: string;
  format: string;
  version: number;
  body: Buffer;
  /** Whether an ordered stream waits to be made. */
  isOrdered?: boolean;
  /** The files of the stream. */
  derived?: DerivedFiles;
}

interface Upload {
  total: number;
  parts: Map<number, Buffer>;
}

export interface Account {
  cloudName: string;
  apiKey: string;
  apiSecret: string;
  /** Whether the account is limited to signatures of SHA-256. */
  isStrict: boolean;
  assets: Map<string, StandInAsset>;
  uploads: Map<string, Upload>;
  storesHalf?: boolean;
}

export interface Answer {
  status: number;
  headers?: OutgoingHttpHeaders;
  body: Buffer | string;
}

interface Multipart {
  fields: Record<string, string>;
  file: Buffer | null;
}

const HOUR = 3600;

/** A digest of the public ID with its extension and the secret: base64 for URLs, 8 characters. */
export function deliverySignature(source: string, { apiSecret, isStrict }: Account): string {
  return createHash(isStrict ? "sha256" : "sha1")
    .update(source + apiSecret)
    .digest("base64url")
    .slice(0, 8);
}

/**
 * https://cloudinary.com/documentation/authentication_signatures: every parameter except file,
 * cloud_name, resource_type and api_key, sorted by name, joined as a query, followed by the secret,
 * as SHA-1 or SHA-256 in hexadecimal. An `&` inside a value may be written %26.
 */
export function checkSignature(account: Account, fields: Record<string, string>): Answer | null {
  const { signature = "", api_key: key, timestamp = "", ...others } = fields;
  const signed = Object.entries({ ...others, timestamp })
    .filter(([name]) => !["file", "cloud_name", "resource_type"].includes(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const forms = [(text: string) => text, (text: string) => text.replaceAll("&", "%26")];
  const texts = forms.map((form) => signed.map(([k, v]) => form(`${k}=${v}`)).join("&"));
  const algorithm = account.isStrict || signature.length === 64 ? "sha256" : "sha1";
  const digest = (text: string) =>
    createHash(algorithm)
      .update(text + account.apiSecret)
      .digest("hex");
  if (key !== account.apiKey) {
    return failure(401, `Unknown API key ${key}`);
  }
  if (!texts.some((text) => digest(text) === signature)) {
    return failure(401, `Invalid Signature ${signature}. String to sign - '${texts[0]}'.`);
  }
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) < HOUR)) {
    return failure(400, `Stale request - reported time is ${timestamp}`);
  }
  return null;
}

export function checkBasic(account: Account, request: IncomingMessage): Answer | null {
  const expected = Buffer.from(`${account.apiKey}:${account.apiSecret}`).toString("base64");
  return request.headers.authorization === `Basic ${expected}`
    ? null
    : failure(401, "Invalid credentials");
}

/** The segments after `/v1_1/<cloud>/`. */
export function apiPath({ url = "" }: IncomingMessage): string[] {
  return url.split("?")[0]!.split("/").slice(3).map(decodeURIComponent);
}

/** RFC 7578, as far as uploads need it. */
export function parseMultipart(request: IncomingMessage, body: Buffer): Multipart {
  const boundary = /boundary=(.+)$/.exec(request.headers["content-type"] ?? "")?.[1];
  const result: Multipart = { fields: {}, file: null };
  const mark = Buffer.from(`--${boundary}`);
  let start = body.indexOf(mark);
  for (;;) {
    const end = body.indexOf(mark, start + mark.length);
    if (start < 0 || end < 0) {
      return result;
    }
    addPart(result, body.subarray(start + mark.length + 2, end - 2));
    start = end;
  }
}

function addPart(result: Multipart, part: Buffer): void {
  const headEnd = part.indexOf("\r\n\r\n");
  const head = part.toString("utf8", 0, headEnd);
  const content = part.subarray(headEnd + 4);
  const name = /name="([^"]*)"/.exec(head)?.[1] ?? "";
  if (name === "file") {
    result.file = Buffer.from(content);
  } else {
    result.fields[name] = content.toString("utf8");
  }
}

export function json(status: number, value: object): Answer {
  const headers = { "content-type": "application/json; charset=utf-8" };
  return { status, headers, body: JSON.stringify(value) };
}

export function failure(status: number, message: string): Answer {
  return json(status, { error: { message } });
}

export function deliveryFailure(status: number, message: string): Answer {
  return { status, headers: { "x-cld-error": message }, body: "" };
}
