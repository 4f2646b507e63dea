import { empty, formSeconds, idOf, listQuery, objectIdOf, timestamp } from "./common.validation";
import { operation } from "./operation";
import { videoParams, videoSchema } from "./video.validation";
import { z } from "./zod";

const watched = { watchedAt: timestamp, position: z.number().min(0).openapi({ example: 12.5 }) };

export const getWatchHistory = operation({
  method: "get",
  path: "/users/history",
  tag: "Users",
  summary: "The videos one has watched, last watched first, each once",
  access: "required",
  query: z.object(listQuery),
  status: 200,
  message: "Watch history fetched successfully",
  data: z.array(z.strictObject({ ...videoSchema.shape, ...watched }).openapi("WatchedVideo")),
  list: true,
  errors: ["INVALID_CURSOR"],
});

export const addToWatchHistory = operation({
  method: "post",
  path: "/users/history",
  tag: "Users",
  summary: "Put a video at the front of one's history",
  access: "required",
  body: z.object({ videoId: objectIdOf("video"), position: formSeconds.optional() }),
  status: 200,
  message: "Video added to watch history",
  data: z.strictObject({ videoId: idOf("video"), ...watched }),
  errors: ["VIDEO_NOT_FOUND"],
});

export const clearWatchHistory = operation({
  method: "delete",
  path: "/users/history",
  tag: "Users",
  summary: "Forget all one has watched",
  access: "required",
  status: 200,
  message: "Watch history cleared successfully",
  data: empty,
});

export const removeFromWatchHistory = operation({
  method: "delete",
  path: "/users/history/:videoId",
  tag: "Users",
  summary: "Forget one video; one that is not in the history is no error",
  access: "required",
  params: videoParams,
  status: 200,
  message: "Video removed from watch history",
  data: empty,
});
