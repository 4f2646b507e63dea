import { Types } from "mongoose";
import { JOB_STATES } from "../constants";
import { Job, type JobState } from "../models/job.model";
import { Video } from "../models/video.model";
import { ApiError } from "../utils/ApiError";
import { cancelJob, retryJob } from "./queue";

/** A job as an operator sees it. */
export interface JobEntry {
  /** The id of its video. */
  video: string;
  state: JobState;
  attempts: number;
  changedAt: Date;
  /** The code of what the last attempt failed with. */
  error: string | null;
}

/** Yields all jobs, or those of one state: state by state, and of each those first that have changed last. */
export async function* listJobs(only?: JobState): AsyncGenerator<JobEntry> {
  for (const state of only === undefined ? JOB_STATES : [only]) {
    for await (const job of Job.find({ state }).sort({ updatedAt: -1, _id: -1 })) {
      const { target, attempts, updatedAt: changedAt, error } = job;
      yield { video: target.toHexString(), state, attempts, changedAt, error: error?.code ?? null };
    }
  }
}

/**
 * Begins again what has failed.
 * @throws ApiError VIDEO_NOT_FOUND, PROCESSING_NOT_FAILED
 */
export async function retryVideo(id: string): Promise<void> {
  const video = await Video.findById(id);
  if (!video) {
    throw new ApiError("VIDEO_NOT_FOUND");
  }
  await retryJob(video._id, video.owner);
}

/**
 * Ends what waits or runs.
 * @throws ApiError PROCESSING_ENDED
 */
export async function cancelVideo(id: string): Promise<void> {
  await cancelJob(new Types.ObjectId(id));
}
