import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { open, type RootDatabase } from "lmdb";
import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "./ask";
import { isDocument } from "./bson/values";

/** What the owner of a data folder writes into it. */
interface OwnerRecord {
  pid: number;
  /** When the process started, by the kernel's count: a reused pid has another one. */
  processStart: string | undefined;
  /** 0 while the owner is starting. */
  port: number;
  token: string;
}

/** The outcome of asking for a folder: it is ours, or somebody serves it at a port. */
export type Claim = { owner: true; folder: OwnedFolder } | { owner: false; port: number };

const PATIENCE_MS = 10_000;
const RETRY_MS = 50;

/**
 * Asks for a data folder. Whoever reads or writes the owner file holds LMDB's writer lock, which
 * the kernel frees when its holder dies, so of two processes starting at once one sees the other's
 * entry. An entry whose process is gone is taken over.
 */
export async function claimFolder(folder: string): Promise<Claim> {
  const token = randomUUID();
  mkdirSync(folder, { recursive: true });
  const lock = open({ path: join(folder, "owner.mdb"), maxReaders: 32 });
  const end = Date.now() + PATIENCE_MS;
  try {
    for (;;) {
      const other = takeOver(lock, folder, token);
      if (!other) {
        return { owner: true, folder: new OwnedFolder(folder, lock, token) };
      }
      if (other.port !== 0 && (await answers(other))) {
        await lock.close();
        return { owner: false, port: other.port };
      }
      if (Date.now() > end) {
        throw new Error(
          `The data folder ${folder} belongs to process ${other.pid}, which does not answer. ` +
            "Stop that process, or use another data folder.",
        );
      }
      await sleep(RETRY_MS);
    }
  } catch (error) {
    await lock.close();
    throw error;
  }
}

/** A data folder this process owns. */
export class OwnedFolder {
  constructor(
    readonly path: string,
    private readonly lock: RootDatabase,
    readonly token: string,
  ) {}

  /** Tells others where the database can be reached. */
  announce(port: number): void {
    this.lock.transactionSync(() => writeRecord(this.path, this.token, port));
  }

  async release(): Promise<void> {
    this.lock.transactionSync(() => {
      if (readRecord(this.path)?.token === this.token) {
        rmSync(fileOf(this.path), { force: true });
      }
    });
    await this.lock.close();
  }
}

/** Enters ourselves unless a living process stands there; answers that one. */
function takeOver(lock: RootDatabase, folder: string, token: string): OwnerRecord | undefined {
  return lock.transactionSync(() => {
    const record = readRecord(folder);
    if (record && isAlive(record)) {
      return record;
    }
    writeRecord(folder, token, 0);
    return undefined;
  });
}

function fileOf(folder: string): string {
  return join(folder, "owner.json");
}

function readRecord(folder: string): OwnerRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(fileOf(folder), "utf8")) as OwnerRecord;
    return Number.isInteger(record.pid) && Number.isInteger(record.port) ? record : undefined;
  } catch {
    // None, or torn by a crash: the folder is free.
    return undefined;
  }
}

function writeRecord(folder: string, token: string, port: number): void {
  const record: OwnerRecord = { pid: process.pid, processStart: startOf(process.pid), port, token };
  writeFileSync(fileOf(folder), `${JSON.stringify(record)}\n`);
}

function isAlive({ pid, processStart }: OwnerRecord): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return processStart === undefined || startOf(pid) === processStart;
}

/** The kernel's start time of a process, where it tells. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

/** True when the process that wrote the record serves its port: anything else may have the port now. */
async function answers({ pid, port }: OwnerRecord): Promise<boolean> {
  try {
    const status = await ask(port, { serverStatus: 1, $db: "admin" });
    return status["pid"] === pid && isDocument(status["storageEngine"]);
  } catch {
    return false;
  }
}
