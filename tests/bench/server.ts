import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const ROOT = resolve(__dirname, "..", "..");

/** Runs a program of the product on a data folder. */
export function start(
  file: string,
  dataDir: string,
  env: Record<string, string> = {},
  args: string[] = [],
) {
  const limits = { RATE_LIMIT_READS: "100000000", RATE_LIMIT_WRITES: "100000000" };
  return spawn(
    process.execPath,
    ["--require", require.resolve("ts-node/register"), join(ROOT, file), ...args],
    {
      cwd: dataDir,
      env: {
        ...{ PATH: process.env.PATH, TS_NODE_PROJECT: join(ROOT, "tsconfig.json") },
        ...{ DATA_DIR: dataDir, BCRYPT_ROUNDS: "4", ...limits, ...env },
      },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
}

/** A server of the product in a process of its own. */
export interface BenchServer {
  url: string;
  child: ChildProcess;
  stop: () => Promise<void>;
}

/** Starts the server on a data folder; `onLine` is told what it prints. */
export async function serve(
  dataDir: string,
  env: Record<string, string> = {},
  onLine: (line: string) => void = () => undefined,
): Promise<BenchServer> {
  const port = await freePort();
  const child = start("src/index.ts", dataDir, { PORT: String(port), ...env });
  await new Promise<void>((ready, fail) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      onLine(line);
      if (line.includes("API docs")) {
        ready();
      }
    });
    child.once("exit", () => fail(new Error(`the server on ${dataDir} has ended`)));
  });
  return {
    url: `http://127.0.0.1:${port}/api/v1`,
    child,
    stop: async () => {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Requests of the API; they answer `data` and throw for whatever is refused. */
export async function get(url: string, token?: string): Promise<unknown> {
  return ask(url, { headers: token ? { Authorization: `Bearer ${token}` } : {} });
}

export function post(url: string, token: string | undefined, body: object): Promise<unknown> {
  const headers = {
    "Content-Type": "application/json",
    ...(token ? { Authorization: `Bearer ${token}` } : {}),
  };
  return ask(url, { method: "POST", headers, body: JSON.stringify(body) });
}

/** A request of any kind. */
export async function ask(url: string, init: RequestInit): Promise<unknown> {
  const response = await fetch(url, init);
  const body = (await response.json()) as { data: unknown; message: string };
  if (!response.ok) {
    throw new Error(`${url}: ${response.status} ${body.message}`);
  }
  return body.data;
}

/** The value that the given share of them stays below; 0.5 gives the median. */
export function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * share)]!;
}

/** Prints a line. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
