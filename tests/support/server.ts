import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const ROOT = resolve(__dirname, "..", "..");

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A folder for this test alone; all of them go when the run ends (global-setup). */
export function scratchFolder(): string {
  return mkdtempSync(join(tmpdir(), "scratch-"));
}

const started: Program[] = [];

/** Ends every process that was started and still runs. */
export async function stopPrograms(): Promise<void> {
  await Promise.all(started.splice(0).map((program) => program.stop("SIGKILL")));
}

// A failed test must not leave a process behind that keeps jest waiting.
afterAll(stopPrograms);

/** A process of the product, with all it has printed; ends with the test file at the latest. */
export class Program {
  readonly lines: string[] = [];
  readonly exited: Promise<number | null>;
  private readonly waiting = new Set<() => void>();

  constructor(readonly child: ChildProcess) {
    started.push(this);
    for (const stream of [child.stdout!, child.stderr!]) {
      createInterface({ input: stream }).on("line", (line) => {
        this.lines.push(line);
        this.waiting.forEach((look) => look());
      });
    }
    this.exited = once(child, "close").then(([code]) => {
      this.waiting.forEach((look) => look());
      return code as number | null;
    });
  }

  get output(): string {
    return this.lines.join("\n");
  }

  /** Waits until the program has printed what is asked for; fails when it ends without. */
  async printed(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = this.lines.find((text) => pattern.test(text));
      if (line !== undefined) {
        return line;
      }
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`ended without printing ${pattern}:\n${this.output}`);
      }
      await new Promise<void>((look) => {
        this.waiting.add(look);
        const done = () => this.waiting.delete(look);
        void this.exited.then(done);
      });
    }
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.child.kill(signal);
    return this.exited;
  }
}

/** Runs a TypeScript file of the sources with an environment of its own; nothing is inherited but PATH. */
export function run(file: string, env: Record<string, string>, args: string[] = []): Program {
  const child = spawn(
    process.execPath,
    ["--require", require.resolve("ts-node/register"), join(ROOT, file), ...args],
    {
      cwd: env.DATA_DIR ?? scratchFolder(),
      env: { PATH: process.env.PATH!, TS_NODE_PROJECT: join(ROOT, "tsconfig.json"), ...env },
    },
  );
  return new Program(child);
}

/** A server in a process of its own. */
export interface RunningServer extends Program {
  url: string;
}

/** Starts `src/index.ts` on a free port and waits until it answers. */
export async function startServer(env: Record<string, string>): Promise<RunningServer> {
  const port = await freePort();
  const program = run("src/index.ts", { PORT: String(port), BCRYPT_ROUNDS: "4", ...env });
  await program.printed(/API docs/);
  return Object.assign(program, { url: `http://127.0.0.1:${port}/api/v1` });
}
