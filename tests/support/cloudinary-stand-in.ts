import { createHash, randomBytes } from "node:crypto";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { deriveStream, type DerivedFiles } from "./cloudinary-streams";

/** What the stand-in keeps of an upload. */
interface StandInAsset {
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

export type StandInOperation = "upload" | "explicit" | "destroy" | "ping" | "resource" | "delivery";

/**
 * How an exchange goes wrong: a status with Cloudinary's error JSON; no answer at all; 200 with a
 * page of HTML or with JSON of another kind; done, but the connection cut instead of an answer; done
 * with half of the file; half of a delivery, then the connection cut, or silence.
 */
export type StandInFault =
  | 400
  | 401
  | 420
  | 429
  | 500
  | 503
  | "hang"
  | "html"
  | "wrong JSON"
  | "lose answer"
  | "store half"
  | "cut"
  | "stall";

interface StandInRequest {
  operation: StandInOperation;
  /** The path and query. */
  target: string;
  headers: http.IncomingHttpHeaders;
}

export interface CloudinaryStandIn {
  origin: string;
  cloudName: string;
  apiKey: string;
  apiSecret: string;
  /** A CLOUDINARY_URL that leads here, API and delivery both. */
  url: string;
  /** By `<resource type>/<type>/<public id>`. */
  assets: Map<string, StandInAsset>;
  /** Every request so far, the failed ones included. */
  requests: StandInRequest[];
  /** Lets the next requests of the operation fail, one by one in this order; null lets one pass. */
  failNext(operation: StandInOperation, ...faults: (StandInFault | null)[]): void;
  /** Ends the work on the streams ordered so far: they are there, or it failed and nobody is told. */
  finishStreams(outcome: "made" | "failed"): void;
  stop(): Promise<void>;
}

interface Answer {
  status: number;
  headers?: http.OutgoingHttpHeaders;
  body: Buffer | string;
}

interface Multipart {
  fields: Record<string, string>;
  file: Buffer | null;
}

const HOUR = 3600;
/** "Each chunk must be larger than 5mb except the last one." */
const SMALLEST_CHUNK = 5 * 1024 * 1024;
const CONTENT_TYPES: Record<string, string> = {
  mp4: "video/mp4",
  webm: "video/webm",
  webp: "image/webp",
  png: "image/png",
  jpg: "image/jpeg",
};

/**
 * A small Cloudinary on loopback, over plain http: signed uploads, whole and chunked, destroy, ping
 * and resource of the API, and the delivery of public and authenticated assets. It follows
 * Cloudinary's documents, not the SDK, and refuses what they say is refused. It stores any bytes
 * and transforms nothing. A strict account takes signatures of SHA-256 only.
 */
export async function startCloudinaryStandIn({
  isStrict = false,
} = {}): Promise<CloudinaryStandIn> {
  const cloudName = "stand-in";
  const apiKey = "123456789012345";
  const apiSecret = randomBytes(20).toString("base64url");
  const assets = new Map<string, StandInAsset>();
  const requests: StandInRequest[] = [];
  const faults = new Map<StandInOperation, (StandInFault | null)[]>();
  const uploads = new Map<string, Upload>();
  const account = { cloudName, apiKey, apiSecret, isStrict, assets, uploads };

  const server = http.createServer((request, response) => {
    const operation = operationOf(request);
    requests.push({ operation, target: request.url ?? "", headers: request.headers });
    const fault = faults.get(operation)?.shift();
    handle(account, operation, fault, request, response).catch((error: unknown) => {
      reply(request, response, failure(500, String(error)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const query = `upload_prefix=http://${host}&secure=false&cname=${host}`;

  return {
    origin: `http://${host}`,
    cloudName,
    apiKey,
    apiSecret,
    url: `cloudinary://${apiKey}:${apiSecret}@${cloudName}?${query}`,
    assets,
    requests,
    failNext(operation, ...next) {
      faults.set(operation, [...(faults.get(operation) ?? []), ...next]);
    },
    finishStreams(outcome) {
      for (const asset of [...assets.values()].filter(({ isOrdered }) => isOrdered)) {
        asset.isOrdered = false;
        if (outcome === "made") {
          asset.derived = deriveStream({ cloudName, publicId: asset.publicId }, (source) =>
            deliverySignature(source, account),
          );
        }
      }
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Upload {
  total: number;
  parts: Map<number, Buffer>;
}

interface Account {
  cloudName: string;
  apiKey: string;
  apiSecret: string;
  /** Whether the account is limited to signatures of SHA-256. */
  isStrict: boolean;
  assets: Map<string, StandInAsset>;
  uploads: Map<string, Upload>;
  storesHalf?: boolean;
}

function operationOf({ url = "" }: IncomingMessage): StandInOperation {
  const [, version, , ...rest] = url.split("?")[0]!.split("/");
  if (version !== "v1_1") {
    return "delivery";
  }
  const word = rest[0] === "ping" ? "ping" : rest[0] === "resources" ? "resource" : rest[1];
  return word === "explicit" || word === "destroy" || word === "ping" || word === "resource"
    ? word
    : "upload";
}

async function handle(
  account: Account,
  operation: StandInOperation,
  fault: StandInFault | null | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (fault === "hang") {
    return; // The body is not read either: the sender feels the back-pressure.
  }
  const body = await read(request);
  if (typeof fault === "number") {
    return reply(request, response, failure(fault, `Stand-in fault ${fault}`));
  }
  if (fault === "html" || fault === "wrong JSON") {
    const text = fault === "html" ? "<html>Welcome to the airport</html>" : '{"status":"fine"}';
    return reply(request, response, { status: 200, body: text });
  }
  const faulty = { ...account, storesHalf: fault === "store half" };
  const answer = OPERATIONS[operation](faulty, request, body);
  if (fault === "lose answer") {
    return void request.socket.destroy();
  }
  if (fault === "cut" || fault === "stall") {
    return sendHalf(answer, fault, response);
  }
  reply(request, response, answer);
}

const OPERATIONS: Record<
  StandInOperation,
  (account: Account, request: IncomingMessage, body: Buffer) => Answer
> = { upload, explicit, destroy, ping, resource, delivery };

/** https://cloudinary.com/documentation/image_upload_api_reference#upload */
function upload(account: Account, request: IncomingMessage, body: Buffer): Answer {
  const { fields, file } = parseMultipart(request, body);
  const refusal = checkSignature(account, fields);
  if (refusal) {
    return refusal;
  }
  if (!file || !fields.public_id) {
    return failure(400, "Missing required parameter - file");
  }
  const range = request.headers["content-range"];
  const whole = range === undefined ? file : join(account, request, range, file);
  if (!Buffer.isBuffer(whole)) {
    return whole;
  }
  const kept = account.storesHalf ? whole.subarray(0, whole.length / 2) : whole;
  return store(account, request, fields, kept);
}

/** https://cloudinary.com/documentation/upload_images#chunked_asset_upload */
function join(
  { uploads }: Account,
  request: IncomingMessage,
  range: string,
  part: Buffer,
): Buffer | Answer {
  const [, start = NaN, end = NaN, total = NaN] =
    /^bytes (\d+)-(\d+)\/(-?\d+)$/.exec(range)?.map(Number) ?? [];
  const id = String(request.headers["x-unique-upload-id"] ?? "");
  if (!id || end - start + 1 !== part.length) {
    return failure(400, `Invalid Content-Range header: ${range}`);
  }
  const isLast = end + 1 === total;
  if (!isLast && part.length < SMALLEST_CHUNK) {
    return failure(400, "All parts except EOF-chunk must be larger than 5mb");
  }
  const known = uploads.get(id) ?? { total, parts: new Map<number, Buffer>() };
  uploads.set(id, known);
  known.parts.set(start, part);
  if (!isLast) {
    return json(200, { done: false, kind: "upload", bytes: part.length });
  }
  uploads.delete(id);
  const parts = [...known.parts].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
  const whole = Buffer.concat(parts);
  return whole.length === total ? whole : failure(400, "Chunks are missing");
}

function store(
  { assets, cloudName }: Account,
  request: IncomingMessage,
  fields: Record<string, string>,
  body: Buffer,
): Answer {
  const [resourceType = ""] = apiPath(request);
  const { public_id: publicId = "", type = "upload", overwrite } = fields;
  const id = `${resourceType}/${type}/${publicId}`;
  const existing = ["false", "0"].includes(overwrite ?? "") ? assets.get(id) : undefined;
  const version = Math.floor(Date.now() / 1000);
  const format = resourceType === "raw" ? "" : formatOf(body);
  const asset = existing ?? { publicId, resourceType, type, format, version, body };
  assets.set(id, asset);
  const name = resourceType === "raw" ? publicId : `${publicId}.${asset.format}`;
  const path = `/${cloudName}/${resourceType}/${type}/v${asset.version}/${name}`;
  return json(200, {
    asset_id: createHash("md5").update(id).digest("hex"),
    public_id: publicId,
    version: asset.version,
    resource_type: resourceType,
    type,
    ...(resourceType !== "raw" && { format: asset.format }),
    bytes: asset.body.length,
    created_at: new Date().toISOString(),
    etag: etagOf(asset),
    url: `http://${request.headers.host}${path}`,
    secure_url: `https://${request.headers.host}${path}`,
    ...(existing && { existing: true }),
  });
}

/** https://cloudinary.com/documentation/image_upload_api_reference#explicit */
function explicit(account: Account, request: IncomingMessage, body: Buffer): Answer {
  const { fields } = parseMultipart(request, body);
  const refusal = checkSignature(account, fields);
  if (refusal) {
    return refusal;
  }
  const [resourceType = ""] = apiPath(request);
  const { public_id: publicId, type, eager, eager_async: isAsync } = fields;
  const asset = account.assets.get(`${resourceType}/${type}/${publicId}`);
  if (!asset) {
    return failure(404, `Resource not found - ${publicId}`);
  }
  if (eager !== "sp_full_hd/m3u8" || !["1", "true"].includes(isAsync ?? "")) {
    return failure(400, `Invalid transformation - ${eager}`);
  }
  asset.isOrdered = true;
  const status = { status: "processing", batch_id: randomBytes(16).toString("hex") };
  return json(200, { public_id: publicId, resource_type: resourceType, type, eager: [status] });
}

function formatOf(body: Buffer): string {
  return body.toString("latin1", 4, 8) === "ftyp" ? "mp4" : "webp";
}

/** https://cloudinary.com/documentation/image_upload_api_reference#destroy */
function destroy(account: Account, request: IncomingMessage, body: Buffer): Answer {
  const { fields } = parseMultipart(request, body);
  const refusal = checkSignature(account, fields);
  if (refusal) {
    return refusal;
  }
  const [resourceType] = apiPath(request);
  const id = `${resourceType}/${fields.type ?? "upload"}/${fields.public_id}`;
  return json(200, { result: account.assets.delete(id) ? "ok" : "not found" });
}

/** https://cloudinary.com/documentation/admin_api#ping */
function ping(account: Account, request: IncomingMessage): Answer {
  return checkBasic(account, request) ?? json(200, { status: "ok" });
}

/** https://cloudinary.com/documentation/admin_api#get_details_of_a_single_resource_by_public_id */
function resource(account: Account, request: IncomingMessage): Answer {
  const [, resourceType, type, ...rest] = apiPath(request);
  const publicId = rest.join("/");
  const asset = account.assets.get(`${resourceType}/${type}/${publicId}`);
  const found = asset && {
    public_id: publicId,
    resource_type: resourceType,
    type,
    format: asset.format,
    version: asset.version,
    bytes: asset.body.length,
    derived: [...(asset.derived?.keys() ?? [])]
      .filter((source) => source.startsWith("sp_"))
      .map((source) => ({ transformation: `${source.split("/")[0]}/m3u8`, format: "m3u8" })),
  };
  return (
    checkBasic(account, request) ??
    (found ? json(200, found) : failure(404, `Resource not found - ${publicId}`))
  );
}

/**
 * https://cloudinary.com/documentation/delivery_url_signatures and, for the types of delivery,
 * https://cloudinary.com/documentation/control_access_to_media
 */
function delivery(account: Account, request: IncomingMessage): Answer {
  const path = decodeURIComponent((request.url ?? "").split("?")[0]!);
  const found = /^\/([^/]+)\/(\w+)\/(\w+)\/(?:s--([\w-]+)--\/)?(?:v\d+\/)?(.+)\.(\w+)$/.exec(path);
  const [, cloud, resourceType, type, signature, publicId, format = ""] = found ?? [];
  if (cloud !== account.cloudName || request.headers.host === undefined) {
    return deliveryFailure(404, "Unknown cloud");
  }
  const source = `${publicId}.${format}`.replace(/\/v\d+\//, "/");
  const signed = signature === deliverySignature(source, account);
  if (signature === undefined ? type !== "upload" : !signed) {
    return deliveryFailure(401, "Missing or wrong signature");
  }
  // The public ID of a raw asset has the extension in it.
  const id = resourceType === "raw" ? `${publicId}.${format}` : publicId;
  const asset = account.assets.get(`${resourceType}/${type}/${id}`);
  if (asset) {
    return sendRange(asset, format, request.headers.range);
  }
  const original = [...account.assets.values()].find(({ derived }) => derived?.has(source));
  const body = original?.derived?.get(source);
  return original && body && `${resourceType}/${type}` === "video/authenticated"
    ? sendRange({ ...original, body }, format, request.headers.range)
    : deliveryFailure(404, `Resource not found - ${publicId}`);
}

/** A digest of the public ID with its extension and the secret: base64 for URLs, 8 characters. */
function deliverySignature(source: string, { apiSecret, isStrict }: Account): string {
  return createHash(isStrict ? "sha256" : "sha1")
    .update(source + apiSecret)
    .digest("base64url")
    .slice(0, 8);
}

function sendRange({ body, ...asset }: StandInAsset, format: string, range?: string): Answer {
  const headers = {
    "content-type": CONTENT_TYPES[format] ?? "application/octet-stream",
    "accept-ranges": "bytes",
    etag: `"${etagOf({ ...asset, body })}"`,
  };
  if (range === undefined) {
    return { status: 200, headers, body };
  }
  const [, first = NaN, last = NaN] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
  const start = Number(first);
  const end = Math.min(last === "" ? Infinity : Number(last), body.length - 1);
  if (!(start <= end)) {
    const unsatisfied = { "content-range": `bytes */${body.length}` };
    return { status: 416, headers: unsatisfied, body: "" };
  }
  const given = { ...headers, "content-range": `bytes ${start}-${end}/${body.length}` };
  return { status: 206, headers: given, body: body.subarray(start, end + 1) };
}

/**
 * https://cloudinary.com/documentation/authentication_signatures: every parameter except file,
 * cloud_name, resource_type and api_key, sorted by name, joined as a query, followed by the secret,
 * as SHA-1 or SHA-256 in hexadecimal. An `&` inside a value may be written %26.
 */
function checkSignature(account: Account, fields: Record<string, string>): Answer | null {
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

function checkBasic(account: Account, request: IncomingMessage): Answer | null {
  const expected = Buffer.from(`${account.apiKey}:${account.apiSecret}`).toString("base64");
  return request.headers.authorization === `Basic ${expected}`
    ? null
    : failure(401, "Invalid credentials");
}

/** The segments after `/v1_1/<cloud>/`. */
function apiPath({ url = "" }: IncomingMessage): string[] {
  return url.split("?")[0]!.split("/").slice(3).map(decodeURIComponent);
}

/** RFC 7578, as far as uploads need it. */
function parseMultipart(request: IncomingMessage, body: Buffer): Multipart {
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

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function json(status: number, value: object): Answer {
  const headers = { "content-type": "application/json; charset=utf-8" };
  return { status, headers, body: JSON.stringify(value) };
}

function failure(status: number, message: string): Answer {
  return json(status, { error: { message } });
}

function deliveryFailure(status: number, message: string): Answer {
  return { status, headers: { "x-cld-error": message }, body: "" };
}

function etagOf({ body }: StandInAsset): string {
  return createHash("md5").update(body).digest("hex");
}

function reply(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, { ...answer.headers, "content-length": body.length });
  response.end(request.method === "HEAD" ? undefined : body);
}

function sendHalf(answer: Answer, fault: "cut" | "stall", response: ServerResponse): void {
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, { ...answer.headers, "content-length": body.length });
  response.write(body.subarray(0, body.length / 2), () => {
    if (fault === "cut") {
      response.destroy();
    }
  });
}
