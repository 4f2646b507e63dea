import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { v2 as sdk, type UploadApiOptions } from "cloudinary";
import { failureOf, failureOfAnswer, failureOfStatus } from "./cloudinary.failure";
import type { CloudinaryStorageOptions } from "./cloudinary.options";
import { createAgent, send, textOf, type Agent } from "./http";
import type { ByteRange } from "../../utils/byte-range";

/** How Cloudinary names one object. */
export interface Asset {
  publicId: string;
  /** The extension, or undefined for a raw object, which has it in its public ID. */
  format: string | undefined;
  resourceType: "image" | "video" | "raw";
  type: "upload" | "authenticated";
  /** What is derived from the object, in Cloudinary's own words; the object itself when left out. */
  transformation?: string;
}

/** Something derived from an object, such as `sp_full_hd/m3u8`; fields as Cloudinary names them. */
export interface Derived {
  transformation?: unknown;
  format?: unknown;
}

/** A piece of a file larger than one request should be. */
export interface Chunk extends ByteRange {
  uploadId: string;
  total: number;
}

const ADMIN_TIMEOUT = 10_000;
const API = "https://api.cloudinary.com";

export type CloudinaryApi = ReturnType<typeof createCloudinaryApi>;

/** The calls of Cloudinary's API, once each, without repetition. They reject with CloudinaryFailure. */
export function createCloudinaryApi(options: CloudinaryStorageOptions, timeout: number) {
  const { cloudName, apiKey, apiSecret, signatureAlgorithm } = options;
  const secrets = [apiSecret, apiKey];
  const origin = options.uploadPrefix ?? API;
  forgetGlobalConfiguration();

  /** The SDK knows no deadline; destroying the call's own agent ends whatever hangs on it. */
  const call = async <T>(
    work: (shared: UploadApiOptions) => Promise<T>,
    limit = timeout,
  ): Promise<T> => {
    const agent = createAgent(origin, {});
    try {
      return await work({
        cloud_name: cloudName,
        api_key: apiKey,
        api_secret: apiSecret,
        signature_algorithm: signatureAlgorithm,
        upload_prefix: origin,
        agent,
        timeout: limit,
      });
    } catch (thrown) {
      throw failureOf(thrown, secrets);
    } finally {
      agent.destroy();
    }
  };

  /**
   * Asks the Admin API. Not by way of the SDK, whose calls of it have no time-out and end the
   * process when the answer is `null`.
   */
  const ask = (path: string): Promise<string> => {
    const limit = Math.min(timeout, ADMIN_TIMEOUT);
    const credentials = Buffer.from(`${apiKey}:${apiSecret}`).toString("base64");
    return call(async ({ agent }) => {
      const answer = await send(`${origin}/v1_1/${encodeURIComponent(cloudName)}/${path}`, {
        method: "GET",
        headers: { authorization: `Basic ${credentials}` },
        agent: agent as Agent,
        timeout: limit,
      });
      const text = await textOf(answer, limit);
      if (answer.statusCode !== 200) {
        const status = answer.statusCode ?? 0;
        throw failureOfStatus(status, `The API answered with status ${status}`);
      }
      return text;
    });
  };

  return {
    /**
     * Sends a file, or one chunk of it, straight from the disk. Sending the same object again
     * replaces it, so a lost answer makes no second one. Resolves with the unexamined answer.
     */
    upload(asset: Asset, path: string, chunk?: Chunk): Promise<unknown> {
      return call((shared) => streamUp(path, { ...shared, ...uploadOptions(asset, chunk) }, chunk));
    },

    /**
     * Orders derivations of the object, made later, as `eager` with `eager_async`:
     * https://cloudinary.com/documentation/image_upload_api_reference#explicit
     */
    async derive(asset: Asset, eager: NonNullable<UploadApiOptions["eager"]>): Promise<void> {
      const answer: unknown = await call((shared) =>
        sdk.uploader.explicit(asset.publicId, {
          ...shared,
          resource_type: asset.resourceType,
          type: asset.type,
          eager,
          eager_async: true,
        }),
      );
      const { public_id } = Object(answer) as { public_id?: unknown };
      if (public_id !== asset.publicId) {
        throw failureOfAnswer("The answer to an order does not describe the object");
      }
    },

    /**
     * The finished derivations of the object:
     * https://cloudinary.com/documentation/admin_api#get_details_of_a_single_resource_by_public_id
     */
    async derived({ resourceType, type, publicId }: Asset): Promise<Derived[]> {
      const path = [resourceType, type, ...publicId.split("/")].map(encodeURIComponent).join("/");
      const text = await ask(`resources/${path}`);
      const { derived } = Object(parseJson(text)) as { derived?: unknown };
      if (!Array.isArray(derived)) {
        throw failureOfAnswer("The answer does not tell what is derived from the object");
      }
      return derived as Derived[];
    },

    /** Deletes the object, also from the delivery network's caches. */
    async destroy(asset: Asset, limit = timeout): Promise<void> {
      const answer: unknown = await call(
        (shared) =>
          sdk.uploader.destroy(asset.publicId, {
            ...shared,
            resource_type: asset.resourceType,
            type: asset.type,
            invalidate: true,
          }),
        limit,
      );
      const { result } = Object(answer) as { result?: unknown };
      if (result !== "ok" && result !== "not found") {
        throw failureOfAnswer("The answer to a deletion is not of the documented form");
      }
    },

    /** Asks whether the API answers and the credentials are right. */
    async ping(): Promise<void> {
      const { status } = Object(parseJson(await ask("ping"))) as { status?: unknown };
      if (status !== "ok") {
        throw failureOfAnswer("The answer to a ping is not of the documented form");
      }
    },
  };
}

/**
 * Loading the SDK copies CLOUDINARY_URL into a global which every call falls back to. It is emptied
 * so that nothing but the options of one instance decides what that instance does.
 */
function forgetGlobalConfiguration(): void {
  const shared = sdk.config() as Record<string, unknown>;
  for (const key of Object.keys(shared)) {
    delete shared[key];
  }
}

function uploadOptions(asset: Asset, chunk?: Chunk): UploadApiOptions {
  const common = {
    public_id: asset.publicId,
    resource_type: asset.resourceType,
    type: asset.type,
    overwrite: true,
    invalidate: true,
  };
  return chunk
    ? {
        ...common,
        x_unique_upload_id: chunk.uploadId,
        content_range: `bytes ${chunk.start}-${chunk.end}/${chunk.total}`,
      }
    : common;
}

/** The SDK's own chunked upload gathers every chunk in memory; its streaming upload does not. */
async function streamUp(
  path: string,
  options: UploadApiOptions,
  range?: ByteRange,
): Promise<unknown> {
  const abort = new AbortController();
  try {
    return await new Promise((resolve, reject) => {
      const source = createReadStream(path, range && { start: range.start, end: range.end });
      const sink = sdk.uploader.upload_stream(options, (error, answer) => {
        if (error) {
          // The SDK rejects with plain objects; `failureOf` makes errors of them.
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
          reject(error);
        } else {
          resolve(answer);
        }
      });
      pipeline(source, sink, { signal: abort.signal }).catch(reject);
    });
  } finally {
    abort.abort();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw failureOfAnswer("The API answered with something else than JSON");
  }
}
