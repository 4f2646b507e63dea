import { Agent, request, type IncomingHttpHeaders } from "node:http";
import { API_PREFIX } from "../../src/constants";
import { origin } from "./api";
import { expectContract } from "./contract";

/** Requests in flight at once. */
const PARALLEL = 20;

const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });

afterAll(() => agent.destroy());

/** A reply, read to its end. */
export interface Reply {
  status: number;
  /** The media type without its parameters. */
  type: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a reply's body is looked into freely
  body: any;
  text: string;
  headers: IncomingHttpHeaders;
  get(header: string): string | undefined;
}

export interface Sent {
  method: string;
  /** Below /api/v1, with its query. */
  path: string;
  token?: string | undefined;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** As `api()` does, but over connections that stay open: for thousands of requests. */
export async function ask(sent: Sent): Promise<Reply> {
  const reply = await exchange(sent);
  expectContract(sent.method, sent.path, reply);
  return reply;
}

function exchange({ method, path, token, headers = {}, body }: Sent): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    // In parts: a whole URL would be tidied up before it is sent.
    request({
      agent,
      ...address(),
      path: `${API_PREFIX}${path}`,
      method: method.toUpperCase(),
      headers: {
        ...headers,
        ...authorization,
        ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }),
      },
    })
      .on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => resolve(toReply(response.statusCode!, response.headers, chunks)));
      })
      .on("error", reject)
      .end(body);
  });
}

function address(): { hostname: string; port: string } {
  const { hostname, port } = new URL(origin());
  return { hostname, port };
}

function toReply(status: number, headers: IncomingHttpHeaders, chunks: Buffer[]): Reply {
  const type = (headers["content-type"] ?? "").replace(/;.*$/, "");
  const text = Buffer.concat(chunks).toString();
  return {
    status,
    type,
    text,
    headers,
    body: type === "application/json" && text !== "" ? JSON.parse(text) : {},
    get: (header) => headers[header] as string | undefined,
  };
}

/** Runs the work for each item, twenty at a time; the results in the order of the items. */
export async function inParallel<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) {
      results[i] = await work(items[i]!);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return results;
}
