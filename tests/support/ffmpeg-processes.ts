import { readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** The numbers of all processes that work in a folder or below, as ffmpeg does beside its file. */
export async function processesIn(folder: string): Promise<number[]> {
  const numbers = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const folders = await Promise.all(
    numbers.map((number) => readlink(join("/proc", number, "cwd")).catch(() => "")),
  );
  return numbers.filter((_, i) => folders[i]!.startsWith(`${folder}/`)).map(Number);
}

/** Ends one process that works in the folder as soon as there is one; answers its number. */
export async function killOneIn(folder: string, signal: NodeJS.Signals): Promise<number> {
  for (;;) {
    const [pid] = await processesIn(folder);
    if (pid !== undefined && kill(pid, signal)) {
      return pid;
    }
    await pause(10);
  }
}

function kill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    // It has ended since it was looked for.
    return false;
  }
}
