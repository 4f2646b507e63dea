import { spawn, type ChildProcess } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { MediaError } from "../MediaError";
import { FfmpegError } from "./FfmpegError";
import type { FfmpegTools } from "./locate";

export interface MediaTaskOptions {
  /** Ends the program at once; the call then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Whether nobody waits for it, so that everything else on the machine goes first. */
  isBackground?: boolean;
}

/** One run of ffmpeg or ffprobe on one file. Standard output is all it may write. */
export interface StreamRun extends MediaTaskOptions {
  program: "ffmpeg" | "ffprobe";
  /** Before the input: what concerns reading it. */
  inputOptions: readonly string[];
  file: string;
  /** After the input: what concerns the output. ffprobe's options may all stand before. */
  outputOptions?: readonly string[];
  /** Milliseconds of time passed and, for each thread, of CPU time. */
  timeout: number;
  /** How many threads may compute at once; 1 when left out. */
  threads?: number;
  /** Bytes of address space; 2 GiB when left out. */
  memory?: number;
  /** Only for ffmpeg: told again and again how many seconds of output are made. */
  onProgress?: (seconds: number) => void;
}

/** A run whose output is small enough to be kept in memory. */
export interface Run extends StreamRun {
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
const MAX_ERRORS = 16 * 1024;
const ENVIRONMENT = { PATH: "/usr/bin:/bin", LC_ALL: "C" };
/** A part of the confinement is unknown or cannot be set, or this ffmpeg lacks what it needs. */
const NOT_CONFINED =
  /unrecognized option|option '?\S* ?not found|no such filter|unknown encoder|^(\/\S+\/)?(nice|prlimit|setpriv): /im;
const OUT_OF_MEMORY = /cannot allocate memory/i;
/** ffmpeg's exit code when a polite signal has ended it, of which it prints nothing; its output is cut short. */
const INTERRUPTED = 255;
const HAS_GROUPS = process.platform !== "win32";

/** How a program has ended. */
interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Why it could not be started at all. */
  error?: Error;
  stderr: string;
}

/**
 * Runs the program, confined, and resolves with its standard output; otherwise like `stream`.
 * More output than `maxOutput` is MEDIA_TOO_COMPLEX.
 */
export function run(tools: FfmpegTools, task: Run): Promise<Buffer> {
  return stream(tools, task, (output) => collect(output, task.maxOutput));
}

/**
 * Runs the program, confined: no shell, no input, no inherited environment, in the file's own
 * folder and bounded in time. Where prlimit exists it is bounded in memory, too, and unable to
 * write any file; with nice, everything else on the machine goes first; with setpriv it does not
 * outlive the server, not even one that was killed. An ffmpeg that does not know an option of the
 * confinement does not start.
 * `consume` reads standard output at its own pace; when it fails, the program is ended and the
 * call rejects with that failure. Throws MediaError MEDIA_UNREADABLE or MEDIA_TOO_COMPLEX, or
 * FfmpegError.
 */
export async function stream<T>(
  tools: FfmpegTools,
  task: StreamRun,
  consume: (output: Readable) => Promise<T>,
): Promise<T> {
  task.signal?.throwIfAborted();
  const child = start(tools, task);
  const end = () => kill(child);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, task.timeout);
  task.signal?.addEventListener("abort", end);
  try {
    const output = child.stdout as Readable;
    const consumed = consume(output).catch((error: unknown) => {
      end();
      // What nobody reads any more would keep the pipe open and the end from being told.
      output.destroy();
      return new Failure(error);
    });
    const [result, exit] = await Promise.all([consumed, exitOf(child)]);
    assertEnded(exit, task, { isLate, hasConsumerFailed: result instanceof Failure });
    return valueOf(result);
  } finally {
    clearTimeout(timer);
    task.signal?.removeEventListener("abort", end);
  }
}

/** Tells a consumer's failure from any value it may resolve with. */
class Failure {
  constructor(readonly reason: unknown) {}
}

function valueOf<T>(result: T | Failure): T {
  if (result instanceof Failure) {
    throw result.reason;
  }
  return result;
}

function start(tools: FfmpegTools, task: StreamRun): ChildProcess {
  const [command, ...args] = commandLine(tools, task);
  const child = spawn(command, args, {
    cwd: dirname(task.file),
    env: ENVIRONMENT,
    stdio: ["ignore", "pipe", "pipe", task.onProgress ? "pipe" : "ignore"],
    // A group of its own, so that whatever it starts can be ended with it.
    detached: HAS_GROUPS,
  });
  if (task.isBackground) {
    lowerGroup(child);
  }
  if (task.onProgress) {
    reportProgress(child.stdio[3] as Readable, task.onProgress);
  }
  return child;
}

