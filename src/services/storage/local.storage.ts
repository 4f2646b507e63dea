import { randomUUID } from "node:crypto";
import { copyFile, mkdir, open, readdir, rename, rm, rmdir, stat, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import {
  StorageFullError,
  StorageNotFoundError,
  StorageRequestError,
  StorageUnavailableError,
} from "./errors";
import { assertKey, assertRange } from "./key";
import type { ByteRange } from "../../utils/byte-range";
import { linkOrCopy } from "../../utils/link-or-copy";
import type { Storage } from "./Storage";

export interface LocalStorageOptions {
  /** The folder that holds the objects; made when missing. It must stand outside every static root. */
  directory: string;
}

/** Begins with a dot, so that no key can name it. */
const INCOMING = ".incoming";
const LEFTOVER_AGE = 24 * 60 * 60 * 1000;
const FULL = ["ENOSPC", "EDQUOT"];
const ABSENT = ["ENOENT", "ENOTDIR", "EISDIR"];

/**
 * Keeps objects as files below one folder. Several processes of one machine may share it.
 * The API serves every object itself, so `url` is always null.
 */
export function createLocalStorage({ directory }: LocalStorageOptions): Storage {
  const root = resolve(directory);
  const incoming = join(root, INCOMING);

  const locate = (key: string): string => {
    assertKey(key);
    return join(root, key);
  };

  return {
    name: "local",

    async put(key, sourcePath) {
      const target = locate(key);
      await guarded("store an object", async () => {
        await flush(sourcePath);
        try {
          await moveInto(target, sourcePath, incoming);
          await flushFolders(dirname(target), root);
        } catch (error) {
          await removeEmptyFolders(dirname(target), root);
          throw error;
        }
      });
    },

    async get(key, range) {
      const path = locate(key);
      if (range) {
        assertRange(range);
      }
      return guarded("read an object", () => openObject(key, path, range));
    },

    async link(key, source) {
      const [target, origin] = [locate(key), locate(source)];
      await guarded("store an object", async () => {
        await mkdir(dirname(target), { recursive: true });
        await linkOrCopy(origin, target);
      });
    },

    async stat(key) {
      const path = locate(key);
      return guarded("read an object", async () => {
        const found = await orNull(stat(path));
        return found?.isFile() ? { size: found.size } : null;
      });
    },

    async delete(key) {
      const path = locate(key);
      await guarded("delete an object", async () => {
        await orNull(unlink(path));
        await removeEmptyFolders(dirname(path), root);
      });
    },

    url(key) {
      assertKey(key);
      return null;
    },

    async check() {
      await guarded("be written to", async () => {
        await mkdir(incoming, { recursive: true });
        await sweep(incoming);
        await probe(join(incoming, `${randomUUID()}.probe`));
      });
    },
  };
}

/** Moves the file to `target`. It appears there at once and whole, whatever happens on the way. */
async function moveInto(target: string, source: string, incoming: string): Promise<void> {
  try {
    await renameInto(target, source);
  } catch (error) {
    if (codeOf(error) !== "EXDEV") {
      throw error;
    }
    await copyInto(target, source, incoming);
    await unlink(source);
  }
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

/** A parallel delete may take the parent folder away between the two steps, hence the repetition. */
async function renameInto(target: string, source: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    await mkdir(dirname(target), { recursive: true });
    try {
      return await rename(source, target);
    } catch (error) {
      if (codeOf(error) !== "ENOENT" || attempt === 10) {
        throw error;
      }
    }
  }
}

async function openObject(key: string, path: string, range?: ByteRange): Promise<Readable> {
  const handle = await orNull(open(path, "r"));
  if (!handle) {
    throw new StorageNotFoundError(key);
  }
  try {
    return await streamOf(handle, key, range);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function streamOf(handle: FileHandle, key: string, range?: ByteRange): Promise<Readable> {
  const found = await handle.stat();
  if (!found.isFile()) {
    throw new StorageNotFoundError(key);
  }
  if (range && range.start >= found.size) {
    throw new StorageRequestError("The byte range starts after the end of the object");
  }
  return handle.createReadStream(range);
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the names durable, new parent folders included. Windows cannot open a folder for that. */
async function flushFolders(folder: string, root: string): Promise<void> {
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

async function removeEmptyFolders(folder: string, root: string): Promise<void> {
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

async function probe(path: string): Promise<void> {
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
async function sweep(incoming: string): Promise<void> {
  for (const name of await readdir(incoming)) {
    const path = join(incoming, name);
    const found = await orNull(stat(path));
    if (found && Date.now() - found.mtimeMs > LEFTOVER_AGE) {
      await rm(path, { force: true });
    }
  }
}

async function orNull<T>(act: Promise<T>): Promise<T | null> {
  try {
    return await act;
  } catch (error) {
    if (ABSENT.includes(codeOf(error))) {
      return null;
    }
    throw error;
  }
}

/** Turns failures of the file system into the errors of the contract. */
async function guarded<T>(act: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof StorageNotFoundError || cause instanceof StorageRequestError) {
      throw cause;
    }
    if (FULL.includes(codeOf(cause))) {
      throw new StorageFullError("The local storage is full", { cause });
    }
    throw new StorageUnavailableError(`The local storage cannot ${act}`, { cause });
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "";
}
