import { join, resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { ExitGate } from "./exit-gate";
import type { WorkerMessage, WorkerOptions } from "./worker";

/** How long a command may go on when the database is stopped. */
const PATIENCE_MS = 5_000;

/** A running database, or one that another process runs. */
export interface EmbeddedDatabase {
  /** For the driver, Mongoose, mongosh or Compass; name the database with their `dbName` option. */
  readonly uri: string;
  readonly port: number;
  /** False when another process owns the folder and we merely point at it. */
  readonly owner: boolean;
  /** Ends the database if it is ours. Open connections are closed. */
  stop(): Promise<void>;
}

export interface EmbeddedDatabaseOptions {
  /** Folder of the data; absent: in memory. */
  dataDir?: string;
  /** 0 or absent: the port the folder was served at last, if it is free, else any free one. */
  port?: number;
  /**
   * Told when the database has died by itself. It cannot be started again in this process: a
   * thread that dies may leave LMDB's lock taken, which only the end of the process frees. End
   * the process; with a folder, everything acknowledged is there at the next start.
   */
  onFailure?: (error: Error) => void;
}

/**
 * Starts a MongoDB server for this machine in a worker thread, or finds the process that already
 * serves the folder.
 */
export async function startEmbeddedDatabase(
  options: EmbeddedDatabaseOptions = {},
): Promise<EmbeddedDatabase> {
  const dataDir = options.dataDir === undefined ? undefined : resolve(options.dataDir);
  const gate = new ExitGate();
  const workerOptions = {
    dataDir,
    port: options.port ?? 0,
    gate: gate.shared,
  };
  const supervisor = new Supervisor(workerOptions, gate, options.onFailure);
  const { port, owner } = await supervisor.start();
  return {
    uri: `mongodb://127.0.0.1:${port}/?directConnection=true`,
    port,
    owner,
    stop: () => supervisor.stop(),
  };
}

interface Ready {
  port: number;
  owner: boolean;
}

/** Starts one worker, ends it, and notices when it ends by itself. */
class Supervisor {
  private worker: Worker | undefined;
  private stopping = false;
  private readonly closeGate = () => this.gate.close();

  constructor(
    private readonly options: WorkerOptions,
    private readonly gate: ExitGate,
    private readonly onFailure: ((error: Error) => void) | undefined,
  ) {}

  async start(): Promise<Ready> {
    const worker = await newWorker(this.options);
    const ready = await firstMessage(worker);
    if (!ready.owner) {
      await end(worker);
      return ready;
    }
    this.worker = worker;
    // A program that forgets to stop the database must still be able to end.
    worker.unref();
    process.once("exit", this.closeGate);
    worker.once("exit", () => this.exited());
    worker.on("error", () => undefined);
    return ready;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    if (this.worker && !(await end(this.worker))) {
      await this.terminate(this.worker);
    }
    process.off("exit", this.closeGate);
    this.worker = undefined;
  }

  /** For a thread that is too busy to hear that it should stop. What it acknowledged is stored. */
  private async terminate(worker: Worker): Promise<void> {
    this.gate.close();
    await worker.terminate();
    this.endByKill();
  }

  /** The end of the process closes what a dead thread left open, and would wait there for LMDB's lock. */
  private endByKill(): void {
    if (this.options.dataDir !== undefined) {
      process.once("exit", () => process.kill(process.pid, "SIGKILL"));
    }
  }

  private exited(): void {
    if (this.stopping) {
      return;
    }
    process.off("exit", this.closeGate);
    this.worker = undefined;
    this.endByKill();
    this.onFailure?.(new Error("the embedded database has stopped unexpectedly"));
  }
}

async function newWorker(workerData: WorkerOptions): Promise<Worker> {
  const fromSources = __filename.endsWith(".ts");
  const file = fromSources ? await compiledFromSources() : join(__dirname, "worker.js");
  return new Worker(file, { workerData, execArgv: [] });
}

async function compiledFromSources(): Promise<string> {
  const { compiledWorker } = await import("./development-build");
  return compiledWorker(__dirname);
}

/** The port the worker serves, or why it does not. */
function firstMessage(worker: Worker): Promise<Ready> {
  return new Promise((resolveReady, reject) => {
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the embedded database ended while starting")));
    worker.once("message", (message: WorkerMessage) => {
      worker.removeAllListeners("error");
      worker.removeAllListeners("exit");
      if (message.type === "ready") {
        resolveReady(message);
      } else {
        reject(
          new Error(
            message.type === "failed" ? message.message : "the embedded database did not start",
          ),
        );
      }
    });
  });
}

/** Asks the thread to end; false when it has not done so in time. */
async function end(worker: Worker): Promise<boolean> {
  worker.ref();
  let timer: NodeJS.Timeout | undefined;
  const gone = new Promise<boolean>((done) => {
    worker.once("exit", () => done(true));
    timer = setTimeout(() => done(false), PATIENCE_MS);
  });
  worker.postMessage("stop");
  return gone.finally(() => clearTimeout(timer));
}
