import { existsSync, mkdirSync } from "node:fs";
import { LmdbStorage } from "./storage/lmdb";

/**
 * Copies the data of a folder to another one, as they are at this moment, whether or not a process
 * serves them: LMDB lets others read beside the writer. The copy is a data folder of its own.
 */
export async function backUp(dataDir: string, target: string): Promise<void> {
  if (!existsSync(LmdbStorage.fileIn(dataDir))) {
    throw new Error(`${dataDir} holds no data.`);
  }
  if (existsSync(LmdbStorage.fileIn(target))) {
    throw new Error(`${target} holds data already; a backup never writes over any.`);
  }
  mkdirSync(target, { recursive: true });
  await LmdbStorage.copy(dataDir, target);
}
