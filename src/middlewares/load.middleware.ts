import type { Request, Response } from "express";
import { Video, visibleTo, type VideoDocument } from "../models/video.model";
import { ApiError } from "../utils/ApiError";
import { asyncHandler } from "../utils/asyncHandler";
import { currentUser } from "./auth.middleware";
import { objectId } from "../validations/common.validation";
import { invalidInput } from "./validate.middleware";

/** Loads the video that the path names: 404 when the caller may not know of it. */
export const loadVisibleVideo = asyncHandler(async (req, res, next) => {
  res.locals.video = await findVisibleVideo(req, res);
  next();
});

/** Loads the caller's own video: 404 for one he may not know of, 403 for someone else's. */
export const loadOwnVideo = asyncHandler(async (req, res, next) => {
  const video = await findVisibleVideo(req, res);
  if (!video.owner.equals(currentUser(res)._id)) {
    throw new ApiError("FORBIDDEN", { message: "This video belongs to someone else" });
  }
  res.locals.video = video;
  next();
});

/** The video behind one of the loaders. */
export function loadedVideo(res: Response): VideoDocument {
  if (!res.locals.video) {
    throw new Error("the route lacks loadVisibleVideo or loadOwnVideo");
  }
  return res.locals.video;
}

/** Reads the id by itself, so that a route can refuse a stranger before it receives his upload. */
async function findVisibleVideo(req: Request, res: Response): Promise<VideoDocument> {
  const id = objectId.safeParse(req.params.videoId);
  if (!id.success) {
    throw invalidInput(id.error.issues.map(({ message }) => ({ path: "videoId", message })));
  }
  const video = await Video.findOne({ _id: id.data, ...visibleTo(res.locals.user?._id) });
  if (!video) {
    throw new ApiError("VIDEO_NOT_FOUND");
  }
  return video;
}
