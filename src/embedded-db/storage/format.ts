import { metaKey } from "./keys";
import type { Storage } from "./storage";

/**
 * Raised whenever older programs could not read what newer ones write. 2: after the loss of power a
 * store is only whole from its flush point on, which format 1 does not know.
 */
const FORMAT_VERSION = 2;

const KEY = metaKey("format");

/** Marks a store and refuses one that a newer program wrote. */
export async function checkFormat(storage: Storage, folder: string): Promise<void> {
  const version = storage.get(KEY)?.readUInt32BE(0) ?? 0;
  if (version > FORMAT_VERSION) {
    throw new Error(
      `The data in ${folder} has format ${version}, but this program knows formats up to ${FORMAT_VERSION}: ` +
        "it was written by a newer version. Use that version, or another data folder.",
    );
  }
  if (version < FORMAT_VERSION) {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32BE(FORMAT_VERSION, 0);
    await storage.write((writer) => writer.put(KEY, bytes));
  }
}
