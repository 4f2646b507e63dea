import type { Readable } from "node:stream";
import { S3Client } from "@aws-sdk/client-s3";
import { bodyOf } from "./http";
import type { S3StorageOptions } from "./s3.options";

const TIMEOUT = 120_000;
const CONNECTION_TIMEOUT = 10_000;
const ATTEMPTS = 4;

/**
 * The SDK's client, which signs, repeats what failed for a passing reason after random pauses, and
 * gives up on silence.
 */
export function createS3Client(options: S3StorageOptions): S3Client {
  const timeout = options.timeout ?? TIMEOUT;
  // Every video being watched holds a socket; the SDK's limit of 50 would let 50 paused players
  // keep everybody else waiting.
  const agent = { keepAlive: true, maxSockets: Infinity };
  const client = new S3Client({
    region: options.region,
    credentials: { accessKeyId: options.accessKeyId, secretAccessKey: options.secretAccessKey },
    ...(options.endpoint !== undefined && { endpoint: options.endpoint }),
    forcePathStyle: options.forcePathStyle ?? false,
    maxAttempts: options.attempts ?? ATTEMPTS,
    retryMode: "standard",
    // Checksums in trailers are Amazon's own; other stores refuse them.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: Math.min(timeout, CONNECTION_TIMEOUT),
      requestTimeout: timeout,
      throwOnRequestTimeout: true,
      socketTimeout: 0, // It would count the pauses of a slow reader; see guardBodies.
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
  guardBodies(client, timeout);
  return client;
}

/** The SDK's time-out ends with the head of an answer; the body, too, must not be silent forever. */
function guardBodies(client: S3Client, timeout: number): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const response = result.response as { body: Readable };
      response.body = bodyOf(response.body, timeout);
      return result;
    },
    { step: "deserialize", priority: "low", name: "guardBodies" },
  );
}
