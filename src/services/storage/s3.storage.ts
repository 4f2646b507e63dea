import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import type { Readable } from "node:stream";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { downloadByStream } from "./download";
import {
  StorageFullError,
  StorageNotFoundError,
  StorageRequestError,
  StorageUnavailableError,
} from "./errors";
import { assertKey, assertRange } from "./key";
import { retry } from "./retry";
import { createS3Client } from "./s3.client";
import type { S3StorageOptions } from "./s3.options";
import type { ByteRange } from "../../utils/byte-range";
import type { Storage } from "./Storage";

/** Milliseconds. Somebody waits for what is read; only what is sent may take its time. */
const READ_TIMEOUT = 20_000;
const CHECK_TIMEOUT = 10_000;
const CHECK_MEMORY = 10_000;
/** As Ceph, MinIO and Wasabi say it; Amazon's buckets are never full. */
const FULL = ["QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"];
const INSUFFICIENT_STORAGE = 507;

/**
 * Keeps objects in a bucket of Amazon S3 or of a store that speaks its protocol, such as MinIO, R2,
 * Ceph or Garage. The bucket needs no public access: the API serves every object itself or hands
 * out signed addresses. Files larger than 5 MB are sent in parts; the parts of an upload that was
 * killed stay in the bucket, unseen, until a lifecycle rule of the bucket removes them.
 */
export function createS3Storage(options: S3StorageOptions): Storage {
  const client = createS3Client(options);
  const { bucket: Bucket } = options;
  const prefix = options.prefix === undefined ? "" : `${options.prefix}/`;
  const soon = { requestTimeout: Math.min(options.timeout ?? READ_TIMEOUT, READ_TIMEOUT) };
  let lastAnswer = -Infinity;

  const locate = (key: string) => {
    assertKey(key);
    return { Bucket, Key: prefix + key };
  };

  const storage: Storage = {
    name: "s3",

    async put(key, sourcePath, contentType) {
      const place = locate(key);
      const upload = async () => {
        const body = createReadStream(sourcePath);
        const params = { ...place, Body: body, ContentType: contentType };
        try {
          await new Upload({ client, params }).done();
        } finally {
          body.destroy();
        }
      };
      await guarded("store an object", async () => {
        await retry({ attempts: 2, delay: 0 }, isLostUpload, upload);
        await rm(sourcePath, { force: true });
      });
    },

    async get(key, range) {
      const place = locate(key);
      if (range) {
        assertRange(range);
      }
      return guarded("read an object", async () => {
        try {
          const Range = range && `bytes=${range.start}-${range.end}`;
          const found = await client.send(new GetObjectCommand({ ...place, Range }), soon);
          const body = found.Body as Readable;
          assertRangeGiven(body, found.ContentRange, range);
          return body;
        } catch (error) {
          throw refusalOf(error, key);
        }
      });
    },

    download: (key, targetPath) => downloadByStream(storage, key, targetPath),

    async stat(key) {
      const place = locate(key);
      return guarded("read an object", async () => {
        try {
          const { ContentLength: size } = await client.send(new HeadObjectCommand(place), soon);
          if (size === undefined) {
            throw new Error("The answer does not tell the size of the object");
          }
          return { size };
        } catch (error) {
          if (nameOf(error) === "NotFound") {
            return null;
          }
          throw error;
        }
      });
    },

    async delete(key) {
      const place = locate(key);
      await guarded("delete an object", () => client.send(new DeleteObjectCommand(place), soon));
    },

    url(key) {
      assertKey(key);
      return null;
    },

    async signedUrl(key, expiresInSeconds, contentType) {
      const command = new GetObjectCommand({ ...locate(key), ResponseContentType: contentType });
      return getSignedUrl(client, command, { expiresIn: expiresInSeconds });
    },

    async check() {
      if (performance.now() - lastAnswer < CHECK_MEMORY) {
        return;
      }
      const abortSignal = AbortSignal.timeout(CHECK_TIMEOUT);
      await guarded("be reached", () =>
        client.send(new HeadBucketCommand({ Bucket }), { abortSignal }),
      );
      lastAnswer = performance.now();
    },
  };
  return storage;
}

/**
 * Completing an upload in parts whose first answer was lost finds no upload any more. The object
 * may be there; sending it again under the same key makes sure.
 */
function isLostUpload(error: unknown): boolean {
  return nameOf(error) === "NoSuchUpload";
}

function assertRangeGiven(body: Readable, given: string | undefined, range?: ByteRange): void {
  if (range && !given?.startsWith(`bytes ${range.start}-`)) {
    body.destroy();
    throw new Error("The store gave another range than the one asked for");
  }
}

/** The error of the contract that a refused read means, or the error itself. */
function refusalOf(error: unknown, key: string): unknown {
  switch (nameOf(error)) {
    case "NoSuchKey":
      return new StorageNotFoundError(key);
    case "InvalidRange":
      return new StorageRequestError("The byte range starts after the end of the object");
    default:
      return error;
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}

/** Turns failures of the store into the errors of the contract. */
async function guarded<T>(act: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof StorageNotFoundError || cause instanceof StorageRequestError) {
      throw cause;
    }
    const status = (cause as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
    if (status === INSUFFICIENT_STORAGE || FULL.includes(nameOf(cause))) {
      throw new StorageFullError("The S3 storage is full", { cause });
    }
    const detail = status === undefined ? "" : ` (status ${status})`;
    throw new StorageUnavailableError(`The S3 storage cannot ${act}${detail}`, { cause });
  }
}
