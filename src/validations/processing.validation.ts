import { operation } from "./operation";
import { processingSchema, videoParams } from "./video.validation";
import { z } from "./zod";

const owned = {
  tag: "Videos",
  access: "required",
  params: videoParams,
  status: 200,
} as const;

export const getProcessing = operation({
  ...owned,
  method: "get",
  path: "/videos/:videoId/processing",
  summary: "How far the processing of one's video is",
  message: "Processing fetched successfully",
  data: processingSchema,
  errors: ["FORBIDDEN", "VIDEO_NOT_FOUND"],
});

export const getProcessingEvents = operation({
  ...owned,
  method: "get",
  path: "/videos/:videoId/processing/events",
  summary: "The same as a live stream of server-sent events",
  description:
    "Each event's data is the whole state as `GET …/processing` has it. The stream ends behind `ready` or `failed`; whoever comes back with the `Last-Event-ID` of that gets 204, which ends an EventSource.",
  message: "",
  data: z.unknown(),
  produces: "text/event-stream",
  errors: ["FORBIDDEN", "VIDEO_NOT_FOUND"],
});

export const retryProcessing = operation({
  ...owned,
  method: "post",
  path: "/videos/:videoId/processing/retry",
  summary: "Try again what has failed",
  message: "Processing starts again",
  data: processingSchema,
  errors: ["FORBIDDEN", "VIDEO_NOT_FOUND", "PROCESSING_NOT_FAILED"],
});

export const cancelProcessing = operation({
  ...owned,
  method: "post",
  path: "/videos/:videoId/processing/cancel",
  summary: "Stop processing; the video stays playable as it was uploaded",
  message: "Processing cancelled",
  data: processingSchema,
  errors: ["FORBIDDEN", "VIDEO_NOT_FOUND", "PROCESSING_ENDED"],
});
