import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { config } from "../../src/config/env";

/** Names of all files below a folder of this test file's data, such as `media` or `uploads`. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(join(config.dataDir, folder), {
    recursive: true,
    withFileTypes: true,
  }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

/** The path below /api/v1 of a media URL. */
export function mediaPath(url: string): string {
  return new URL(url).pathname.replace("/api/v1", "");
}

/** Waits until a folder is empty: what a request received goes when its connection is done. */
export async function emptied(folder: string): Promise<void> {
  while ((await readdir(folder)).length > 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
