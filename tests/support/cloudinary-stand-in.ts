import { randomBytes } from "node:crypto";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { delivery, destroy, explicit, ping, resource, upload } from "./cloudinary-operations";
import {
  deliverySignature,
  failure,
  type Account,
  type Answer,
  type StandInAsset,
} from "./cloudinary-protocol";
import { deriveStream } from "./cloudinary-streams";

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
  const uploads: Account["uploads"] = new Map();
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

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
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
