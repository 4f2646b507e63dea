import { execFile, type ExecFileException } from "node:child_process";
import { setPriority } from "node:os";
import { basename, dirname } from "node:path";
import { MediaError } from "../MediaError";
import { FfmpegError } from "./FfmpegError";
import type { FfmpegTools } from "./locate";

export interface MediaTaskOptions {
  /** Ends the program at once; the call then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** One run of ffmpeg or ffprobe on one file. */
export interface Run extends MediaTaskOptions {
  program: "ffmpeg" | "ffprobe";
  /** Before the input: what concerns reading it. */
  inputOptions: readonly string[];
  file: string;
  /** After the input: what concerns the output. ffprobe's options may all stand before. */
  outputOptions?: readonly string[];
  /** Milliseconds, of time passed and of CPU time alike. */
  timeout: number;
  /** Bytes of standard output. */
  maxOutput: number;
}

/**
 * Refuses every input but a plain local file of these containers. A playlist makes ffmpeg open
 * what it names, other users' files included, and the protocol list alone does not stop that.
 */
const CONFINED_INPUT: readonly string[] = [
  "-protocol_whitelist",
  "file",
  "-format_whitelist",
  "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm",
];

const MAX_MEMORY = 2 * 1024 ** 3;
const LOW_PRIORITY = 10;
const ENVIRONMENT = { PATH: "/usr/bin:/bin", LC_ALL: "C" };
/** An option of the confinement is unknown, or the limits cannot be set. */
const NOT_CONFINED = /unrecognized option|option '?\S* ?not found|^prlimit: /im;
const OUT_OF_MEMORY = /cannot allocate memory/i;

/**
 * Runs the program, confined: no shell, no input, no inherited environment, in the file's own
 * folder, at low priority, bounded in time, memory and output, and unable to write any file where
 * prlimit exists. An ffmpeg that does not know an option of the confinement does not start.
 * Resolves with standard output. Throws MediaError MEDIA_UNREADABLE or MEDIA_TOO_COMPLEX, or
 * FfmpegError.
 */
export function run(tools: FfmpegTools, task: Run): Promise<Buffer> {
  const [command, ...args] = commandLine(tools, task);
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      {
        cwd: dirname(task.file),
        env: ENVIRONMENT,
        timeout: task.timeout,
        killSignal: "SIGKILL",
        maxBuffer: task.maxOutput,
        encoding: "buffer",
        signal: task.signal,
      },
      (error, stdout, stderr) => {
        if (error) {
          reject(explain(error, stderr.toString("utf8"), task));
        } else {
          resolve(stdout);
        }
      },
    );
    child.stdin?.end();
    lowerPriority(child.pid);
  });
}

function commandLine(tools: FfmpegTools, task: Run): [string, ...string[]] {
  const line = [
    tools[task.program],
    // ffprobe never reads standard input and does not know the option.
    ...(task.program === "ffmpeg" ? ["-nostdin"] : []),
    "-v",
    "error",
    ...CONFINED_INPUT,
    ...task.inputOptions,
    "-i",
    `file:${basename(task.file)}`,
    ...(task.outputOptions ?? []),
  ] as const;
  return tools.prlimit ? [tools.prlimit, ...limits(task), ...line] : [...line];
}

function limits(task: Run): string[] {
  const seconds = Math.ceil(task.timeout / 1000);
  return [`--as=${MAX_MEMORY}`, `--cpu=${seconds}`, "--fsize=0", "--core=0", "--"];
}

function lowerPriority(pid: number | undefined): void {
  try {
    if (pid !== undefined) {
      setPriority(pid, LOW_PRIORITY);
    }
  } catch {
    // The program has ended already, or the system forbids it: being polite is all that is lost.
  }
}

function explain(error: ExecFileException, stderr: string, task: Run): Error {
  const cause = new Error(`${task.program}: ${stderr.trim().slice(0, 2000)}`, { cause: error });
  if (task.signal?.aborted) {
    return task.signal.reason as Error;
  }
  if (isOverLimit(error) || OUT_OF_MEMORY.test(stderr)) {
    return new MediaError("MEDIA_TOO_COMPLEX", "The video takes too much time or memory to read", {
      cause,
    });
  }
  if (typeof error.code !== "number" || NOT_CONFINED.test(stderr)) {
    return new FfmpegError(`${task.program} cannot be run as it has to be`, { cause });
  }
  return new MediaError("MEDIA_UNREADABLE", "The video is damaged or cannot be read", { cause });
}

function isOverLimit(error: ExecFileException): boolean {
  const killed = error.signal !== null && error.signal !== undefined;
  return killed || error.code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER";
}
