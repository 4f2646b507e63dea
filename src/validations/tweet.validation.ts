import {
  channelName,
  count,
  idOf,
  listQuery,
  objectIdOf,
  pageOf,
  pageQuery,
  text,
  timestamp,
} from "./common.validation";
import { operation } from "./operation";
import { owner } from "./user.validation";
import { z } from "./zod";

const content = text({ max: 280 }).openapi({ example: "New walk on Friday" });
const tweetParams = z.object({ tweetId: objectIdOf("tweet") });

const tweet = z
  .strictObject({
    _id: idOf("tweet"),
    content: z.string().openapi({ example: "New walk on Friday" }),
    owner,
    likesCount: count,
    isLiked: z.boolean(),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .openapi("Tweet");

export const getAllTweets = operation({
  method: "get",
  path: "/tweets",
  tag: "Tweets",
  summary: "All tweets, newest first",
  access: "optional",
  query: z.object(pageQuery),
  status: 200,
  message: "Tweets fetched successfully",
  data: pageOf(tweet),
  errors: ["INVALID_CURSOR"],
});

export const createTweet = operation({
  method: "post",
  path: "/tweets",
  tag: "Tweets",
  summary: "Post a tweet",
  access: "required",
  body: z.object({ content }),
  status: 201,
  message: "Tweet created successfully",
  data: tweet,
});

export const getUserTweets = operation({
  method: "get",
  path: "/tweets/user/:userId",
  tag: "Tweets",
  summary: "The tweets of a channel, newest first",
  access: "optional",
  params: z.object({ userId: channelName }),
  query: z.object(listQuery),
  status: 200,
  message: "Tweets fetched successfully",
  data: z.array(tweet),
  list: true,
  errors: ["CHANNEL_NOT_FOUND", "INVALID_CURSOR"],
});

export const updateTweet = operation({
  method: "patch",
  path: "/tweets/:tweetId",
  tag: "Tweets",
  summary: "Change one's own tweet",
  access: "required",
  params: tweetParams,
  body: z.object({ content }),
  status: 200,
  message: "Tweet updated successfully",
  data: tweet,
  errors: ["FORBIDDEN", "TWEET_NOT_FOUND"],
});

export const deleteTweet = operation({
  method: "delete",
  path: "/tweets/:tweetId",
  tag: "Tweets",
  summary: "Delete one's own tweet",
  access: "required",
  params: tweetParams,
  status: 200,
  message: "Tweet deleted successfully",
  data: z.strictObject({ tweetId: idOf("tweet") }),
  errors: ["FORBIDDEN", "TWEET_NOT_FOUND"],
});
