import { copyFile, mkdir, open, readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";

const LEFTOVER_AGE = 24 * 60 * 60 * 1000;
const ABSENT = ["ENOENT", "ENOTDIR", "EISDIR"];

/** Moves the file to `target`. It appears there at once and whole, whatever happens on the way. */
export async function moveInto(target: string, source: string, incoming: string): Promise<void> {
  try {
    await renameInto(target, source);
  } catch (error) {
    if (codeOf(error) !== "EXDEV") {
      throw error;
    }
    await copyInto(target, source, incoming);
  }
  // Still there after a copy, and after renaming one hard link of a file to another: see download.
  await rm(source, { force: true });
}

/** Another device: the bytes are copied beside the objects first, then renamed on one device. */
async function copyInto(target: string, source: string, incoming: string): Promise<void> {
  await mkdir(incoming, { recursive: true });
  const part = join(incoming, `${randomUUID()}.part`);
  try {
    await copyFile(source, part);
    await flush(part);
    await renameInto(target, part);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** So often in a row parallel deletes do not come between by chance. */
const MOST_ATTEMPTS = 1000;

/** A parallel delete may take the parent folder away between the two steps, hence the repetition. */
async function renameInto(target: string, source: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    await mkdir(dirname(target), { recursive: true });
    try {
      return await rename(source, target);
    } catch (error) {
      if (codeOf(error) !== "ENOENT" || attempt === MOST_ATTEMPTS) {
        throw error;
      }
    }
  }
}

/** Makes the file's bytes durable. */
export async function flush(path: string): Promise<void> {
  const handle = await open(path, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the names durable, new parent folders included. Windows cannot open a folder for that. */
export async function flushFolders(folder: string, root: string): Promise<void> {
  if (process.platform === "win32") {
    return;
  }
  for (const path of foldersUpTo(folder, root)) {
    const handle = await open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

/** Removes `folder` and its parents below `root` as far as they are empty. */
export async function removeEmptyFolders(folder: string, root: string): Promise<void> {
  for (const path of foldersUpTo(folder, root).slice(0, -1)) {
    try {
      await rmdir(path);
    } catch {
      return; // Not empty, or already gone: the folders above are not ours to judge.
    }
  }
}

/** `folder` and its parents, `root` last. */
function foldersUpTo(folder: string, root: string): string[] {
  return folder === root ? [root] : [folder, ...foldersUpTo(dirname(folder), root)];
}

/** Rejects when no file can be written at `path`. */
export async function probe(path: string): Promise<void> {
  try {
    const handle = await open(path, "wx");
    try {
      await handle.writeFile("probe");
      await handle.sync();
    } finally {
      await handle.close();
    }
  } finally {
    await rm(path, { force: true });
  }
}

/** Removes what a killed process left; younger files may belong to a living one. */
export async function sweep(incoming: string): Promise<void> {
  for (const name of await readdir(incoming)) {
    const path = join(incoming, name);
    const found = await orNull(stat(path));
    if (found && Date.now() - found.mtimeMs > LEFTOVER_AGE) {
      await rm(path, { force: true });
    }
  }
}

/** What `act` resolves with, or null when there is no such file. */
export async function orNull<T>(act: Promise<T>): Promise<T | null> {
  try {
    return await act;
  } catch (error) {
    if (ABSENT.includes(codeOf(error))) {
      return null;
    }
    throw error;
  }
}

/** The code of a failure of the file system, such as `ENOENT`. */
function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "";
}
