import { randomBytes } from "node:crypto";
import { trusted, type ClientSession, type Types, type UpdateQuery } from "mongoose";
import {
  Job,
  JOB_PRIORITY,
  freshJob,
  freshSteps,
  type JobDocument,
  type JobError,
  type JobStep,
} from "../models/job.model";
import { inTransaction } from "../models/transaction";
import { ApiError } from "../utils/ApiError";
import { isDuplicateKey } from "../utils/duplicate-key";
import { hasEnded, THIS_RUN } from "../utils/process";

/** Milliseconds that a worker may be silent before its work is given to another. */
const LEASE_MS = 30_000;
/** Times that a worker begins before the work counts as failed. */
const MAX_ATTEMPTS = 5;
/** Milliseconds before the second attempt; four times as many before each further one. */
const BACK_OFF_MS = 10_000;

const ABORTED: JobError = {
  code: "PROCESSING_ABORTED",
  message: "Processing broke off several times; the file may be too demanding",
};

/** This process in leases. */
const HOLDER = `${THIS_RUN.host}|${THIS_RUN.pid}|${THIS_RUN.run}`;

/** The work was cancelled, removed or given to another worker; nothing that is made of it counts. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/** What this process tells itself at once, and others find with their next look. */
const bell = new EventTarget();

/** Calls back when work may be waiting; returns how to stop that. */
export function onEnqueued(callback: () => void): () => void {
  bell.addEventListener("enqueued", callback);
  return () => bell.removeEventListener("enqueued", callback);
}

/** Tells the workers of this process that work is waiting. */
export function ringBell(): void {
  bell.dispatchEvent(new Event("enqueued"));
}

/** Calls back when work of this process has succeeded. */
export function onCompleted(callback: () => void): void {
  bell.addEventListener("completed", callback);
}

/** Takes the most urgent work that waits or whose worker has fallen silent; null when there is none. */
export async function claimJob(): Promise<JobDocument | null> {
  for (;;) {
    const lease = `${HOLDER}|${randomBytes(12).toString("hex")}`;
    const job = await Job.findOneAndUpdate(
      { availableAt: trusted({ $lte: new Date() }) },
      {
        $set: { state: "processing", lease, availableAt: leaseEnd() },
        $inc: { attempts: 1, revision: 1 },
      },
      { sort: { priority: -1, availableAt: 1, _id: 1 }, returnDocument: "after" },
    );
    if (!job || job.attempts <= MAX_ATTEMPTS) {
      return job;
    }
    // Its workers died over and over without saying why.
    await end(job, "failed", ABORTED, { steps: brokenOff(job.steps) }).catch(ignoreLeaseLost);
  }
}

/**
 * Shows that the holder is alive and how far it is.
 * @throws LeaseLost
 */
export async function renewJob(job: JobDocument, steps?: JobStep[]): Promise<void> {
  await writeHeld(job, {
    $set: { availableAt: leaseEnd(), ...(steps && { steps }) },
    ...(steps && { $inc: { revision: 1 } }),
  });
}

/**
 * Ends the work with success; `save` writes what was made in the same transaction.
 * @throws LeaseLost
 */
export async function completeJob(
  job: JobDocument,
  save: (session: ClientSession) => Promise<void>,
): Promise<void> {
  await inTransaction([job.target.toHexString()], async (session) => {
    const steps = job.steps.map(({ name }) => ({ name, state: "ready" as const, progress: 1 }));
    await end(job, "ready", null, { steps, session });
    await save(session);
  });
  bell.dispatchEvent(new Event("completed"));
}

/** Notes that an attempt did not succeed; it is repeated later unless it is hopeless or was the last one. */
export async function failJob(
  job: JobDocument,
  error: JobError,
  { isHopeless }: { isHopeless: boolean },
): Promise<void> {
  if (isHopeless || job.attempts >= MAX_ATTEMPTS) {
    await end(job, "failed", error, { steps: brokenOff(job.steps) });
    return;
  }
  const pause = BACK_OFF_MS * 4 ** (job.attempts - 1) * (0.75 + Math.random() / 2);
  await writeHeld(job, {
    $set: { ...waiting(new Date(Date.now() + pause)), error },
    $inc: { revision: 1 },
  });
}

