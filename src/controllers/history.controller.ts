import { Types } from "mongoose";
import { currentUser } from "../middlewares/auth.middleware";
import { validated } from "../middlewares/validate.middleware";
import { onlyVisibleVideos } from "../models/pipelines/join.pipelines";
import { Video, visibleTo } from "../models/video.model";
import { WatchHistory } from "../models/watch-history.model";
import { mediaUrlsFor } from "../presenters/media-url";
import { video } from "../presenters/video.presenter";
import { ApiError } from "../utils/ApiError";
import { ApiResponse } from "../utils/ApiResponse";
import { asyncHandler } from "../utils/asyncHandler";
import { paginate, splitPage } from "../utils/pagination";
import * as schema from "../validations/history.validation";
import { joinedVideos } from "./joined-videos";

interface Row {
  _id: Types.ObjectId;
  video: Types.ObjectId;
  watchedAt: Date;
  position: number;
}

export const getWatchHistory = asyncHandler(async (req, res) => {
  const { query } = validated(res, schema.getWatchHistory);
  const { _id: user } = currentUser(res);
  const page = await paginate<Row>(
    WatchHistory,
    {
      match: { user },
      sortBy: "watchedAt",
      direction: -1,
      narrow: onlyVisibleVideos("video", user),
      join: [],
    },
    query,
  );
  const { docs, pagination } = splitPage(page);
  const entries = new Map(docs.map((row) => [row.video.toHexString(), row]));
  const videos = await joinedVideos(
    docs.map((row) => row.video),
    user,
  );
  const url = mediaUrlsFor(req);
  const data = videos.map((row) => {
    const entry = entries.get(row._id.toHexString());
    return { ...video(row, url), watchedAt: entry?.watchedAt, position: entry?.position };
  });
  new ApiResponse(200, data, schema.getWatchHistory.message, pagination).send(res);
});

export const addToWatchHistory = asyncHandler(async (_req, res) => {
  const { body } = validated(res, schema.addToWatchHistory);
  const { _id: user } = currentUser(res);
  const videoId = new Types.ObjectId(body.videoId);
  if (!(await Video.exists({ _id: videoId, ...visibleTo(user) }))) {
    throw new ApiError("VIDEO_NOT_FOUND");
  }
  const { watchedAt, position } = await WatchHistory.record(user, videoId, body.position);
  const data = { videoId, watchedAt, position };
  new ApiResponse(200, data, schema.addToWatchHistory.message).send(res);
});

export const clearWatchHistory = asyncHandler(async (_req, res) => {
  await WatchHistory.deleteMany({ user: currentUser(res)._id });
  new ApiResponse(200, {}, schema.clearWatchHistory.message).send(res);
});

export const removeFromWatchHistory = asyncHandler(async (_req, res) => {
  const { params } = validated(res, schema.removeFromWatchHistory);
  await WatchHistory.deleteOne({ user: currentUser(res)._id, video: params.videoId });
  new ApiResponse(200, {}, schema.removeFromWatchHistory.message).send(res);
});
