import type { ChildProcess } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import { readlinkSync } from "node:fs";
import { SPAWNED, type Spawned } from "./command-lines";

/*
 * Loaded into a server before its own code: prints each program that it starts, so that the same
 * command lines can be run without it.
 */

subscribe("child_process", (message) => {
  const child = (message as { process: ChildProcess }).process;
  child.once("spawn", () => {
    const spawned: Spawned = { cwd: cwdOf(child.pid!), args: child.spawnargs };
    process.stdout.write(`${SPAWNED}${JSON.stringify(spawned)}\n`);
  });
});

/** Empty for a program that has ended already. */
function cwdOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}
