import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isAlive } from "./process";

/** Tells this process from an earlier one with the same number. */
const MARK = randomBytes(4).toString("hex");

/** A folder's name says which process owns it. */
const FOLDER_NAME = /^(\d+)-([0-9a-f]{8})-/;

/** Makes a new folder below `parent` that only this user can look into; whoever made it removes it. */
export async function makePrivateFolder(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true, mode: 0o700 });
  return mkdtemp(join(parent, `${process.pid}-${MARK}-`));
}

/** Removes the folders below `parent` whose processes died before they could. */
export async function sweepPrivateFolders(parent: string): Promise<void> {
  await mkdir(parent, { recursive: true, mode: 0o700 });
  for (const name of await readdir(parent)) {
    if (isAbandoned(name)) {
      await rm(join(parent, name), { recursive: true, force: true });
    }
  }
}

function isAbandoned(name: string): boolean {
  const [, pid, mark] = FOLDER_NAME.exec(name) ?? [];
  return Number(pid) === process.pid ? mark !== MARK : !isAlive(Number(pid ?? NaN));
}
