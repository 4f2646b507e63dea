import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { compiledWorker } from "../../../src/embedded-db/development-build";

const SOURCES = join(__dirname, "../../../src/embedded-db");

/** `npm run db` from compiled sources, which starts in a fifth of the time. */
export function spawnDatabase(...args: string[]): Promise<ChildProcess> {
  return spawnWith([], args);
}

/** The same, where its objects have so much memory and no more. */
export function spawnSmallDatabase(heapMb: number, ...args: string[]): Promise<ChildProcess> {
  return spawnWith([`--max-old-space-size=${heapMb}`], args);
}

async function spawnWith(nodeArgs: string[], args: string[]): Promise<ChildProcess> {
  const cli = join(dirname(await compiledWorker(SOURCES)), "cli.js");
  const all = [...nodeArgs, cli, ...args];
  return spawn(process.execPath, all, { stdio: ["ignore", "pipe", "pipe"] });
}

/** A database in a process of its own, which can be killed. */
export class ServerProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {}

  /** Without a folder it keeps its data in memory. */
  static async start(dataDir?: string): Promise<ServerProcess> {
    const child = await spawnDatabase(
      ...(dataDir === undefined ? ["--memory"] : ["--data", dataDir]),
    );
    return new ServerProcess(child, Number(new URL(await firstLine(child)).port));
  }

  /** `kill -9`, at once and without a chance to tidy up. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Ends it as a supervisor of processes does. */
  async stop(): Promise<void> {
    await this.end("SIGTERM");
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child.signalCode !== null || this.child.exitCode !== null) {
      return;
    }
    const gone = once(this.child, "exit");
    this.child.kill(signal);
    await gone;
  }
}

/** The connection string a database prints first. */
export async function firstLine(child: ChildProcess): Promise<string> {
  const started = once(child.stdout as Readable, "data").then(([chunk]) => String(chunk));
  const [line = ""] = (await Promise.race([started, failureOf(child)])).split("\n");
  return line;
}

async function failureOf(child: ChildProcess): Promise<never> {
  let said = "";
  child.stderr?.on("data", (chunk) => (said += String(chunk)));
  await once(child, "exit");
  throw new Error(`the database ended: ${said}`);
}
