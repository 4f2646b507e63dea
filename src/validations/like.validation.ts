import { count, listQuery, objectIdOf } from "./common.validation";
import { operation } from "./operation";
import { videoParams, videoSchema } from "./video.validation";
import { z } from "./zod";

const liked = z.strictObject({ isLiked: z.boolean(), likesCount: count }).openapi("Liked");

export const toggleVideoLike = operation({
  method: "post",
  path: "/likes/toggle/v/:videoId",
  tag: "Likes",
  summary: "Like a video, or take the like back",
  access: "required",
  params: videoParams,
  status: 201,
  message: "Video liked successfully",
  off: { status: 200, message: "Video unliked successfully" },
  data: liked,
  errors: ["VIDEO_NOT_FOUND"],
});

export const toggleCommentLike = operation({
  method: "post",
  path: "/likes/toggle/c/:commentId",
  tag: "Likes",
  summary: "Like a comment, or take the like back",
  access: "required",
  params: z.object({ commentId: objectIdOf("comment") }),
  status: 201,
  message: "Comment liked successfully",
  off: { status: 200, message: "Comment unliked successfully" },
  data: liked,
  errors: ["COMMENT_NOT_FOUND"],
});

export const toggleTweetLike = operation({
  method: "post",
  path: "/likes/toggle/t/:tweetId",
  tag: "Likes",
  summary: "Like a tweet, or take the like back",
  access: "required",
  params: z.object({ tweetId: objectIdOf("tweet") }),
  status: 201,
  message: "Tweet liked successfully",
  off: { status: 200, message: "Tweet unliked successfully" },
  data: liked,
  errors: ["TWEET_NOT_FOUND"],
});

export const getLikedVideos = operation({
  method: "get",
  path: "/likes/videos",
  tag: "Likes",
  summary: "The videos one likes, last liked first",
  access: "required",
  query: z.object(listQuery),
  status: 200,
  message: "Liked videos fetched successfully",
  data: z.array(videoSchema),
  list: true,
  errors: ["INVALID_CURSOR"],
});
