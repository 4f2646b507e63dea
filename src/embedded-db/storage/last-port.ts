import { metaKey } from "./keys";
import type { Storage } from "./storage";

const KEY = metaKey("port");

/** The port this store was last served at; 0 when it never was. */
export function readLastPort(storage: Storage): number {
  return storage.get(KEY)?.readUInt16BE(0) ?? 0;
}

export async function writeLastPort(storage: Storage, port: number): Promise<void> {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeUInt16BE(port, 0);
  await storage.write((writer) => writer.put(KEY, bytes));
}
