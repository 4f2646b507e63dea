import { randomUUID } from "node:crypto";
import { join, resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { ExitGate } from "./exit-gate";
import type { WorkerMessage, WorkerOptions } from "./worker";

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
   * Told when a running database is gone for good. A database with a folder is restarted on its
   * port when its thread dies, so clients only reconnect. One in memory has lost its data and is
   * not; nor is one that died while writing, for only the end of the process frees its lock.
   */
  onFailure?: (error: Error) => void;
}

const MAX_RESTARTS = 5;
const RESTART_WINDOW_MS = 60_000;

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
    token: randomUUID(),
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

/** Keeps one worker running. */
class Supervisor {
  private worker: Worker | undefined;
  private stopping = false;
  private readonly closeGate = () => this.gate.close();
  private readonly restarts: number[] = [];

  constructor(
    private readonly options: WorkerOptions,
    private readonly gate: ExitGate,
    private readonly onFailure: ((error: Error) => void) | undefined,
  ) {}

  async start(): Promise<Ready> {
    const worker = await newWorker(this.options);
    const ready = await firstMessage(worker);
    this.options.port = ready.port;
    if (!ready.owner) {
      await end(worker);
      return ready;
    }
    this.worker = worker;
    // A program that forgets to stop the database must still be able to end.
    worker.unref();
    process.once("exit", this.closeGate);
    worker.once("exit", () => void this.exited());
    worker.on("error", () => undefined);
    return ready;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    process.off("exit", this.closeGate);
    if (this.worker) {
      await end(this.worker);
      this.worker = undefined;
    }
  }

  private async exited(): Promise<void> {
    if (this.stopping) {
      return;
    }
    process.off("exit", this.closeGate);
    this.worker = undefined;
    const failure = new Error("the embedded database has stopped unexpectedly");
    if (this.options.dataDir === undefined || this.gate.isLeftOpen() || !this.mayRestart()) {
      this.onFailure?.(failure);
      return;
    }
    try {
      await this.start();
    } catch (error) {
      this.onFailure?.(error instanceof Error ? error : failure);
    }
  }

  private mayRestart(): boolean {
    const now = Date.now();
    this.restarts.push(now);
    return this.restarts.filter((time) => now - time < RESTART_WINDOW_MS).length <= MAX_RESTARTS;
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

async function end(worker: Worker): Promise<void> {
  worker.ref();
  const gone = new Promise<void>((done) => worker.once("exit", () => done()));
  worker.postMessage("stop");
  await gone;
}
