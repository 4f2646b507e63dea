import { existsSync, mkdirSync } from "node:fs";
import { ask } from "./ask";
import { toNumber } from "./bson/values";
import { claimFolder } from "./owner";
import { DurableStorage } from "./storage/durable";
import { LmdbTree } from "./storage/lmdb";

/** A checkpoint waits for the disk. */
const CHECKPOINT_PATIENCE_MS = 60_000;

/**
 * Copies the data of a folder to another one, as they are at one moment, whether or not a process
 * serves them. The copy is a data folder of its own.
 *
 * A checkpoint makes the tree hold everything acknowledged before; then it is copied in one read
 * transaction, as LMDB lets others read beside the writer.
 */
export async function backUp(dataDir: string, target: string): Promise<void> {
  if (!existsSync(LmdbTree.fileIn(dataDir))) {
    throw new Error(`${dataDir} holds no data.`);
  }
  if (existsSync(LmdbTree.fileIn(target))) {
    throw new Error(`${target} holds data already; a backup never writes over any.`);
  }
  await checkpoint(dataDir);
  mkdirSync(target, { recursive: true });
  await LmdbTree.copy(dataDir, target);
}

/** Has it done by the process that serves the folder, if there is one. */
async function checkpoint(dataDir: string): Promise<void> {
  const claim = await claimFolder(dataDir);
  if (claim.owner) {
    await new DurableStorage(dataDir).close();
    await claim.folder.release();
    return;
  }
  const reply = await ask(claim.port, { fsync: 1, $db: "admin" }, CHECKPOINT_PATIENCE_MS);
  if (toNumber(reply["ok"]) !== 1) {
    throw new Error(`${dataDir} could not be copied: ${String(reply["errmsg"])}`);
  }
}
