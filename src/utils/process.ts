import { randomBytes } from "node:crypto";
import { hostname } from "node:os";

/** One run of one process: a later process of the machine may get the same number. */
export interface ProcessRun {
  host: string;
  pid: number;
  run: string;
}

/** This process. */
export const THIS_RUN: ProcessRun = {
  host: hostname(),
  pid: process.pid,
  run: randomBytes(6).toString("hex"),
};

/** Whether a process is known to have ended; only those of this machine can be looked for. */
export function hasEnded({ host, pid, run }: ProcessRun): boolean {
  if (host !== THIS_RUN.host) {
    return false;
  }
  return pid === THIS_RUN.pid ? run !== THIS_RUN.run : !isAlive(pid);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, but another user's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
