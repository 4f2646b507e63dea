/** An account of Cloudinary and how to reach it. The names in brackets are Cloudinary's own. */
export interface CloudinaryStorageOptions {
  /** [cloud_name] */
  cloudName: string;
  /** [api_key] */
  apiKey: string;
  /** [api_secret] */
  apiSecret: string;
  /** [upload_prefix] Origin of the API; `https://api.cloudinary.com` when left out. */
  uploadPrefix?: string;
  /** [secure] Whether objects are delivered over https; true when left out. */
  secure?: boolean;
  /** [secure_distribution] Host of https delivery. */
  secureDistribution?: string;
  /** [cname] Host of http delivery, used when `secure` is false. */
  cname?: string;
  /** [private_cdn] Whether the delivery host is the account's own and omits the cloud name. */
  privateCdn?: boolean;
  /** [signature_algorithm] `sha1` when left out, as Cloudinary has it. */
  signatureAlgorithm?: "sha1" | "sha256";
  /**
   * Milliseconds without a byte moving after which an attempt is given up; 120,000. A read waits
   * 20,000 at most, a call of the Admin API 10,000.
   */
  timeout?: number;
  /** Attempts in all for a call that failed for a passing reason; 4. */
  attempts?: number;
  /** Milliseconds; the bound of the first pause between attempts; 250. */
  retryDelay?: number;
  /** Bytes. A larger file is sent in chunks of this size; 20,000,000. Cloudinary wants 5 MB or more. */
  chunkSize?: number;
}

const FORM = "cloudinary://<api_key>:<api_secret>@<cloud_name>";

/**
 * Reads a CLOUDINARY_URL as Cloudinary documents it: `cloudinary://key:secret@cloud`, a private
 * delivery host as path, further settings as query (`upload_prefix`, `secure`, `cname`,
 * `secure_distribution`, `private_cdn`, `signature_algorithm`). The SDK's own reading keeps
 * `secure=false` as a text, which counts as true, and ends in a global. Throws a TypeError that
 * does not repeat the address.
 */
export function parseCloudinaryUrl(url: string): CloudinaryStorageOptions {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed?.protocol !== "cloudinary:") {
    throw new TypeError(`The Cloudinary URL must look like ${FORM}`);
  }
  const cloudName = parsed.hostname;
  const apiKey = decodeURIComponent(parsed.username);
  const apiSecret = decodeURIComponent(parsed.password);
  if (!cloudName || !apiKey || !apiSecret) {
    throw new TypeError(`The Cloudinary URL must name a key, a secret and a cloud: ${FORM}`);
  }
  return { cloudName, apiKey, apiSecret, ...readHost(parsed), ...readQuery(parsed.searchParams) };
}

function readHost({ pathname }: URL): Partial<CloudinaryStorageOptions> {
  const host = pathname.slice(1);
  return host ? { privateCdn: true, secureDistribution: host } : {};
}

function readQuery(query: URLSearchParams): Partial<CloudinaryStorageOptions> {
  const all = {
    uploadPrefix: query.get("upload_prefix") ?? undefined,
    secure: readBoolean(query, "secure"),
    secureDistribution: query.get("secure_distribution") ?? undefined,
    cname: query.get("cname") ?? undefined,
    privateCdn: readBoolean(query, "private_cdn"),
    signatureAlgorithm: readAlgorithm(query),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function readBoolean(query: URLSearchParams, name: string): boolean | undefined {
  const value = query.get(name);
  if (value !== null && value !== "true" && value !== "false") {
    throw new TypeError(`${name} in the Cloudinary URL must be true or false`);
  }
  return value === null ? undefined : value === "true";
}

function readAlgorithm(query: URLSearchParams): "sha1" | "sha256" | undefined {
  const value = query.get("signature_algorithm") ?? undefined;
  if (value !== undefined && value !== "sha1" && value !== "sha256") {
    throw new TypeError("signature_algorithm in the Cloudinary URL must be sha1 or sha256");
  }
  return value;
}
