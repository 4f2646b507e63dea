import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { StorageNotFoundError, StorageUnavailableError } from "./errors";
import type { Storage } from "./Storage";

/**
 * `Storage.download` for a storage elsewhere: streams the object into a new file and compares the
 * sizes, as a transfer cut short does not always say so.
 */
export async function downloadByStream(
  storage: Pick<Storage, "name" | "stat" | "get">,
  key: string,
  targetPath: string,
): Promise<void> {
  const found = await storage.stat(key);
  if (!found) {
    throw new StorageNotFoundError(key);
  }
  const body = await storage.get(key);
  const file = createWriteStream(targetPath, { flags: "wx" });
  try {
    await pipeline(body, file);
    if (file.bytesWritten !== found.size) {
      throw new Error(`${file.bytesWritten} bytes came instead of ${found.size}`);
    }
  } catch (cause) {
    await removeOwn(targetPath, cause);
    throw new StorageUnavailableError(`The ${storage.name} storage cannot read an object`, {
      cause,
    });
  }
}

/** A file that was there before is not ours to remove. */
async function removeOwn(path: string, cause: unknown): Promise<void> {
  if ((cause as NodeJS.ErrnoException).code !== "EEXIST") {
    await rm(path, { force: true });
  }
}
