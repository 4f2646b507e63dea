import type { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { config } from "../../src/config/env";
import { ringBell } from "../../src/jobs/queue";
import { Job, type JobDocument } from "../../src/models/job.model";
import { UnclaimedFile } from "../../src/models/unclaimed-file.model";
import { filesOf, Video } from "../../src/models/video.model";
import { api, useApi } from "../support/api";
import { makeClip } from "../support/clips";
import { killOneIn, processesIn } from "../support/ffmpeg-processes";
import { filesIn } from "../support/files";
import { newPerson, type Person } from "../support/people";
import { jobOf, jobWhen, processed, whileWorking } from "../support/processing";
import { addVideo } from "../support/videos";

useApi();

let asha: Person;

beforeAll(async () => {
  asha = await newPerson();
});

beforeEach(() => Job.deleteMany());

/** Takes long enough to be met in the middle. */
const LONG = { seconds: 10, width: 1280, height: 720, audio: true };

async function publish(options = {}): Promise<string> {
  const { body } = await api("post", "/videos", asha.accessToken)
    .field({ title: "A walk" })
    .attach("videoFile", await makeClip(options))
    .expect(201);
  return body.data._id as string;
}

const act = (id: string, what: "retry" | "cancel") =>
  api("post", `/videos/${id}/processing/${what}`, asha.accessToken);

const original = async (id: string) =>
  join(config.dataDir, "media", (await Video.findById(id))!.videoFile);

const isEncoding = ({ steps }: JobDocument) => steps[3]!.state === "processing";

/** Makes a job's turn come at once. */
async function hurry(id: string): Promise<void> {
  await Job.updateOne({ target: id, lease: null }, { $set: { availableAt: new Date() } });
  ringBell();
}

/** What is stored is what the videos name, nothing is worked on, and the ledger is settled. */
async function expectOrder(): Promise<void> {
  const videos = (await Video.find()).filter(({ size }) => size > 0);
  const owned = videos.flatMap(filesOf).map((key) => basename(key));
  const stored = (await filesIn("media/videos")).sort();
  expect(stored).toEqual(owned.sort());
  expect(await readdir(config.workFolder)).toEqual([]);
  expect(await processesIn(config.workFolder)).toEqual([]);
  expect(await UnclaimedFile.countDocuments()).toBe(0);
}

/** The command lines of the programs that are started while the work lasts. */
async function startedBy(work: () => Promise<unknown>): Promise<string[]> {
  const lines: string[] = [];
  const note = (message: unknown) => {
    const child = (message as { process: ChildProcess }).process;
    child.once("spawn", () => lines.push(child.spawnargs.join(" ")));
  };
  subscribe("child_process", note);
  try {
    await work();
  } finally {
    unsubscribe("child_process", note);
  }
  return lines;
}

(process.platform === "linux" ? it : it.skip)(
  "lets everything else on the machine go before any of its programs",
  async () => {
    const id = await publish({ audio: true });
    const lines = await startedBy(() => whileWorking(() => processed(id)));
    expect(lines.length).toBeGreaterThan(8);
    expect(lines.filter((line) => !line.includes("nice -n 19 "))).toEqual([]);
  },
);

describe("a video that cannot be processed", () => {
  it("fails with a stable code and words, and can be tried again", async () => {
    const id = await publish();
    const file = await original(id);
    const bytes = await readFile(file);
    await writeFile(file, Buffer.alloc(bytes.length, "garbage"));
    await whileWorking(() => processed(id));
    const reply = await api("get", `/videos/${id}/processing`, asha.accessToken).expect(200);
    expect(reply.body.data).toMatchObject({
      state: "failed",
      error: { code: "MEDIA_UNSUPPORTED", message: expect.stringMatching(/^This is not an MP4/) },
    });
    expect(reply.body.data.steps[0]).toMatchObject({ name: "inspect", state: "failed" });
    expect(await jobOf(id)).toMatchObject({ attempts: 1 });

    await writeFile(file, bytes);
    const again = await act(id, "retry").expect(200);
    expect(again.body.data).toMatchObject({ state: "queued", error: null });
    expect((await whileWorking(() => processed(id))).state).toBe("ready");
    await expectOrder();
  });

  it("fails when its original is gone", async () => {
    const id = await addVideo(asha);
    const { error } = await whileWorking(() => processed(id));
    expect(error).toMatchObject({ code: "ORIGINAL_MISSING" });
  });
});

describe("a job that is cancelled", () => {
  it("is begun by nobody when it was waiting", async () => {
    const [id, next] = [await publish(), await publish()];
    const { body } = await act(id, "cancel").expect(200);
    expect(body.data).toMatchObject({ state: "failed", error: { code: "PROCESSING_CANCELLED" } });
    await whileWorking(() => processed(next));
    expect(await jobOf(id)).toMatchObject({ state: "failed", attempts: 0 });
    await expectOrder();
  });

  it("ends its ffmpeg and leaves nothing of what it had made", async () => {
    const id = await publish(LONG);
    await whileWorking(async () => {
      await jobWhen(id, isEncoding);
      await act(id, "cancel").expect(200);
    });
    const job = await jobOf(id);
    expect(job).toMatchObject({ state: "failed", error: { code: "PROCESSING_CANCELLED" } });
    expect(job.steps.map(({ state }) => state)).toEqual([
      ...["ready", "ready", "ready"],
      ...["failed", "queued"],
    ]);
    await expectOrder();
  });

  it("frees its worker for what comes next", async () => {
    const [id, next] = [await publish(LONG), await publish()];
    await whileWorking(async () => {
      await jobWhen(id, isEncoding);
      await act(id, "cancel").expect(200);
      expect((await processed(next)).state).toBe("ready");
    });
    await expectOrder();
  });
});

describe("a video that is removed", () => {
  it("leaves nothing when it was being processed", async () => {
    const id = await publish(LONG);
    await whileWorking(async () => {
      await jobWhen(id, isEncoding);
      await api("delete", `/videos/${id}`, asha.accessToken).expect(200);
    });
    expect(await Job.countDocuments({ target: id })).toBe(0);
    await expectOrder();
  });
});

describe("several workers on one queue", () => {
  it("do no job twice", async () => {
    const ids = [await publish(), await publish(), await publish(), await publish()];
    await whileWorking(() => Promise.all(ids.map(processed)), 3);
    const jobs = await Promise.all(ids.map(jobOf));
    expect(jobs.map(({ state, attempts }) => [state, attempts])).toEqual(
      ids.map(() => ["ready", 1]),
    );
    await expectOrder();
  });

  it("take over what one has not answered for, and only what they make counts", async () => {
    const id = await publish(LONG);
    await whileWorking(async () => {
      const { lease } = await jobWhen(id, isEncoding);
      await whileWorking(async () => {
        while ((await jobOf(id)).lease === lease) {
          await Job.updateOne({ target: id, lease }, { $set: { availableAt: new Date(0) } });
          ringBell();
        }
        expect(await processed(id)).toMatchObject({ state: "ready", attempts: 2 });
      });
    });
    await expectOrder();
  });
});

describe("work that was stopped", () => {
  it("is given back as if it had not been begun", async () => {
    const id = await publish(LONG);
    await whileWorking(() => jobWhen(id, isEncoding));
    const job = await jobOf(id);
    expect(job).toMatchObject({ state: "queued", attempts: 0, lease: null });
    expect(job.steps.map(({ state }) => state)).toEqual(Array(5).fill("queued"));
    expect(job.availableAt!.getTime()).toBeLessThanOrEqual(Date.now());
    await expectOrder();
  });

  it.each(["SIGKILL", "SIGTERM"] as const)(
    "is tried again when somebody sent ffmpeg %s",
    async (signal) => {
      const id = await publish(LONG);
      await whileWorking(async () => {
        await jobWhen(id, isEncoding);
        await killOneIn(config.workFolder, signal);
        const job = await jobWhen(id, ({ state }) => state === "queued");
        expect(job).toMatchObject({ attempts: 1, error: { code: "FFMPEG_UNAVAILABLE" } });
        expect(job.availableAt!.getTime()).toBeGreaterThan(Date.now());
        await hurry(id);
        expect(await processed(id)).toMatchObject({ state: "ready", attempts: 2, error: null });
      });
      await expectOrder();
    },
  );

  it("fails when its workers died with it five times", async () => {
    const id = await publish();
    await Job.updateOne({ target: id }, { $set: { attempts: 5, state: "processing", lease: "x" } });
    const { state, error } = await whileWorking(() => processed(id));
    expect([state, error?.code]).toEqual(["failed", "PROCESSING_ABORTED"]);
  });
});

describe("work that fails on our side", () => {
  beforeEach(async () => {
    await rm(config.workFolder, { recursive: true });
    // Not even root makes folders in a file.
    await copyFile(await makeClip(), config.workFolder);
  });

  const repair = async () => {
    await rm(config.workFolder);
    await mkdir(config.workFolder);
  };

  it("waits for another attempt, of which its owner sees no failure, and succeeds then", async () => {
    const id = await publish();
    await whileWorking(async () => {
      const job = await jobWhen(id, ({ attempts, state }) => attempts === 1 && state === "queued");
      expect(job.availableAt!.getTime()).toBeGreaterThan(Date.now());
      const reply = await api("get", `/videos/${id}/processing`, asha.accessToken);
      expect(reply.body.data).toMatchObject({ state: "queued", error: null });
      await repair();
      await hurry(id);
      expect(await processed(id)).toMatchObject({ state: "ready", attempts: 2 });
    });
    await expectOrder();
  });

  it("fails for good with the fifth attempt", async () => {
    const id = await publish();
    await Job.updateOne({ target: id }, { $set: { attempts: 4 } });
    const job = await whileWorking(() => processed(id));
    expect(job).toMatchObject({ state: "failed", attempts: 5 });
    expect(job.error!.code).toBe("PROCESSING_FAILED");
    await repair();
    await expectOrder();
  });
});
