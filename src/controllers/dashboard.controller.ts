import { currentUser } from "../middlewares/auth.middleware";
import { validated } from "../middlewares/validate.middleware";
import { joinIsLiked, joinOwner } from "../models/pipelines/join.pipelines";
import { Playlist } from "../models/playlist.model";
import { Video } from "../models/video.model";
import { mediaUrlsFor } from "../presenters/media-url";
import { video, type JoinedVideo } from "../presenters/video.presenter";
import { ApiResponse } from "../utils/ApiResponse";
import { asyncHandler } from "../utils/asyncHandler";
import { paginate, splitPage } from "../utils/pagination";
import * as schema from "../validations/dashboard.validation";

export const getChannelStats = asyncHandler(async (_req, res) => {
  const user = currentUser(res);
  const [[sums], totalPlaylists] = await Promise.all([
    Video.aggregate<{ views: number; likes: number; comments: number }>([
      { $match: { owner: user._id } },
      {
        $group: {
          _id: null,
          views: { $sum: "$views" },
          likes: { $sum: "$likesCount" },
          comments: { $sum: "$commentsCount" },
        },
      },
    ]),
    Playlist.countDocuments({ owner: user._id }),
  ]);
  const data = {
    totalVideos: user.uploadsCount,
    totalViews: sums?.views ?? 0,
    totalSubscribers: user.subscribersCount,
    totalLikes: sums?.likes ?? 0,
    totalComments: sums?.comments ?? 0,
    totalTweets: user.tweetsCount,
    totalPlaylists,
  };
  new ApiResponse(200, data, schema.getChannelStats.message).send(res);
});

export const getChannelVideos = asyncHandler(async (req, res) => {
  const { query } = validated(res, schema.getChannelVideos);
  const { _id: owner, uploadsCount } = currentUser(res);
  const page = await paginate<JoinedVideo>(
    Video,
    {
      match: { owner },
      total: Promise.resolve(uploadsCount),
      sortBy: query.sortBy,
      direction: query.sortType === "asc" ? 1 : -1,
      join: [...joinOwner(), ...joinIsLiked("video", owner)],
    },
    query,
  );
  const { docs, pagination } = splitPage(page);
  const url = mediaUrlsFor(req);
  const data = docs.map((row) => video(row, url));
  new ApiResponse(200, data, schema.getChannelVideos.message, pagination).send(res);
});
