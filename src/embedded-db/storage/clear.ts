import type { KeyRange, Writer } from "./storage";

/** Keys that are deleted at once. */
const CHUNK = 10_000;

/** Removes everything under a range of keys, whose values need not fit into memory. */
export function clear(writer: Writer, range: KeyRange): void {
  for (let keys = firstKeys(writer, range); keys.length > 0; keys = firstKeys(writer, range)) {
    keys.forEach((key) => writer.delete(key));
  }
}

function firstKeys(writer: Writer, range: KeyRange): Buffer[] {
  const keys: Buffer[] = [];
  for (const { key } of writer.range(range)) {
    if (keys.push(key) === CHUNK) {
      break;
    }
  }
  return keys;
}
