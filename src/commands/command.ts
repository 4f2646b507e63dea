import { connectDB } from "../db";

/** What a command answers the shell. */
export const ExitStatus = { done: 0, failed: 1, usage: 2 } as const;

export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

/** Writes for the person at the terminal; the log is for the server. */
export function print(text = ""): void {
  process.stdout.write(`${text}\n`);
}

/** Reads the arguments and says how the command is used when they make no sense. */
export function readArguments<T>(usage: string, read: (argv: string[]) => T): T {
  try {
    return read(process.argv.slice(2));
  } catch {
    process.stderr.write(usage);
    return process.exit(ExitStatus.usage);
  }
}

/** Runs the work on the product's database, whether or not a server runs on it, and ends the process. */
export async function runCommand(work: () => Promise<ExitStatus>): Promise<void> {
  try {
    const database = await connectDB();
    try {
      process.exitCode = await work();
    } finally {
      await database.disconnect();
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = ExitStatus.failed;
  }
}
