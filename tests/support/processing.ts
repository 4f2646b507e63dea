import { watchJob } from "../../src/jobs/job-watch";
import { Worker } from "../../src/jobs/worker";
import { Job, type JobDocument } from "../../src/models/job.model";

/** The job of a video. */
export async function jobOf(videoId: string): Promise<JobDocument> {
  const job = await Job.findOne({ target: videoId });
  if (!job) {
    throw new Error("The video has no job");
  }
  return job;
}

/** Waits until a video's job is as asked; fails when it ends otherwise. */
export async function jobWhen(
  videoId: string,
  isSo: (job: JobDocument) => boolean,
): Promise<JobDocument> {
  let job = await jobOf(videoId);
  const over = new AbortController();
  try {
    if (!isSo(job)) {
      for await (job of watchJob(job, over.signal)) {
        if (isSo(job)) {
          break;
        }
      }
    }
  } finally {
    over.abort();
  }
  if (!isSo(job)) {
    throw new Error(`The job has ended otherwise: ${JSON.stringify(job)}`);
  }
  return job;
}

/** Waits until the processing of a video has ended, whether or not with success. */
export function processed(videoId: string): Promise<JobDocument> {
  return jobWhen(videoId, ({ availableAt }) => availableAt === null);
}

/** Lets so many workers of this process, of one place each, take what is queued while the work lasts. */
export async function whileWorking<T>(work: () => Promise<T>, workers = 1): Promise<T> {
  const started = Array.from({ length: workers }, () => new Worker(1));
  try {
    return await work();
  } finally {
    await Promise.all(started.map((worker) => worker.stop()));
  }
}
