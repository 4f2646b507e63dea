import { trusted, type Types } from "mongoose";
import { logger } from "../config/logger";
import { Job, type JobDocument } from "../models/job.model";
import { onCompleted } from "./queue";

/** Milliseconds between two looks; one query serves all who watch. */
const LOOK_MS = 500;

type Listener = (job: JobDocument | null) => void;

/** Who waits for a change of which job, by its id. */
const listeners = new Map<string, Set<Listener>>();
let timer: NodeJS.Timeout | undefined;

onCompleted(() => {
  if (listeners.size > 0) {
    void look();
  }
});

/**
 * Yields the job each time it has changed, until it has ended, is gone or the signal comes. Of
 * changes in quick succession only the last is yielded.
 */
export async function* watchJob(
  job: JobDocument,
  signal: AbortSignal,
): AsyncGenerator<JobDocument> {
  let seen: JobDocument | null = job;
  while (seen !== null && seen.availableAt !== null) {
    seen = await nextChange(seen._id, seen.revision, signal);
    if (seen !== null) {
      yield seen;
    }
  }
}

/** Resolves with the job as soon as it is of another revision; with null when it is gone or the signal comes. */
async function nextChange(
  id: Types.ObjectId,
  revision: number,
  signal: AbortSignal,
): Promise<JobDocument | null> {
  const over = new AbortController();
  try {
    return await new Promise((resolve) => {
      listen(id.toHexString(), over.signal, (job) => {
        if (job?.revision !== revision) {
          resolve(job);
        }
      });
      signal.addEventListener("abort", () => resolve(null), { signal: over.signal });
      if (signal.aborted) {
        resolve(null);
      }
    });
  } finally {
    over.abort();
  }
}

/** Calls back with each look at the job until the signal comes. */
function listen(id: string, over: AbortSignal, listener: Listener): void {
  listeners.set(id, (listeners.get(id) ?? new Set()).add(listener));
  timer ??= setInterval(() => void look(), LOOK_MS);
  over.addEventListener("abort", () => unlisten(id, listener));
}

function unlisten(id: string, listener: Listener): void {
  const others = listeners.get(id);
  others?.delete(listener);
  if (others?.size === 0) {
    listeners.delete(id);
  }
  if (listeners.size === 0) {
    clearInterval(timer);
    timer = undefined;
  }
}

async function look(): Promise<void> {
  try {
    const ids = [...listeners.keys()];
    const jobs = await Job.find({ _id: trusted({ $in: ids }) });
    const byId = new Map(jobs.map((job) => [job._id.toHexString(), job]));
    for (const id of ids) {
      listeners.get(id)?.forEach((listener) => listener(byId.get(id) ?? null));
    }
  } catch (err) {
    logger.warn({ err }, "the watched jobs could not be read, the next look tries again");
  }
}
