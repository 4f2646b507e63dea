import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { get, post, quantile, say, serve, start } from "./server";

/*
 * What requests cost on a small and on a large database: two real servers side by side, asked in
 * turns, so that whatever else the machine does weighs on both alike.
 */

const USAGE = `Usage: npm run bench [-- --sizes 1000,100000] [--rounds N] [--data DIR]

  --sizes A,B  videos in the two databases
  --rounds N   requests of each kind to each server (default 60)
  --data DIR   keep the databases in this folder and use them again (default: made anew)
`;

const PASSWORD = "watch and learn";
const PREPARED = 40;
const FOLLOWED = 8;

interface Options {
  sizes: [number, number];
  rounds: number;
  data: string | undefined;
}

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        sizes: { type: "string", default: "1000,100000" },
        rounds: { type: "string", default: "60" },
        data: { type: "string" },
      },
    });
    const [small, large, rounds] = [...values.sizes.split(","), values.rounds].map(Number);
    if (!small || !large || !rounds) {
      throw new Error("not numbers");
    }
    return { sizes: [small, large], rounds, data: values.data };
  } catch {
    process.stderr.write(USAGE);
    process.exit(2);
  }
}

async function seed(dataDir: string, ...args: string[]): Promise<void> {
  const child = start("src/commands/seed.ts", dataDir, {}, args);
  child.stdout.resume();
  const [status] = (await once(child, "close")) as [number | null];
  if (status !== 0) {
    throw new Error(`seeding ${dataDir} failed`);
  }
}

/** Makes the databases that are not there yet; the small world is made once and copied. */
async function makeDatabases(folder: string, sizes: number[]): Promise<void> {
  const world = join(folder, "world");
  for (const size of sizes) {
    const dataDir = join(folder, String(size));
    if (existsSync(dataDir)) {
      continue;
    }
    if (!existsSync(world)) {
      say("Making the people and their clips …");
      mkdirSync(world);
      await seed(world);
    }
    const part = `${dataDir}.part`;
    rmSync(part, { recursive: true, force: true });
    cpSync(world, part, { recursive: true });
    say(`Making ${size} videos …`);
    await seed(part, "--videos", String(size));
    renameSync(part, dataDir);
  }
}

/** One server and what the requests to it need to know. */
interface Subject {
  url: string;
  token: string;
  video: string;
  channel: string;
  stop(): Promise<void>;
}

async function startSubject(dataDir: string): Promise<Subject> {
  const { url, stop } = await serve(dataDir);
  const credentials = { username: "maya_lindqvist", password: PASSWORD };
  const { accessToken } = (await post(`${url}/users/login`, undefined, credentials)) as {
    accessToken: string;
  };
  return {
    ...{ url, token: accessToken },
    ...(await prepare(url, accessToken)),
    stop,
  };
}

interface Listed {
  docs: { _id: string; owner: { _id: string; username: string } }[];
}

/** Gives the viewer likes, a history and channels to follow: the same on both databases. */
async function prepare(url: string, token: string): Promise<{ video: string; channel: string }> {
  const { docs } = (await get(`${url}/videos?sortBy=views&limit=100`, token)) as Listed;
  const crowd = docs.filter(({ owner }) => owner.username.startsWith("crowd"));
  const liked = (await get(`${url}/likes/videos?limit=100`, token)) as { _id: string }[];
  const known = new Set(liked.map(({ _id }) => _id));
  const followed = new Set<string>();
  for (const { _id, owner } of crowd.slice(0, PREPARED)) {
    if (!known.has(_id)) {
      await post(`${url}/likes/toggle/v/${_id}`, token, {});
    }
    await post(`${url}/users/history`, token, { videoId: _id, position: 2 });
    const { owner: channel } = (await get(`${url}/videos/${_id}`, token)) as {
      owner: { isSubscribed: boolean };
    };
    // Databases that are used again have followed channels already.
    if (!channel.isSubscribed && followed.size < FOLLOWED) {
      await post(`${url}/subscriptions/c/${owner._id}`, token, {});
    }
    if (channel.isSubscribed || followed.size < FOLLOWED) {
      followed.add(owner._id);
    }
  }
  const [first] = crowd;
  if (!first) {
    throw new Error("there are no crowd videos");
  }
  const comments = Array.from({ length: 12 }, (_, n) => `Bench comment ${n}`);
  for (const content of comments) {
    await post(`${url}/comments/${first._id}`, token, { content });
  }
  return { video: first._id, channel: first.owner._id };
}

