import { randomUUID } from "node:crypto";
import { mkdir, open, stat, unlink } from "node:fs/promises";
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
import {
  flush,
  flushFolders,
  moveInto,
  orNull,
  probe,
  removeEmptyFolders,
  sweep,
} from "./local.files";
import type { ByteRange } from "../../utils/byte-range";
import { isDiskFull } from "../../utils/disk-full";
import { linkOrCopy } from "../../utils/link-or-copy";
import type { Storage } from "./Storage";

export interface LocalStorageOptions {
  /** The folder that holds the objects; made when missing. It must stand outside every static root. */
  directory: string;
}

/** Begins with a dot, so that no key can name it. */
const INCOMING = ".incoming";

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

    async download(key, targetPath) {
      const path = locate(key);
      await guarded("read an object", async () => {
        const found = await orNull(stat(path));
        if (!found?.isFile()) {
          throw new StorageNotFoundError(key);
        }
        await linkOrCopy(path, targetPath);
      });
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

/** Turns failures of the file system into the errors of the contract. */
async function guarded<T>(act: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof StorageNotFoundError || cause instanceof StorageRequestError) {
      throw cause;
    }
    if (isDiskFull(cause)) {
      throw new StorageFullError("The local storage is full", { cause });
    }
    throw new StorageUnavailableError(`The local storage cannot ${act}`, { cause });
  }
}
