import { StorageRequestError } from "./errors";
import type { ByteRange } from "../../utils/byte-range";

const SEGMENT = "[a-z0-9_-][a-z0-9._-]*";
const KEY = new RegExp(`^(?:${SEGMENT}/)*${SEGMENT}\\.[a-z0-9]+$`);
const LONGEST_KEY = 200;

/** Refuses every key the storage contract does not allow, before it becomes a path or an address. */
export function assertKey(key: string): void {
  if (key.length > LONGEST_KEY || key.includes("..") || !KEY.test(key)) {
    throw new StorageRequestError("The storage key is not of the allowed form");
  }
}

/** Whether anyone may read the object. Only what is listed here is public. */
export function isPublicKey(key: string): boolean {
  return key.startsWith("users/");
}

/** Refuses a range that is not two whole numbers in order. */
export function assertRange({ start, end }: ByteRange): void {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw new StorageRequestError("The byte range is not of the allowed form");
  }
}
