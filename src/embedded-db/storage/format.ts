import { metaKey } from "./keys";
import type { Reader, Writer } from "./storage";

/**
 * Raised whenever older programs could not read what newer ones write. 2: after the loss of power a
 * store is only whole from its flush point on, which format 1 does not know. 3: what was written
 * last is in a journal; equal numbers have one key in indexes, and paths lead to places in arrays.
 * 4: keys of decimals and of strings with zero bytes sort like the values, and those of many long
 * fields are cut.
 */
const FORMAT_VERSION = 4;

const KEY = metaKey("format");

/** There while indexes hold keys of earlier formats. */
const REBUILD = metaKey("rebuild");

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

/**
 * Marks a store as one of this format, the indexes of which are to be built anew. Both at once, so
 * that no older program writes its keys between those that are new already.
 */
export function markFormat(writer: Writer): void {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(FORMAT_VERSION, 0);
  writer.put(KEY, bytes);
  writer.put(REBUILD, bytes);
}

/** True for a store whose indexes have keys of an older format. */
export function markedForRebuild(reader: Reader): boolean {
  return reader.get(REBUILD) !== undefined;
}

export function unmarkForRebuild(writer: Writer): void {
  writer.delete(REBUILD);
}

function formatOf(store: Reader): number {
  return store.get(KEY)?.readUInt32BE(0) ?? 0;
}
