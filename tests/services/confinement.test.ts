import { execFile, fork } from "node:child_process";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { FfmpegTools } from "../../src/services/ffmpeg";
import { run, stream } from "../../src/services/ffmpeg/process";
import { clipTools } from "../support/clips";

let tools: FfmpegTools;
let folder: string;
let file: string;

const refused = (code: string) => expect.objectContaining({ name: "MediaError", code });
const script = async (name: string, body: string): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return path;
};
/** What `nice` prints of a program that is to be less important than we are by so much. */
const niceness = (by: number) => String(Math.min(19, getPriority() + by));

beforeAll(async () => {
  tools = await clipTools();
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "confinement-"));
  file = join(folder, "upload.mp4");
});

afterEach(() => rm(folder, { recursive: true }));

describe("the confinement", () => {
  const onLinux = process.platform === "linux" ? it : it.skip;
  const probeWith = async (body: string, options: Partial<Parameters<typeof run>[1]> = {}) => {
    const ffprobe = await script("fake", body);
    await writeFile(file, "");
    const task = {
      program: "ffprobe",
      inputOptions: [],
      file,
      timeout: 5000,
      maxOutput: 10_000,
    } as const;
    return run({ ...tools, ffprobe }, { ...task, ...options });
  };

  onLinux(
    "gives the program no environment, no input, its own folder and low priority",
    async () => {
      process.env.SECRET_OF_THE_SERVER = "canary";
      const seen = String(await probeWith("env; pwd; nice; cat"));
      delete process.env.SECRET_OF_THE_SERVER;
      const lines = seen.trim().split("\n");
      expect(lines.filter((line) => !/^(PWD|OLDPWD|SHLVL|_)=/.test(line)).sort()).toEqual(
        [niceness(10), folder, "LC_ALL=C", "PATH=/usr/bin:/bin"].sort(),
      );
    },
  );

  onLinux("bounds memory, CPU time and written files", async () => {
    expect(tools.prlimit).not.toBeNull();
    const seen = await probeWith("ulimit -v; ulimit -t; ulimit -f; ulimit -c");
    expect(String(seen)).toBe("2097152\n5\n0\n0\n");
  });

  it.each([
    ["takes too long", "exec sleep 60", { timeout: 200 }],
    ["talks too much", "head -c 100000 /dev/zero", {}],
    ["needs too much memory", "echo Cannot allocate memory >&2; exit 1", {}],
  ])("ends a program that %s", async (_name, body, options) => {
    await expect(probeWith(body, options)).rejects.toEqual(refused("MEDIA_TOO_COMPLEX"));
  });

  it("ends the program when the caller gives up", async () => {
    const caller = new AbortController();
    const reason = new Error("The server is stopping");
    setImmediate(() => caller.abort(reason));
    await expect(
      probeWith("exec sleep 60", { signal: caller.signal, timeout: 60_000 }),
    ).rejects.toBe(reason);
  });

  it.each([
    "Unrecognized option 'format_whitelist'.",
    "Option protocol_whitelist not found.",
    "Failed to set value 'file' for option 'protocol_whitelist': Option not found",
  ])("blames ffmpeg, not the file, for %s", async (message) => {
    await expect(probeWith(`echo "${message}" >&2; exit 1`)).rejects.toMatchObject({
      code: "FFMPEG_UNAVAILABLE",
    });
  });

  it("blames ffmpeg, not the file, when it has disappeared", async () => {
    await writeFile(file, "");
    const task = {
      program: "ffprobe",
      inputOptions: [],
      file,
      timeout: 5000,
      maxOutput: 1e6,
    } as const;
    const gone = { ...tools, ffprobe: join(folder, "gone") };
    for (const wrapper of [{}, { prlimit: null }, { prlimit: null, nice: null }]) {
      await expect(run({ ...gone, ...wrapper }, task)).rejects.toMatchObject({
        code: "FFMPEG_UNAVAILABLE",
      });
    }
  });
});

(process.platform === "linux" ? describe : describe.skip)("a long run", () => {
  /** Resolves with what the program writes to standard output, and tells it as it comes. */
  const start = async (body: string, options: object = {}, onText = (_text: string) => {}) => {
    const ffmpeg = await script("fake", body);
    const task = { program: "ffmpeg", inputOptions: [], file: join(folder, "x.mp4") } as const;
    const limits = { timeout: 20_000, threads: 3, memory: 3 * 1024 ** 3, isBackground: true };
    return stream({ ...tools, ffmpeg }, { ...task, ...limits, ...options }, async (output) => {
      let text = "";
      for await (const chunk of output) {
        text += String(chunk);
        onText(text);
      }
      return text;
    });
  };

  it("has the lowest priority, bounds of its own, no input and may write no file", async () => {
    const seen = await start("nice; ulimit -v; ulimit -t; ulimit -f; readlink /proc/self/fd/0");
    expect(seen).toBe(`${niceness(19)}\n3145728\n60\n0\n/dev/null\n`);
  });

  it("is ended with everything it has started", async () => {
    const caller = new AbortController();
    let pid = 0;
    const running = start("sleep 60 & echo $!; wait", { signal: caller.signal }, (text) => {
      pid = Number(text);
      caller.abort(new Error("enough"));
    });
    await expect(running).rejects.toThrow("enough");
    expect(pid).toBeGreaterThan(0);
    expect(await isAlive(pid)).toBe(false);
  });

  it("does not outlive the server, even one that is killed", async () => {
    expect(tools.setpriv).not.toBeNull();
    // It holds the pipe as long as it lives.
    const pipe = join(folder, "pipe");
    await promisify(execFile)("mkfifo", [pipe]);
    await script("ffmpeg", `exec 1> ${pipe}; exec sleep 300`);
    const server = fork(join(__dirname, "support/server.ts"), [folder], {
      execArgv: ["-r", require.resolve("ts-node/register/transpile-only")],
    });
    const held = await open(pipe);
    server.kill("SIGKILL");
    expect(await held.readFile("utf8")).toBe("");
    await held.close();
  });

  async function isAlive(pid: number): Promise<boolean> {
    const state = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "gone Z");
    return !/ Z/.test(state);
  }
});
