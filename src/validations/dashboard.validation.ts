import { count, listQuery, sortType } from "./common.validation";
import { operation } from "./operation";
import { videoSchema, videoSortBy } from "./video.validation";
import { z } from "./zod";

export const getChannelStats = operation({
  method: "get",
  path: "/dashboard/stats",
  tag: "Dashboard",
  summary: "The totals of one's own channel",
  access: "required",
  status: 200,
  message: "Channel stats fetched successfully",
  data: z
    .strictObject({
      totalVideos: count.openapi({ description: "Unpublished ones too" }),
      totalViews: count,
      totalSubscribers: count,
      totalLikes: count.openapi({ description: "Of one's videos" }),
      totalComments: count.openapi({ description: "On one's videos, with replies" }),
      totalTweets: count,
      totalPlaylists: count,
    })
    .openapi("ChannelStats"),
});

export const getChannelVideos = operation({
  method: "get",
  path: "/dashboard/videos",
  tag: "Dashboard",
  summary: "One's own videos, unpublished ones too",
  access: "required",
  query: z.object({ ...listQuery, sortBy: videoSortBy, sortType }),
  status: 200,
  message: "Channel videos fetched successfully",
  data: z.array(videoSchema),
  list: true,
  errors: ["INVALID_CURSOR"],
});
