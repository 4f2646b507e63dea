import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { copyFile, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { makeVideo, pad } from "./clips";
import { inputOf, replay } from "./command-lines";
import { ask, get, quantile, say } from "./server";
import { openSubject, processed, publish, sendFile, type Published, type Subject } from "./subject";

/*
 * What media costs beyond what it must: figures beside something bare that is measured in the same
 * run, in turns, so that whatever else the machine does weighs on both alike. Needs Linux.
 */

const USAGE = `Usage: npm run bench:media [-- --size MB] [--rounds N]

  --size MB   of the uploads whose throughput is measured (default 1000)
  --rounds N  uploads and processed videos (default 3)
`;

const MB = 2 ** 20;
const READS = 400;

interface Options {
  size: number;
  rounds: number;
}

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        size: { type: "string", default: "1000" },
        rounds: { type: "string", default: "3" },
      },
    });
    const [size, rounds] = [values.size, values.rounds].map(Number);
    if (!size || !rounds) {
      throw new Error("not numbers");
    }
    return { size, rounds };
  } catch {
    process.stderr.write(USAGE);
    process.exit(2);
  }
}

/** Milliseconds that it takes. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

const median = (values: number[]) => quantile(values, 0.5);

function report(name: string, figure: string, goal: string, isMet: boolean): void {
  say(`${name.padEnd(58)}${figure.padStart(10)}   ${goal.padEnd(10)} ${isMet ? "met" : "NOT MET"}`);
}

/** Uploads to the product and to a bare server in turns. */
async function measureUploads(subject: Subject, video: string, { size, rounds }: Options) {
  const large = join(subject.folder, "large.mp4");
  await pad(video, large, size * MB);
  const bare = await startBare(join(subject.folder, "bare.bin"));
  const [ours, least]: [number[], number[]] = [[], []];
  for (let round = -1; round < rounds; round += 1) {
    let published: Published | undefined;
    const times = [
      await timed(async () => (published = await publish(subject, large))),
      await timed(() => sendFile(bare.url, large)),
    ] as const;
    await remove(subject, published!);
    // The first round warms compilers and caches up.
    if (round >= 0) {
      ours.push(times[0]);
      least.push(times[1]);
    }
  }
  await bare.stop();
  const ratio = median(least) / median(ours);
  const speed = (times: number[]) => ((1000 * size) / median(times)).toFixed(0);
  const name = `upload throughput over bare node:http (${speed(ours)} / ${speed(least)} MB/s)`;
  report(name, ratio.toFixed(2), ">= 0.8", ratio >= 0.8);
}

async function startBare(target: string) {
  const file = join(__dirname, "bare.ts");
  const loader = ["--require", require.resolve("ts-node/register")];
  const child = spawn(process.execPath, [...loader, file, target], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [url] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return {
    url,
    async stop() {
      child.kill();
      await once(child, "close");
    },
  };
}

async function remove({ url, token }: Subject, { _id }: Published): Promise<void> {
  await ask(`${url}/videos/${_id}`, {
    method: "DELETE",
    headers: { Authorization: `Bearer ${token}` },
  });
}

/** How much the server's memory grows while a gigabyte comes in. */
async function measureMemory(subject: Subject, video: string): Promise<void> {
  const large = join(subject.folder, "gigabyte.mp4");
  await pad(video, large, 1024 * MB);
  const idle = residentBytes(subject);
  let peak = idle;
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBytes(subject));
  }, 50);
  await publish(subject, large);
  clearInterval(timer);
  const grown = (peak - idle) / MB;
  report(
    "memory during an upload of 1 GB, over idle",
    `${grown.toFixed(0)} MB`,
    "< 150 MB",
    grown < 150,
  );
}

function residentBytes({ child }: Subject): number {
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
}

/** Processes a video, then runs the same command lines alone, in turns. */
async function measurePipeline(subject: Subject, video: string, rounds: number): Promise<void> {
  const [ours, least]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    subject.spawned.length = 0;
    const published = await publish(subject, video);
    await processed(subject, published);
    // It waits to be processed from the moment that it is saved.
    ours.push(Date.now() - Date.parse(published.createdAt));
    const lines = subject.spawned.filter(({ cwd }) => cwd.includes("/work/"));
    const folder = join(subject.folder, `replay-${round}`);
    await mkdir(folder);
    for (const input of new Set(lines.map(inputOf))) {
      const stored = join(subject.folder, "media", "videos", published._id, input);
      await copyFile(stored, join(folder, input));
    }
    least.push(await timed(() => replay(lines, folder)));
    await rm(folder, { recursive: true });
  }
  const ratio = median(ours) / median(least);
  const seconds = (times: number[]) => (median(times) / 1000).toFixed(1);
  const name = `processing over its ffmpeg runs alone (${seconds(ours)} / ${seconds(least)} s)`;
  report(name, ratio.toFixed(2), "<= 1.1", ratio <= 1.1);
}

/** Reads a list while nothing else happens, and while two videos are processed. */
async function measureReads(subject: Subject, video: string): Promise<void> {
  const times = async (isOver: () => boolean) => {
    const all: number[] = [];
    while (all.length < READS && !isOver()) {
      all.push(await timed(() => get(`${subject.url}/videos`)));
    }
    return all;
  };
  await times(() => false);
  const idle = quantile(await times(() => false), 0.99);
  const two = [await publish(subject, video), await publish(subject, video)];
  let isOver = false;
  const over = Promise.all(two.map((one) => processed(subject, one))).then(() => (isOver = true));
  const busy = quantile(await times(() => isOver), 0.99);
  await over;
  const name = `p99 of GET /videos, two processed / idle (${busy.toFixed(1)} / ${idle.toFixed(1)} ms)`;
  report(name, (busy / idle).toFixed(2), "<= 2", busy / idle <= 2);
}

async function main(): Promise<void> {
  const options = readOptions();
  const folder = mkdtempSync(join(tmpdir(), "mega-backend-bench-"));
  const subjects: Subject[] = [];
  const open = async (name: string, concurrency: number) => {
    const subject = await openSubject(join(folder, name), concurrency);
    subjects.push(subject);
    return subject;
  };
  try {
    const video = join(folder, "video.mp4");
    await makeVideo(video, 20, "1280x720");
    const receiver = await open("receiver", 0);
    await measureMemory(receiver, video);
    await measureUploads(receiver, video, options);
    const processor = await open("processor", 2);
    await measurePipeline(processor, video, options.rounds);
    await measureReads(processor, video);
  } finally {
    await Promise.all(subjects.map((subject) => subject.stop()));
    rmSync(folder, { recursive: true });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
