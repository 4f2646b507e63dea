import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** What a store answers to a request that it does not accept: a code of S3's, with its status 403. */
export type SignatureRefusal =
  | "AccessDenied"
  | "InvalidAccessKeyId"
  | "SignatureDoesNotMatch"
  | "RequestTimeTooSkewed"
  | "XAmzContentSHA256Mismatch";

interface Signed {
  /** `<access key id>/<day>/<region>/s3/aws4_request` */
  credential: string;
  signedHeaders: string;
  signature: string;
  date: string;
  payloadHash: string;
  query: [string, string][];
}

const SKEW = 15 * 60 * 1000;

/**
 * Checks a signature of version 4, in the Authorization header or, for a presigned address, in the
 * query. Written after Amazon's documents, not after the SDK:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 */
export function checkAwsSignature(
  request: IncomingMessage,
  body: Buffer,
  account: { accessKeyId: string; secretAccessKey: string },
): SignatureRefusal | null {
  const url = new URL(request.url ?? "", "http://store");
  const expires = url.searchParams.get("X-Amz-Expires");
  const signed = expires === null ? inHeader(request, url) : inQuery(url);
  if (!signed) {
    return "AccessDenied";
  }
  const [accessKeyId, ...scope] = signed.credential.split("/");
  if (accessKeyId !== account.accessKeyId) {
    return "InvalidAccessKeyId";
  }
  const key = scope.reduce(
    (secret: string | Buffer, part) => hmac(secret, part),
    `AWS4${account.secretAccessKey}`,
  );
  const text = ["AWS4-HMAC-SHA256", signed.date, scope.join("/"), canonical(request, url, signed)];
  if (!isSame(hmac(key, text.join("\n")).toString("hex"), signed.signature)) {
    return "SignatureDoesNotMatch";
  }
  return checkTime(signed.date, expires) ?? checkBody(signed.payloadHash, body);
}

function inHeader(request: IncomingMessage, url: URL): Signed | null {
  const found =
    /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)$/.exec(
      request.headers.authorization ?? "",
    );
  const [, credential = "", signedHeaders = "", signature = ""] = found ?? [];
  const date = String(request.headers["x-amz-date"]);
  const payloadHash = String(request.headers["x-amz-content-sha256"]);
  const query = [...url.searchParams];
  return found && { credential, signedHeaders, signature, date, payloadHash, query };
}

function inQuery(url: URL): Signed {
  const value = (name: string) => url.searchParams.get(name) ?? "";
  return {
    credential: value("X-Amz-Credential"),
    signedHeaders: value("X-Amz-SignedHeaders"),
    signature: value("X-Amz-Signature"),
    date: value("X-Amz-Date"),
    payloadHash: "UNSIGNED-PAYLOAD",
    query: [...url.searchParams].filter(([name]) => name !== "X-Amz-Signature"),
  };
}

/** The hash of the canonical request. */
function canonical(request: IncomingMessage, url: URL, signed: Signed): string {
  const headers = signed.signedHeaders
    .split(";")
    .map((name) => `${name}:${String(request.headers[name] ?? "").trim()}\n`);
  const query = signed.query
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
  const lines = [
    request.method,
    url.pathname.split("/").map(decodeURIComponent).map(encode).join("/"),
    query,
    headers.join(""),
    signed.signedHeaders,
    signed.payloadHash,
  ];
  return sha256(lines.join("\n"));
}

function checkTime(date: string, expires: string | null): SignatureRefusal | null {
  const signedAt = Date.parse(
    date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"),
  );
  const age = Date.now() - signedAt;
  if (expires === null) {
    return Math.abs(age) < SKEW ? null : "RequestTimeTooSkewed";
  }
  return age < Number(expires) * 1000 ? null : "AccessDenied";
}

function checkBody(payloadHash: string, body: Buffer): SignatureRefusal | null {
  return payloadHash === "UNSIGNED-PAYLOAD" || payloadHash === sha256(body)
    ? null
    : "XAmzContentSHA256Mismatch";
}

/** RFC 3986, with its unreserved characters as the only ones that stay. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function sha256(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
