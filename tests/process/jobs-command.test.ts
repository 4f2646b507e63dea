import { config } from "../../src/config/env";
import { Job } from "../../src/models/job.model";
import { useApi } from "../support/api";
import { newPerson, type Person } from "../support/people";
import { jobOf } from "../support/processing";
import { run } from "../support/server";
import { addVideo } from "../support/videos";

useApi();

let asha: Person;

beforeAll(async () => {
  asha = await newPerson();
});

beforeEach(() => Job.deleteMany());

async function jobs(...args: string[]) {
  const env = {
    DATA_DIR: config.dataDir,
    MONGODB_URI: config.database.uri!,
    DB_NAME: config.database.name,
  };
  const program = run("src/commands/jobs.ts", env, args);
  return { status: await program.exited, lines: program.lines };
}

const fail = (id: string) =>
  Job.updateOne(
    { target: id },
    {
      $set: {
        ...{ state: "failed", availableAt: null, attempts: 5 },
        error: { code: "STORAGE_FULL", message: "There was no room left" },
      },
    },
  );

describe("npm run jobs", () => {
  it.each([
    [[]],
    [["list", "more"]],
    [["list", "--state", "lost"]],
    [["retry"]],
    [["retry", "x"]],
    [["cancel", "0".repeat(24), "0".repeat(24)]],
    [["retry", "0".repeat(24), "--state", "failed"]],
    [["remove", "0".repeat(24)]],
  ])("answers %j with its usage and status 2", async (args) => {
    const { status, lines } = await jobs(...args);
    expect(status).toBe(2);
    expect(lines[0]).toMatch(/^Usage: npm run jobs -- list/);
  });

  it("lists all jobs, or those of one state", async () => {
    const [waiting, failed] = [await addVideo(asha), await addVideo(asha)];
    await fail(failed);
    const all = await jobs("list");
    expect(all.status).toBe(0);
    expect(all.lines).toEqual([
      expect.stringMatching(/^video +state +attempts +changed +error$/),
      expect.stringMatching(new RegExp(`^${waiting} +queued +0 +\\S+Z$`)),
      expect.stringMatching(new RegExp(`^${failed} +failed +5 +\\S+Z +STORAGE_FULL$`)),
    ]);
    const some = await jobs("list", "--state", "failed");
    expect(some.lines).toEqual([all.lines[0], all.lines[2]]);
  });

  it("begins again what has failed, and nothing else", async () => {
    const id = await addVideo(asha);
    expect(await jobs("retry", "0".repeat(24))).toMatchObject({ status: 1 });
    expect(await Job.countDocuments()).toBe(1);
    expect(await jobs("retry", id)).toMatchObject({ status: 1 });
    await fail(id);
    expect(await jobs("retry", id)).toEqual({ status: 0, lines: ["Queued."] });
    expect(await jobOf(id)).toMatchObject({ state: "queued", attempts: 0, error: null });
  });

  it("cancels what has not ended, and nothing else", async () => {
    const id = await addVideo(asha);
    expect(await jobs("cancel", id)).toEqual({ status: 0, lines: ["Cancelled."] });
    expect(await jobOf(id)).toMatchObject({
      state: "failed",
      error: { code: "PROCESSING_CANCELLED" },
    });
    expect(await jobs("cancel", id)).toMatchObject({ status: 1 });
    expect(await jobs("cancel", "0".repeat(24))).toMatchObject({ status: 1 });
  });
});
