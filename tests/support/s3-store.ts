import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import S3rver from "s3rver";
import { createGate, operationOf, pass, type S3Fault, type S3Operation } from "./s3-gate";

export type { S3Fault, S3Operation };

export interface S3Store {
  /** How the driver reaches it. */
  options: {
    bucket: string;
    region: string;
    endpoint: string;
    forcePathStyle: boolean;
    accessKeyId: string;
    secretAccessKey: string;
  };
  /** The operations so far, the failed ones included. */
  operations: S3Operation[];
  /** Uploads in parts that were neither completed nor aborted. */
  openUploads: ReadonlyMap<string, unknown>;
  /** Connections that are open now. */
  connections(): Promise<number>;
  /** Lets the next requests of the operation fail, one by one in this order; null lets one pass. */
  failNext(operation: S3Operation, ...faults: (S3Fault | null)[]): void;
  /** The keys of all objects in the bucket. */
  keys(): Promise<string[]>;
  stop(): Promise<void>;
}

/** The one account that s3rver knows. */
const ACCOUNT = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };
const BUCKET = "media";
const OBJECT_FILE = "._S3rver_object";

/**
 * An S3-compatible store on loopback: s3rver with a gate in front. The gate does what s3rver 3.7
 * leaves out — it checks signatures of version 4 and the hash of the body, ends uploads in parts
 * and forgets those that ended, shows an object only once it is whole, and gives the range `0-0` —
 * and makes exchanges fail.
 */
export async function startS3Store(): Promise<S3Store> {
  const directory = await mkdtemp(join(tmpdir(), "s3-store-"));
  const s3rver = new S3rver({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory,
    vhostBuckets: false,
    configureBuckets: [{ name: BUCKET }],
  });
  const operations: S3Operation[] = [];
  const faults = new Map<S3Operation, (S3Fault | null)[]>();
  s3rver.logger.close = () => undefined; // Requests end after their server, and are logged then.
  const { port: upstream } = await s3rver.run();
  const gate = createGate(upstream, ACCOUNT);

  const server = http.createServer((request, response) => {
    const operation = operationOf(request);
    operations.push(operation);
    const fault = faults.get(operation)?.shift() ?? null;
    pass(gate, operation, fault, request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    options: {
      ...ACCOUNT,
      bucket: BUCKET,
      region: "us-east-1",
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      forcePathStyle: true,
    },
    operations,
    openUploads: gate.openUploads,
    connections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
    failNext(operation, ...next) {
      faults.set(operation, [...(faults.get(operation) ?? []), ...next]);
    },
    async keys() {
      const names = await readdir(join(directory, BUCKET), { recursive: true });
      return names
        .filter((name) => name.endsWith(OBJECT_FILE))
        .map((name) => name.slice(0, -OBJECT_FILE.length));
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await s3rver.close();
      await rm(directory, { recursive: true });
    },
  };
}
