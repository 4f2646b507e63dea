import { parentPort, workerData } from "node:worker_threads";
import { rebuildIndexes } from "./catalog/rebuild";
import { Engine } from "./engine";
import { ExitGate } from "./exit-gate";
import { startExpiry } from "./expiry";
import { claimFolder, type OwnedFolder } from "./owner";
import { LogicalClock } from "./logical-clock";
import { Listener } from "./server/listener";
import { DurableStorage } from "./storage/durable";
import { readLastPort, writeLastPort } from "./storage/last-port";
import { MemoryStorage } from "./storage/memory";
import type { Storage } from "./storage/storage";

/** What the door asks of the worker. */
export interface WorkerOptions {
  dataDir: string | undefined;
  port: number;
  /** Shared with the thread that may end the process. */
  gate: SharedArrayBuffer;
}

/** What the worker tells the door. */
export type WorkerMessage =
  | { type: "ready"; port: number; owner: boolean }
  | { type: "failed"; message: string }
  | { type: "stopped" };

/** Small buffers are cut from blocks of this size; one for each few documents kept the collector busy. */
const POOL_BYTES = 64 * 1024;

interface Running {
  stop: () => Promise<void>;
}

Buffer.poolSize = POOL_BYTES;

async function start({ dataDir, port, gate }: WorkerOptions): Promise<Running> {
  if (dataDir === undefined) {
    return serve(new MemoryStorage(), port, undefined);
  }
  const claim = await claimFolder(dataDir);
  if (!claim.owner) {
    tell({ type: "ready", port: claim.port, owner: false });
    return { stop: () => Promise.resolve() };
  }
  try {
    const storage = new DurableStorage(dataDir, new ExitGate(gate));
    await rebuildIndexes(storage);
    return await serve(storage, port, claim.folder);
  } catch (error) {
    await claim.folder.release();
    throw error;
  }
}

async function serve(
  storage: Storage,
  port: number,
  folder: OwnedFolder | undefined,
): Promise<Running> {
  const engine = new Engine(storage, await LogicalClock.open(storage));
  const listener = new Listener(engine);
  const bound = await bind(listener, storage, port);
  const stopExpiry = startExpiry(engine);
  folder?.announce(bound);
  tell({ type: "ready", port: bound, owner: true });
  return {
    stop: async () => {
      engine.shutDown();
      await listener.close();
      await stopExpiry();
      await engine.close();
      await folder?.release();
    },
  };
}

/** Connection strings outlive a process: without a wish of its own a folder is served where it was last. */
async function bind(listener: Listener, storage: Storage, port: number): Promise<number> {
  if (port !== 0) {
    return listener.listen(port);
  }
  const last = readLastPort(storage);
  // Somebody else may have it now.
  const bound = await listener.listen(last).catch(() => listener.listen(0));
  if (bound !== last) {
    await writeLastPort(storage, bound);
  }
  return bound;
}

function tell(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

async function main(): Promise<void> {
  try {
    const running = await start(workerData as WorkerOptions);
    parentPort?.once("message", () => {
      void running.stop().finally(() => {
        tell({ type: "stopped" });
        parentPort?.close();
      });
    });
  } catch (error) {
    tell({ type: "failed", message: error instanceof Error ? error.message : String(error) });
    parentPort?.close();
  }
}

void main();