/**
 * Linux shares the processor among sessions first, and this program has one of its own: `nice` counts
 * only within it (sched(7), "The autogroup feature"). A system without autogroups has no such file.
 */
function lowerGroup({ pid }: ChildProcess): void {
  writeFile(`/proc/${pid}/autogroup`, "19").catch(() => undefined);
}

function kill({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) {
      process.kill(HAS_GROUPS ? -pid : pid, "SIGKILL");
    }
  } catch {
    // It has ended already.
  }
}

function reportProgress(output: Readable, onProgress: (seconds: number) => void): void {
  output.on("error", () => undefined);
  createInterface({ input: output }).on("line", (line) => {
    const microseconds = /^out_time_us=(\d+)$/.exec(line)?.[1];
    if (microseconds !== undefined) {
      onProgress(Number(microseconds) / 1e6);
    }
  });
}

/** The beginning says what went wrong; a damaged file can make ffmpeg complain without end. */
function exitOf(child: ChildProcess): Promise<Exit> {
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(0, MAX_ERRORS);
  });
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: null, signal: null, error, stderr }));
    child.once("close", (code, signal) => resolve({ code, signal, stderr }));
  });
}

async function collect(output: Readable, maxOutput: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of output as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxOutput) {
      throw tooComplex();
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function commandLine(tools: FfmpegTools, task: StreamRun): [string, ...string[]] {
  const line = [
    tools[task.program],
    // ffprobe never reads standard input and does not know the option.
    ...(task.program === "ffmpeg" ? ["-nostdin"] : []),
    "-v",
    "error",
    ...(task.onProgress ? ["-nostats", "-progress", "pipe:3"] : []),
    ...CONFINED_INPUT,
    ...task.inputOptions,
    "-i",
    `file:${basename(task.file)}`,
    ...(task.outputOptions ?? []),
  ];
  const wrappers = [deathSignal(tools), niceness(tools, task), limits(tools, task)];
  return [...wrappers.flat(), ...line] as [string, ...string[]];
}

function deathSignal({ setpriv }: FfmpegTools): string[] {
  return setpriv ? [setpriv, "--pdeathsig", "KILL", "--"] : [];
}

function limits({ prlimit }: FfmpegTools, task: StreamRun): string[] {
  const seconds = Math.ceil(task.timeout / 1000) * (task.threads ?? 1);
  const memory = task.memory ?? MAX_MEMORY;
  return prlimit
    ? [prlimit, `--as=${memory}`, `--cpu=${seconds}`, "--fsize=0", "--core=0", "--"]
    : [];
}

function niceness({ nice }: FfmpegTools, { isBackground }: StreamRun): string[] {
  return nice ? [nice, "-n", isBackground ? "19" : "10"] : [];
}

/** Why a program was ended by us, if it was. */
interface Ended {
  isLate: boolean;
  hasConsumerFailed: boolean;
}

/** A program that was ended because its consumer failed is not to blame for that. */
function assertEnded(exit: Exit, task: StreamRun, { isLate, hasConsumerFailed }: Ended): void {
  const cause = new Error(`${task.program}: ${exit.stderr.trim().slice(0, 2000)}`, {
    cause: exit.error,
  });
  if (task.signal?.aborted) {
    throw task.signal.reason;
  }
  if (exit.code === 0 || (exit.signal !== null && hasConsumerFailed)) {
    return;
  }
  if (!isLate && isInterrupted(exit)) {
    throw new FfmpegError(`${task.program} was ended by somebody else`, { cause });
  }
  if (exit.signal !== null || OUT_OF_MEMORY.test(exit.stderr)) {
    throw tooComplex(cause);
  }
  if (exit.error || NOT_CONFINED.test(exit.stderr)) {
    throw new FfmpegError(`${task.program} cannot be run as it has to be`, { cause });
  }
  throw new MediaError("MEDIA_UNREADABLE", "The video is damaged or cannot be read", { cause });
}

/** Ended by an operator, a supervisor or a system out of memory: no file makes a program do that to itself. */
function isInterrupted({ code, signal, stderr }: Exit): boolean {
  const isForeign = signal === "SIGKILL" || signal === "SIGTERM" || signal === "SIGINT";
  return isForeign || (code === INTERRUPTED && stderr.trim() === "");
}

function tooComplex(cause?: Error): MediaError {
  const message = "The video takes too much time or memory to read";
  return new MediaError("MEDIA_TOO_COMPLEX", message, { cause });
}
