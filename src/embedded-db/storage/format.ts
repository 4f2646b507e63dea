import { metaKey } from "./keys";
import type { Reader, Writer } from "./storage";

/**
 * Raised whenever older programs could not read what newer ones write. 2: after the loss of power a
 * store is only whole from its flush point on, which format 1 does not know. 3: what was written
 * last is in a journal.
 */
const FORMAT_VERSION = 3;

const KEY = metaKey("format");

/** Refuses a store that a newer program wrote. */
export function refuseNewerFormat(store: Reader, folder: string): void {
  const version = formatOf(store);
  if (version > FORMAT_VERSION) {
    throw new Error(
      `The data in ${folder} has format ${version}, but this program knows formats up to ${FORMAT_VERSION}: ` +
        "it was written by a newer version. Use that version, or another data folder.",
    );
  }
}

/** True when the store is marked as one of this format. */
export function isOfThisFormat(store: Reader): boolean {
  return formatOf(store) === FORMAT_VERSION;
}

export function markFormat(writer: Writer): void {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(FORMAT_VERSION, 0);
  writer.put(KEY, bytes);
}

function formatOf(store: Reader): number {
  return store.get(KEY)?.readUInt32BE(0) ?? 0;
}
