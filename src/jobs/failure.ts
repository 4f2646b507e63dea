import type { JobError } from "../models/job.model";
import { FfmpegError } from "../services/ffmpeg";
import { MediaError } from "../services/MediaError";
import {
  StorageFullError,
  StorageNotFoundError,
  StorageUnavailableError,
} from "../services/storage";
import { isDiskFull } from "../utils/disk-full";

/** What a job's owner is told, and whether another attempt can end any better. */
export interface JobFailure extends JobError {
  isHopeless: boolean;
}

/** Translates what went wrong; only what is at fault in the file itself is not tried again. */
export function failureOf(error: unknown): JobFailure {
  if (error instanceof MediaError) {
    return { code: error.code, message: error.message, isHopeless: true };
  }
  if (error instanceof StorageNotFoundError) {
    return { code: "ORIGINAL_MISSING", message: "The uploaded file is gone", isHopeless: true };
  }
  return { ...passing(error), isHopeless: false };
}

function passing(error: unknown): JobError {
  if (isDiskFull(error) || error instanceof StorageFullError) {
    return { code: "STORAGE_FULL", message: "There was no room left for the video's versions" };
  }
  if (error instanceof StorageUnavailableError) {
    return { code: "STORAGE_UNAVAILABLE", message: "The media storage did not answer" };
  }
  if (error instanceof FfmpegError) {
    return { code: "FFMPEG_UNAVAILABLE", message: "Videos cannot be processed on this server now" };
  }
  return { code: "PROCESSING_FAILED", message: "Processing failed on our side" };
}