/** Gives unfinished work back, as if it had not been begun. */
export async function releaseJob(job: JobDocument): Promise<void> {
  await writeHeld(job, {
    $set: waiting(new Date()),
    $inc: { attempts: -1, revision: 1 },
  });
}

/** Gives back what processes of this machine held that are no more; others are known by their silence. */
export async function releaseOrphans(): Promise<void> {
  const held = await Job.find({ state: "processing" });
  for (const job of held.filter(isOrphaned)) {
    await Job.updateOne({ _id: job._id, lease: job.lease }, { $set: { availableAt: new Date() } });
  }
}

/**
 * Ends work that has not ended, as its owner or an operator wishes.
 * @throws ApiError PROCESSING_ENDED
 */
export async function cancelJob(target: Types.ObjectId): Promise<JobDocument> {
  const job = await Job.findOneAndUpdate(
    { target, availableAt: trusted({ $ne: null }) },
    {
      $set: {
        state: "failed",
        lease: null,
        availableAt: null,
        error: { code: "PROCESSING_CANCELLED", message: "Processing was cancelled" },
        "steps.$[current].state": "failed",
      },
      $inc: { revision: 1 },
    },
    { returnDocument: "after", arrayFilters: [{ "current.state": "processing" }] },
  );
  if (!job) {
    throw new ApiError("PROCESSING_ENDED");
  }
  return job;
}

/**
 * Begins a new round of attempts; a video that has never been processed gets its first.
 * @throws ApiError PROCESSING_NOT_FAILED
 */
export async function retryJob(
  target: Types.ObjectId,
  owner: Types.ObjectId,
): Promise<JobDocument> {
  const job = await Job.findOneAndUpdate(
    { target, type: "process-video", state: "failed" },
    {
      $set: freshJob(JOB_PRIORITY.repeat),
      $inc: { revision: 1 },
      $setOnInsert: { owner },
    },
    { upsert: true, returnDocument: "after" },
  ).catch((error: unknown) => {
    // The one that exists has not failed.
    throw isDuplicateKey(error) ? new ApiError("PROCESSING_NOT_FAILED") : error;
  });
  ringBell();
  return job;
}

function ignoreLeaseLost(error: unknown): void {
  if (!(error instanceof LeaseLost)) {
    throw error;
  }
}

/** What everybody may still write who holds the lease. */
async function writeHeld(
  { _id, lease }: JobDocument,
  update: UpdateQuery<JobDocument>,
  session?: ClientSession,
): Promise<void> {
  const { matchedCount } = await Job.updateOne({ _id, lease }, update, session && { session });
  if (matchedCount === 0) {
    throw new LeaseLost("The work belongs to somebody else by now");
  }
}

function end(
  job: JobDocument,
  state: "ready" | "failed",
  error: JobError | null,
  { steps = job.steps, session }: { steps?: JobStep[]; session?: ClientSession } = {},
): Promise<void> {
  return writeHeld(
    job,
    {
      $set: { state, error, steps, lease: null, availableAt: null },
      $inc: { revision: 1 },
    },
    session,
  );
}

/** The steps in hand are those that did not get done. */
function brokenOff(steps: JobStep[]): JobStep[] {
  return steps.map(({ name, state, progress }) => ({
    ...{ name, progress },
    state: state === "processing" ? "failed" : state,
  }));
}

/** Nothing of an attempt that has not succeeded is kept, so its steps begin anew. */
function waiting(availableAt: Date) {
  return { state: "queued" as const, lease: null, availableAt, steps: freshSteps() };
}

function leaseEnd(): Date {
  return new Date(Date.now() + LEASE_MS);
}

function isOrphaned({ lease }: JobDocument): boolean {
  const [host = "", pid, run = ""] = (lease ?? "").split("|");
  return hasEnded({ host, pid: Number(pid), run });
}
