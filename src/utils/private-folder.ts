import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { hasEnded, THIS_RUN } from "./process";

/** A folder's name says which process owns it. */
const FOLDER_NAME = /^(\d+)-([0-9a-f]{12})-/;

/** Makes a new folder below `parent` that only this user can look into; whoever made it removes it. */
export async function makePrivateFolder(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true, mode: 0o700 });
  return mkdtemp(join(parent, `${THIS_RUN.pid}-${THIS_RUN.run}-`));
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
  const [, pid, run = ""] = FOLDER_NAME.exec(name) ?? [];
  return hasEnded({ host: THIS_RUN.host, pid: Number(pid), run });
}
