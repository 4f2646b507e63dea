import { randomInt } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { config } from "../../src/config/env";
import { startJobs } from "../../src/jobs";
import { Job } from "../../src/models/job.model";
import { UnclaimedFile } from "../../src/models/unclaimed-file.model";
import { filesOf, Video } from "../../src/models/video.model";
import { useApi } from "../support/api";
import { call } from "../support/client";
import { makeClip } from "../support/clips";
import { allEvents, subscribe } from "../support/events";
import { killOneIn, processesIn } from "../support/ffmpeg-processes";
import { filesIn } from "../support/files";
import { playHls } from "../support/hls";
import { newPerson, type Person } from "../support/people";
import { jobOf, jobWhen } from "../support/processing";
import { freePort, run, startServer, type Program } from "../support/server";
import { loadStream } from "../support/stream";

jest.setTimeout(240_000);

useApi();

let asha: Person;

beforeAll(async () => {
  asha = await newPerson();
});

/** The programs of this test share its database and its files. */
const env = {
  DATA_DIR: config.dataDir,
  MONGODB_URI: config.database.uri!,
  DB_NAME: config.database.name,
  MIN_FREE_SPACE: "1mb",
  // Those that a killed server was receiving count until they are given up.
  MAX_CONCURRENT_UPLOADS: "1000",
};

const LONG = { seconds: 20, width: 1280, height: 720, audio: true };

/** Answers the id, or null when the server died before it could say. */
async function publish(url: string, options = {}): Promise<string | null> {
  const form = new FormData();
  form.set("title", "A walk");
  form.set("videoFile", new Blob([new Uint8Array(await readFile(await makeClip(options)))]), "a");
  const headers = { Authorization: `Bearer ${asha.accessToken}` };
  const reply = await call(`${url}/videos`, { method: "POST", headers, body: form }).catch(
    () => null,
  );
  return reply?.status === 201 ? (reply.body.data._id as string) : null;
}

const startWorker = () => run("src/commands/worker.ts", { ...env, PROCESSING_CONCURRENCY: "2" });

const isEncoding = ({ steps }: Awaited<ReturnType<typeof jobOf>>) =>
  steps[3]!.state === "processing";

/** What is stored is what the videos name, and nothing is worked on. */
async function expectOrder(): Promise<void> {
  const owned = (await Video.find()).flatMap(filesOf).map((key) => basename(key));
  expect((await filesIn("media/videos")).sort()).toEqual(owned.sort());
  expect(await readdir(config.workFolder)).toEqual([]);
  expect(await processesIn(config.workFolder)).toEqual([]);
  expect(await UnclaimedFile.countDocuments()).toBe(0);
}

it("every video ends ready or failed, and whole, however often its processes are killed", async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/api/v1`;
  const startApi = () =>
    run("src/index.ts", { ...env, PORT: String(port), PROCESSING_CONCURRENCY: "1" });
  const programs = [startApi(), startWorker()];
  await programs[0]!.printed(/API docs/);
  const clips = [{ audio: true }, { width: 480, height: 360, seconds: 3 }];
  const published: string[] = [];
  const publishing = new AbortController();
  const publisher = (async () => {
    for (let i = 0; !publishing.signal.aborted; i += 1) {
      const id = await publish(url, clips[i % 2]);
      published.push(...(id === null ? [] : [id]));
      await pause(id === null ? 200 : 1500);
    }
  })();

  for (let kills = 0; kills < 30; kills += 1) {
    await pause(randomInt(100, 2000));
    // ffmpeg twice as often as each of the two, for it is quickest to come back.
    const target = [0, 1, 2, 2][randomInt(4)]!;
    if (target === 2) {
      await killOneIn(config.workFolder, "SIGKILL");
    } else {
      await programs[target]!.stop("SIGKILL");
      programs[target] = target === 0 ? startApi() : startWorker();
    }
  }
  publishing.abort();
  await publisher;
  await allEnded();
  await Promise.all(programs.map((program: Program) => program.stop()));
  // What a killed program had noted is swept once its time has come.
  await UnclaimedFile.updateMany({}, { $set: { removeAfter: new Date(0) } });
  await startJobs(0).stop();

  expect(published.length).toBeGreaterThan(0);
  const states = (await Job.find()).map(({ state }) => state);
  expect(new Set(states)).toContain("ready");
  await expectOrder();
  const server = await startServer({ ...env, PROCESSING_CONCURRENCY: "0" });
  for (const id of await readyVideos()) {
    const { body } = await call(`${server.url}/videos/${id}`);
    await playHls((await loadStream(body.data.hls as string)).master);
  }
  await server.stop();
});

/** Waits until no job is left to do, letting none wait for its turn. */
async function allEnded(): Promise<void> {
  while (await Job.exists({ $or: [{ state: "processing" }, { state: "queued" }] })) {
    await Job.updateMany({ state: "queued" }, { $set: { availableAt: new Date() } });
    await pause(500);
  }
}

async function readyVideos(): Promise<string[]> {
  return (await Job.find({ state: "ready" })).map(({ target }) => target.toHexString());
}

describe("a server that is told to stop", () => {
  it("gives its work back at once, ends its event streams and exits", async () => {
    const server = await startServer({ ...env, PROCESSING_CONCURRENCY: "1" });
    const id = (await publish(server.url, LONG))!;
    const stream = await subscribe(`${server.url}/videos/${id}/processing/events`, {
      Authorization: `Bearer ${asha.accessToken}`,
    });
    await jobWhen(id, isEncoding);
    const events = allEvents(stream);
    // Fails with status 1 when it takes ten seconds.
    expect(await server.stop()).toBe(0);
    expect((await events).at(-1)!.data.state).not.toBe("ready");
    expect(await jobOf(id)).toMatchObject({ state: "queued", attempts: 0, lease: null });
    await expectOrder();
  });

  it("leaves its work to a worker, which gives it back in turn", async () => {
    const worker = startWorker();
    const job = await Job.findOne({ state: "queued" });
    const id = job!.target.toHexString();
    await jobWhen(id, isEncoding);
    expect(await worker.stop()).toBe(0);
    expect(await jobOf(id)).toMatchObject({ state: "queued", attempts: 0, lease: null });
    await expectOrder();
  });
});
