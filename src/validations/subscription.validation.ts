import { count, listQuery, objectIdOf, pageOf, pageQuery, timestamp } from "./common.validation";
import { operation } from "./operation";
import { publicFields } from "./user.validation";
import { videoSchema } from "./video.validation";
import { z } from "./zod";

const channelParams = z.object({ channelId: objectIdOf("user") });

const subscriber = z
  .strictObject({
    ...publicFields,
    subscribersCount: count,
    isSubscribed: z.boolean().openapi({ description: "Whether the viewer follows this user" }),
    subscribedAt: timestamp,
  })
  .openapi("Subscriber");

const followedChannel = z
  .strictObject({
    ...publicFields,
    subscribersCount: count,
    latestVideo: z.union([videoSchema, z.null()]),
    subscribedAt: timestamp,
  })
  .openapi("FollowedChannel");

export const toggleSubscription = operation({
  method: "post",
  path: "/subscriptions/c/:channelId",
  tag: "Subscriptions",
  summary: "Follow a channel, or stop following it",
  access: "required",
  params: channelParams,
  status: 201,
  message: "Subscribed successfully",
  off: { status: 200, message: "Unsubscribed successfully" },
  data: z.strictObject({ isSubscribed: z.boolean(), subscribersCount: count }),
  errors: ["CHANNEL_NOT_FOUND", "SELF_SUBSCRIPTION"],
});

export const getUserChannelSubscribers = operation({
  method: "get",
  path: "/subscriptions/c/:channelId",
  tag: "Subscriptions",
  summary: "Who follows a channel, newest first",
  access: "optional",
  params: channelParams,
  query: z.object(listQuery),
  status: 200,
  message: "Subscribers fetched successfully",
  data: z.array(subscriber),
  list: true,
  errors: ["CHANNEL_NOT_FOUND", "INVALID_CURSOR"],
});

export const getSubscribedChannels = operation({
  method: "get",
  path: "/subscriptions/u/:subscriberId",
  tag: "Subscriptions",
  summary: "The channels that a user follows, newest first",
  access: "optional",
  params: z.object({ subscriberId: objectIdOf("subscriber") }),
  query: z.object(listQuery),
  status: 200,
  message: "Subscribed channels fetched successfully",
  data: z.array(followedChannel),
  list: true,
  errors: ["CHANNEL_NOT_FOUND", "INVALID_CURSOR"],
});

export const getSubscribedVideos = operation({
  method: "get",
  path: "/subscriptions/videos",
  tag: "Subscriptions",
  summary: "The newest videos of the channels one follows",
  access: "required",
  query: z.object(pageQuery),
  status: 200,
  message: "Videos fetched successfully",
  data: pageOf(videoSchema),
  errors: ["INVALID_CURSOR"],
});
