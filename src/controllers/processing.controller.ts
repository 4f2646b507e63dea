import { watchJob } from "../jobs/job-watch";
import { cancelJob, retryJob } from "../jobs/queue";
import { loadedVideo } from "../middlewares/load.middleware";
import { Job } from "../models/job.model";
import { processing } from "../presenters/video.presenter";
import { ApiResponse } from "../utils/ApiResponse";
import { asyncHandler } from "../utils/asyncHandler";
import { EventStream } from "../utils/event-stream";
import * as schema from "../validations/processing.validation";

export const getProcessing = asyncHandler(async (_req, res) => {
  const job = await Job.findOne({ target: loadedVideo(res)._id });
  new ApiResponse(200, processing(job), schema.getProcessing.message).send(res);
});

export const getProcessingEvents = asyncHandler(async (req, res) => {
  const target = loadedVideo(res)._id;
  const job = await Job.findOne({ target });
  const revision = String(job?.revision ?? 0);
  const isEnded = job === null || job.availableAt === null;
  const isSeen = req.get("last-event-id") === revision;
  if (isSeen && isEnded) {
    // HTML, section 9.2: the answer that makes an EventSource stop asking.
    res.status(204).end();
    return;
  }
  const stream = new EventStream(res);
  if (!isSeen) {
    stream.send(processing(job), revision);
  }
  // Whoever asks for the head alone waits for nothing that comes later.
  if (!isEnded && req.method === "GET") {
    for await (const next of watchJob(job, stream.closed)) {
      stream.send(processing(next), String(next.revision));
    }
  }
  stream.end();
});

export const retryProcessing = asyncHandler(async (_req, res) => {
  const { _id, owner } = loadedVideo(res);
  const job = await retryJob(_id, owner);
  new ApiResponse(200, processing(job), schema.retryProcessing.message).send(res);
});

export const cancelProcessing = asyncHandler(async (_req, res) => {
  const job = await cancelJob(loadedVideo(res)._id);
  new ApiResponse(200, processing(job), schema.cancelProcessing.message).send(res);
});
