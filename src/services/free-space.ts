import { statfs } from "node:fs/promises";
import { StorageFullError } from "./storage";

/**
 * Makes sure that a file fits on the disk and leaves the floor free.
 * @throws StorageFullError
 */
export async function requireFreeSpace(
  folder: string,
  { bytes, floor }: { bytes: number; floor: number },
): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free - bytes < floor) {
    throw new StorageFullError(`${free} bytes are free, ${floor} of which are kept`);
  }
}