type Request = [name: string, send: (subject: Subject) => Promise<unknown>];

const anonymous = (path: string) => (subject: Subject) => get(subject.url + path);
const signedIn = (path: string) => (subject: Subject) => get(subject.url + path, subject.token);

const REQUESTS: Request[] = [
  ["GET /videos, anonymous", anonymous("/videos")],
  ["GET /videos, signed in", signedIn("/videos")],
  ["  sortBy=views", anonymous("/videos?sortBy=views")],
  ["  sortBy=duration", anonymous("/videos?sortBy=duration")],
  ["  sortBy=title", anonymous("/videos?sortBy=title&sortType=asc")],
  ["  tag=travel", anonymous("/videos?tag=travel")],
  ["  query=interference (1 match)", anonymous("/videos?query=interference&sortBy=relevance")],
  ["  query=harbour (1 in 7)", anonymous("/videos?query=harbour&sortBy=relevance")],
  ["  userId (channel list)", ({ url, channel }) => get(`${url}/videos?userId=${channel}`)],
  ["GET /videos/:id", ({ url, video, token }) => get(`${url}/videos/${video}`, token)],
  ["GET /comments/:id", ({ url, video, token }) => get(`${url}/comments/${video}`, token)],
  ["GET /users/history", signedIn("/users/history?limit=10")],
  ["GET /likes/videos", signedIn("/likes/videos?limit=10")],
  ["GET /subscriptions/videos", signedIn("/subscriptions/videos")],
  [
    "POST /likes/toggle/v/:id",
    ({ url, video, token }) => post(`${url}/likes/toggle/v/${video}`, token, {}),
  ],
];

/** Milliseconds of each request to each subject. */
async function measure(subjects: Subject[], rounds: number): Promise<Map<string, number[][]>> {
  const times = new Map(REQUESTS.map(([name]) => [name, subjects.map((): number[] => [])]));
  // The first rounds warm compilers and caches up.
  for (let round = -3; round < rounds; round += 1) {
    for (const [name, send] of REQUESTS) {
      // Who is asked first changes, so that neither profits from the other's work.
      const order = round % 2 === 0 ? [...subjects.keys()] : [...subjects.keys()].reverse();
      for (const n of order) {
        const began = performance.now();
        await send(subjects[n]!);
        if (round >= 0) {
          times.get(name)![n]!.push(performance.now() - began);
        }
      }
    }
  }
  return times;
}

/** On a busy machine the fastest tenth says more about the work itself than the median does. */
function report(times: Map<string, number[][]>, { sizes, rounds }: Options): void {
  say(`${rounds} requests of each kind, milliseconds; databases of ${sizes.join(" and ")} videos`);
  const columns = (cells: string[]) => cells.map((cell) => cell.padStart(12)).join("");
  const [small, large] = sizes.map(String) as [string, string];
  say(" ".repeat(34) + columns(["median", "median", "ratio", "fastest 10%", "ratio"]));
  say(" ".repeat(34) + columns([small, large, "", large]));
  for (const [name, [few, many]] of times) {
    const cells = [0.5, 0.1].flatMap((share) => {
      const [a, b] = [quantile(few!, share), quantile(many!, share)];
      return share === 0.5
        ? [a.toFixed(1), b.toFixed(1), (b / a).toFixed(2)]
        : [b.toFixed(1), (b / a).toFixed(2)];
    });
    say(name.padEnd(34) + columns(cells));
  }
}

async function main(): Promise<void> {
  const options = readOptions();
  const folder = options.data ?? mkdtempSync(join(tmpdir(), "mega-backend-bench-"));
  mkdirSync(folder, { recursive: true });
  const subjects: Subject[] = [];
  try {
    await makeDatabases(folder, options.sizes);
    for (const size of options.sizes) {
      subjects.push(await startSubject(join(folder, String(size))));
    }
    report(await measure(subjects, options.rounds), options);
  } finally {
    await Promise.all(subjects.map((subject) => subject.stop()));
    if (options.data === undefined) {
      rmSync(folder, { recursive: true });
    }
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
