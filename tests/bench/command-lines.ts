import { spawn } from "node:child_process";
import { once } from "node:events";
import { basename } from "node:path";

/** A program that was started. */
export interface Spawned {
  cwd: string;
  args: string[];
}

/** What the line that tells of it begins with. */
export const SPAWNED = "spawned ";

/** Runs the programs one after the other in a folder; what they print goes nowhere. */
export async function replay(lines: Spawned[], cwd: string): Promise<void> {
  for (const { args } of lines) {
    const [program = "", ...rest] = args;
    // The fourth is where ffmpeg tells how far it is.
    const child = spawn(program, rest, { cwd, stdio: Array<"ignore">(4).fill("ignore") });
    const [status] = (await once(child, "close")) as [number | null];
    if (status !== 0) {
      throw new Error(`${basename(program)} ended with ${status}`);
    }
  }
}

/** The name of the file that a program reads; all of one video read the same. */
export function inputOf({ args }: Spawned): string {
  return (args.find((arg) => arg.startsWith("file:")) ?? "").slice("file:".length);
}
