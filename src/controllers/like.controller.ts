import type { Response } from "express";
import type { Types } from "mongoose";
import { currentUser } from "../middlewares/auth.middleware";
import { loadedComment, loadedTweet, loadedVideo } from "../middlewares/load.middleware";
import { validated } from "../middlewares/validate.middleware";
import { Like, type Likeable } from "../models/like.model";
import { onlyVisibleVideos } from "../models/pipelines/join.pipelines";
import { mediaUrlsFor } from "../presenters/media-url";
import { video } from "../presenters/video.presenter";
import { ApiResponse } from "../utils/ApiResponse";
import { asyncHandler } from "../utils/asyncHandler";
import { paginate, splitPage } from "../utils/pagination";
import * as schema from "../validations/like.validation";
import type { Operation } from "../validations/operation";
import { joinedVideos } from "./joined-videos";

export const toggleVideoLike = asyncHandler((_req, res) =>
  toggle(res, "video", loadedVideo(res)._id, schema.toggleVideoLike),
);

export const toggleCommentLike = asyncHandler((_req, res) =>
  toggle(res, "comment", loadedComment(res)._id, schema.toggleCommentLike),
);

export const toggleTweetLike = asyncHandler((_req, res) =>
  toggle(res, "tweet", loadedTweet(res)._id, schema.toggleTweetLike),
);

export const getLikedVideos = asyncHandler(async (req, res) => {
  const { query } = validated(res, schema.getLikedVideos);
  const user = currentUser(res)._id;
  const page = await paginate<{ _id: Types.ObjectId; target: Types.ObjectId }>(
    Like,
    {
      match: { user, kind: "video" },
      sortBy: "createdAt",
      direction: -1,
      narrow: onlyVisibleVideos("target", user),
      join: [],
    },
    query,
  );
  const { docs, pagination } = splitPage(page);
  const videos = await joinedVideos(
    docs.map((like) => like.target),
    user,
  );
  const url = mediaUrlsFor(req);
  const data = videos.map((row) => video(row, url));
  new ApiResponse(200, data, schema.getLikedVideos.message, pagination).send(res);
});

async function toggle(
  res: Response,
  kind: Likeable,
  target: Types.ObjectId,
  { status, message, off }: Pick<Operation, "status" | "message" | "off">,
): Promise<void> {
  const data = await Like.toggle(kind, target, currentUser(res)._id);
  const outcome = data.isLiked ? { status, message } : (off ?? { status, message });
  new ApiResponse(outcome.status, data, outcome.message).send(res);
}
