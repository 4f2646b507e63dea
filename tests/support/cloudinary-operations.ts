import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import {
  apiPath,
  checkBasic,
  checkSignature,
  deliveryFailure,
  deliverySignature,
  failure,
  json,
  parseMultipart,
  type Account,
  type Answer,
  type StandInAsset,
} from "./cloudinary-protocol";

/** "Each chunk must be larger than 5mb except the last one." */
const SMALLEST_CHUNK = 5 * 1024 * 1024;
const CONTENT_TYPES: Record<string, string> = {
  mp4: "video/mp4",
  webm: "video/webm",
  webp: "image/webp",
  png: "image/png",
  jpg: "image/jpeg",
};

/** https://cloudinary.com/documentation/image_upload_api_reference#upload */
export function upload(account: Account, request: IncomingMessage, body: Buffer): Answer {
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
export function explicit(account: Account, request: IncomingMessage, body: Buffer): Answer {
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
export function destroy(account: Account, request: IncomingMessage, body: Buffer): Answer {
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
export function ping(account: Account, request: IncomingMessage): Answer {
  return checkBasic(account, request) ?? json(200, { status: "ok" });
}

/** https://cloudinary.com/documentation/admin_api#get_details_of_a_single_resource_by_public_id */
export function resource(account: Account, request: IncomingMessage): Answer {
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
export function delivery(account: Account, request: IncomingMessage): Answer {
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

function etagOf({ body }: StandInAsset): string {
  return createHash("md5").update(body).digest("hex");
}
