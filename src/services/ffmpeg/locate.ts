import { execFile } from "node:child_process";
import { access, chmod, constants } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { FfmpegError } from "./FfmpegError";

/** A matching pair of programs, as absolute paths. */
export interface FfmpegTools {
  ffmpeg: string;
  ffprobe: string;
  source: "configured" | "path" | "packaged";
  /** What ffmpeg calls itself, such as `5.1.9-0+deb12u1`. */
  version: string;
  /** `prlimit` of util-linux, which bounds memory, CPU time and files; null where there is none. */
  prlimit: string | null;
  /** `nice` of POSIX, which lets all other programs go first; null where there is none. */
  nice: string | null;
  /** `setpriv` of util-linux, which ends a program with its parent; null where there is none. */
  setpriv: string | null;
}

export interface LocateOptions {
  /** When only one of the two is given, the other is expected beside it. */
  ffmpegPath?: string;
  ffprobePath?: string;
  /** The folders to look in, written like the PATH variable. */
  searchPath?: string;
}

interface Pair {
  ffmpeg: string;
  ffprobe: string;
}

const SUFFIX = process.platform === "win32" ? ".exe" : "";
const SYSTEM_PATH = ["/usr/local/bin", "/usr/bin", "/bin"].join(delimiter);
const VERSION_TIMEOUT = 10_000;

/**
 * Finds ffmpeg and ffprobe: the configured paths, else a pair on the search path, else the pair
 * that came with the npm packages. The two always come from one place, so that they agree.
 * A configured program that does not work is an error, never silently replaced. Ask once and keep
 * the answer. Throws FfmpegError.
 */
export async function locateFfmpeg(options: LocateOptions = {}): Promise<FfmpegTools> {
  const searchPath = options.searchPath ?? SYSTEM_PATH;
  const configured = configuredPair(options);
  if (configured) {
    return describe(configured, "configured");
  }
  const onPath = await pairOnPath(searchPath);
  return onPath ? describe(onPath, "path") : describe(await packagedPair(), "packaged");
}

function configuredPair({ ffmpegPath, ffprobePath }: LocateOptions): Pair | null {
  const known = ffmpegPath ?? ffprobePath;
  if (known === undefined) {
    return null;
  }
  const beside = (name: string) => join(dirname(known), name + SUFFIX);
  return { ffmpeg: ffmpegPath ?? beside("ffmpeg"), ffprobe: ffprobePath ?? beside("ffprobe") };
}

async function pairOnPath(searchPath: string): Promise<Pair | null> {
  const ffmpeg = await findOnPath("ffmpeg", searchPath);
  const ffprobe = await findOnPath("ffprobe", searchPath);
  return ffmpeg && ffprobe ? { ffmpeg, ffprobe } : null;
}

async function findOnPath(name: string, searchPath: string): Promise<string | null> {
  for (const folder of searchPath.split(delimiter)) {
    const path = join(folder, name + SUFFIX);
    if (folder && (await isExecutable(path))) {
      return path;
    }
  }
  return null;
}

/** Installed with `--ignore-scripts`, a packaged program may lack its executable bit. */
async function packagedPair(): Promise<Pair> {
  const pair = await readPackages();
  for (const path of [pair.ffmpeg, pair.ffprobe]) {
    if (!(await isExecutable(path))) {
      await makeExecutable(path);
    }
  }
  return pair;
}

async function readPackages(): Promise<Pair> {
  try {
    const ffmpeg = await import("@ffmpeg-installer/ffmpeg");
    const ffprobe = await import("@ffprobe-installer/ffprobe");
    return { ffmpeg: ffmpeg.path, ffprobe: ffprobe.path };
  } catch (cause) {
    throw new FfmpegError(
      "No ffmpeg was found and none is packaged for this system: install ffmpeg or configure its path",
      { cause },
    );
  }
}

async function makeExecutable(path: string): Promise<void> {
  try {
    await chmod(path, 0o755);
  } catch (cause) {
    throw new FfmpegError(
      `${path} may not be executed by this user and the permission could not be changed: run chmod 755 on it, or install ffmpeg`,
      { cause },
    );
  }
}

async function describe(pair: Pair, source: FfmpegTools["source"]): Promise<FfmpegTools> {
  await readVersion(pair.ffprobe);
  const version = await readVersion(pair.ffmpeg);
  return {
    ...{ ...pair, source, version },
    nice: await findOnPath("nice", SYSTEM_PATH),
    prlimit: await findOnPath("prlimit", SYSTEM_PATH),
    setpriv: await findSetpriv(),
  };
}

/** Other programs of this name, such as BusyBox's, know no signal at the parent's death. */
async function findSetpriv(): Promise<string | null> {
  const path = await findOnPath("setpriv", SYSTEM_PATH);
  const attempt = path && promisify(execFile)(path, ["--pdeathsig", "KILL", "--", "true"]);
  return attempt ? attempt.then(() => path).catch(() => null) : null;
}

async function readVersion(program: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, ["-version"], {
      timeout: VERSION_TIMEOUT,
      killSignal: "SIGKILL",
    });
    return /^ff\w+ version (\S+)/.exec(stdout)?.[1] ?? "unknown";
  } catch (cause) {
    throw new FfmpegError(`${program} cannot be run`, { cause });
  }
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
