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
}

/** A piece of a file larger than one request should be. */
export interface Chunk extends ByteRange {
  uploadId: string;
  total: number;
}

const API = "https://api.cloudinary.com";

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

  return {
    /**
     * Sends a file, or one chunk of it, straight from the disk. Sending the same object again
     * replaces it, so a lost answer makes no second one. Resolves with the unexamined answer.
     */
    upload(asset: Asset, path: string, chunk?: Chunk): Promise<unknown> {
      return call((shared) => streamUp(path, { ...shared, ...uploadOptions(asset, chunk) }, chunk));
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

    /**
     * Asks whether the API answers and the credentials are right. Not by way of the SDK: its
     * calls of the Admin API have no time-out and end the process when the answer is `null`.
     */
    async ping(): Promise<void> {
      const credentials = Buffer.from(`${apiKey}:${apiSecret}`).toString("base64");
      await call(async ({ agent }) => {
        const answer = await send(`${origin}/v1_1/${encodeURIComponent(cloudName)}/ping`, {
          method: "GET",
          headers: { authorization: `Basic ${credentials}` },
          agent: agent as Agent,
          timeout,
        });
        const text = await textOf(answer, timeout);
        assertPong(answer.statusCode ?? 0, text);
      });
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

function assertPong(status: number, text: string): void {
  if (status !== 200) {
    throw failureOfStatus(status, `The API answered with status ${status}`);
  }
  if (!/^\s*\{.*"status"\s*:\s*"ok"/s.test(text)) {
    throw failureOfAnswer("The answer to a ping is not of the documented form");
  }
}
