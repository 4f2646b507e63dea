import { randomUUID } from "node:crypto";
import { rm, stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { createCloudinaryApi, type Asset } from "./cloudinary.api";
import { createCloudinaryDelivery } from "./cloudinary.delivery";
import { CloudinaryFailure, failureOfAnswer, isTransient } from "./cloudinary.failure";
import type { CloudinaryStorageOptions } from "./cloudinary.options";
import { createCloudinaryStreaming } from "./cloudinary.streaming";
import { StorageNotFoundError, StorageRequestError, StorageUnavailableError } from "./errors";
import { downloadByStream } from "./download";
import { assertKey, assertRange, isPublicKey } from "./key";
import { MEDIA_TYPES } from "../media-type";
import { retry } from "./retry";
import type { Storage } from "./Storage";

const TIMEOUT = 120_000;
/** Somebody waits for what is read; only what is sent may take its time. */
const READ_TIMEOUT = 20_000;
const UNDO_TIMEOUT = 10_000;
const ATTEMPTS = 4;
const RETRY_DELAY = 250;
const CHUNK_SIZE = 20_000_000;
/** Milliseconds. Pings count against the few hundred Admin API calls an account has per hour. */
const PING_MEMORY = 60_000;

/**
 * Keeps objects in a Cloudinary account, untransformed. Objects under `users/` are of delivery
 * type `upload` and served by Cloudinary; all others are `authenticated`, delivered only to
 * addresses signed with the secret, which stay inside this driver. Calls that fail for a passing
 * reason are repeated; a deleted object may be delivered for some minutes more, until the caches
 * of the delivery network have heard of it.
 */
export function createCloudinaryStorage(options: CloudinaryStorageOptions): Storage {
  const timeout = options.timeout ?? TIMEOUT;
  const chunkSize = options.chunkSize ?? CHUNK_SIZE;
  const policy = {
    attempts: options.attempts ?? ATTEMPTS,
    delay: options.retryDelay ?? RETRY_DELAY,
  };
  const api = createCloudinaryApi(options, timeout);
  const delivery = createCloudinaryDelivery(options, Math.min(timeout, READ_TIMEOUT));
  const stream = createCloudinaryStreaming(api, delivery, options.apiSecret);
  let lastPong = -Infinity;

  const again = <T>(work: () => Promise<T>) => retry(policy, isTransient, work);

  const upload = async (asset: Asset, path: string, size: number): Promise<void> => {
    const answer =
      size <= chunkSize ? await api.upload(asset, path) : await uploadChunks(asset, path, size);
    assertStored(answer, asset, size);
  };

  /** The chunks before the last may be sent twice: each says where its bytes belong. */
  const uploadChunks = async (asset: Asset, path: string, total: number): Promise<unknown> => {
    const uploadId = randomUUID();
    let start = 0;
    for (; start + chunkSize < total; start += chunkSize) {
      const chunk = { uploadId, start, end: start + chunkSize - 1, total };
      await again(() => api.upload(asset, path, chunk)).catch(giveUp);
    }
    return api.upload(asset, path, { uploadId, start, end: total - 1, total });
  };

  /** An answer that was lost or wrong may have left the object behind. */
  const undo = async (asset: Asset, error: unknown): Promise<never> => {
    await api.destroy(asset, Math.min(timeout, UNDO_TIMEOUT)).catch(() => undefined);
    throw error;
  };

  const storage: Storage = {
    name: "cloudinary",

    async put(key, sourcePath, contentType) {
      const asset = assetOf(key);
      if (contentType !== MEDIA_TYPES[key.slice(key.lastIndexOf(".") + 1)]) {
        throw new StorageRequestError("The content type does not fit the key's extension");
      }
      await guarded("store an object", async () => {
        const { size } = await stat(sourcePath);
        await again(() => upload(asset, sourcePath, size)).catch((error) => undo(asset, error));
        await rm(sourcePath, { force: true });
      });
    },

    async get(key, range) {
      const asset = assetOf(key);
      if (range) {
        assertRange(range);
      }
      return opened(
        key,
        await guarded("read an object", () => again(() => delivery.open(asset, range))),
      );
    },

    download: (key, targetPath) => downloadByStream(storage, key, targetPath),

    async stat(key) {
      const asset = assetOf(key);
      const size = await guarded("read an object", () => again(() => delivery.head(asset)));
      return size === null ? null : { size };
    },

    async delete(key) {
      const asset = assetOf(key);
      await guarded("delete an object", () => again(() => api.destroy(asset)));
    },

    url(key) {
      const asset = assetOf(key);
      return isPublicKey(key) ? delivery.urlOf(asset) : null;
    },

    streaming: {
      async order(key) {
        const video = videoOf(key);
        await guarded("make a stream", () =>
          again(() => stream.order(video)).catch((error) => absent(key, error)),
        );
      },

      async isReady(key) {
        const video = videoOf(key);
        return guarded("tell about a stream", () =>
          again(() => stream.isReady(video)).catch((error) => absent(key, error)),
        );
      },

      async playlist(key, name) {
        const video = videoOf(key);
        const found = await guarded("read a playlist", () =>
          again(() => stream.playlist(video, name)),
        );
        if (found === null) {
          throw new StorageNotFoundError(key);
        }
        return found;
      },

      async get(key, name, range) {
        const video = videoOf(key);
        if (range) {
          assertRange(range);
        }
        return opened(
          key,
          await guarded("read a stream", () => again(() => stream.open(video, name, range))),
        );
      },
    },

    async check() {
      if (performance.now() - lastPong < PING_MEMORY) {
        return;
      }
      await guarded("be reached", () => api.ping());
      lastPong = performance.now();
    },
  };
  return storage;
}

/**
 * Cloudinary keeps images, videos and all else ("raw") apart, and of the first two the extension
 * apart too, as the format.
 */
function assetOf(key: string): Asset {
  assertKey(key);
  const dot = key.lastIndexOf(".");
  const format = key.slice(dot + 1);
  const type = isPublicKey(key) ? "upload" : "authenticated";
  const [kind] = MEDIA_TYPES[format]?.split("/") ?? [];
  return kind === "image" || kind === "video"
    ? { publicId: key.slice(0, dot), format, resourceType: kind, type }
    : { publicId: key, format: undefined, resourceType: "raw", type };
}

function videoOf(key: string): Asset {
  const asset = assetOf(key);
  if (asset.resourceType !== "video" || asset.type !== "authenticated") {
    throw new StorageRequestError("Only private videos are streamed");
  }
  return asset;
}

function opened(key: string, answer: Readable | null | "outside"): Readable {
  if (answer === null) {
    throw new StorageNotFoundError(key);
  }
  if (answer === "outside") {
    throw new StorageRequestError("The byte range starts after the end of the object");
  }
  return answer;
}

/** The API says 404 of an object that is not there. */
function absent(key: string, error: unknown): never {
  throw error instanceof CloudinaryFailure && error.status === 404
    ? new StorageNotFoundError(key)
    : error;
}

/** Believes an upload only when the answer describes this very object, whole. */
function assertStored(answer: unknown, asset: Asset, size: number): void {
  const { public_id, resource_type, type, bytes, version } = Object(answer) as Record<
    string,
    unknown
  >;
  const fits =
    public_id === asset.publicId &&
    resource_type === asset.resourceType &&
    type === asset.type &&
    bytes === size &&
    typeof version === "number";
  if (!fits) {
    throw failureOfAnswer("The answer to an upload does not describe the object sent");
  }
}

/** A chunk that failed for good fails the upload for good. */
function giveUp(error: unknown): never {
  throw error instanceof CloudinaryFailure
    ? new CloudinaryFailure(error.message, false, error.status)
    : error;
}

async function guarded<T>(act: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof StorageNotFoundError) {
      throw cause;
    }
    const status = cause instanceof CloudinaryFailure ? cause.status : undefined;
    const detail = status === undefined ? "" : ` (status ${status})`;
    throw new StorageUnavailableError(`Cloudinary cannot ${act}${detail}`, { cause });
  }
}
