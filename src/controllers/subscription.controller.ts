import { trusted, type Types } from "mongoose";
import { currentUser } from "../middlewares/auth.middleware";
import { loadedChannel } from "../middlewares/load.middleware";
import { validated } from "../middlewares/validate.middleware";
import { joinIsLiked, joinIsSubscribed, joinOwner } from "../models/pipelines/join.pipelines";
import { Subscription } from "../models/subscription.model";
import { User } from "../models/user.model";
import { Video } from "../models/video.model";
import { mediaUrlsFor } from "../presenters/media-url";
import {
  followedChannel,
  subscriber,
  type FollowedChannelRow,
  type SubscriberRow,
} from "../presenters/subscription.presenter";
import { video, type JoinedVideo } from "../presenters/video.presenter";
import { ApiError } from "../utils/ApiError";
import { ApiResponse } from "../utils/ApiResponse";
import { asyncHandler } from "../utils/asyncHandler";
import { paginate, splitPage, type PageRequest } from "../utils/pagination";
import * as schema from "../validations/subscription.validation";
import { joinedVideos } from "./joined-videos";

export const toggleSubscription = asyncHandler(async (_req, res) => {
  const { _id: channel } = loadedChannel(res);
  const { _id: user } = currentUser(res);
  if (channel.equals(user)) {
    throw new ApiError("SELF_SUBSCRIPTION");
  }
  const { status, message, off } = schema.toggleSubscription;
  const data = await Subscription.toggle(user, channel);
  const outcome = data.isSubscribed || !off ? { status, message } : off;
  new ApiResponse(outcome.status, data, outcome.message).send(res);
});

export const getUserChannelSubscribers = asyncHandler(async (req, res) => {
  const { query } = validated(res, schema.getUserChannelSubscribers);
  const { _id: channel, subscribersCount } = loadedChannel(res);
  const list = { match: { channel }, total: Promise.resolve(subscribersCount) };
  const { docs, pagination } = splitPage(await readPage(list, query));
  const ids = docs.map((row) => row.subscriber);
  const users = await usersById(ids, joinIsSubscribed(res.locals.user?._id));
  const url = mediaUrlsFor(req);
  const data = docs.flatMap((row) => {
    const user = users.get(row.subscriber.toHexString());
    return user ? [subscriber(user, row.createdAt, url)] : [];
  });
  new ApiResponse(200, data, schema.getUserChannelSubscribers.message, pagination).send(res);
});

export const getSubscribedChannels = asyncHandler(async (req, res) => {
  const { query } = validated(res, schema.getSubscribedChannels);
  const { _id, subscriptionsCount } = loadedChannel(res);
  const list = { match: { subscriber: _id }, total: Promise.resolve(subscriptionsCount) };
  const { docs, pagination } = splitPage(await readPage(list, query));
  const ids = docs.map((row) => row.channel);
  const channels = await usersById(ids, LATEST_VIDEO);
  const latest = await latestVideos([...channels.values()], res.locals.user?._id);
  const url = mediaUrlsFor(req);
  const data = docs.flatMap((row) => {
    const key = row.channel.toHexString();
    const channel = channels.get(key);
    return channel ? [followedChannel(channel, latest.get(key), row.createdAt, url)] : [];
  });
  new ApiResponse(200, data, schema.getSubscribedChannels.message, pagination).send(res);
});

export const getSubscribedVideos = asyncHandler(async (req, res) => {
  const { query } = validated(res, schema.getSubscribedVideos);
  const { _id: user } = currentUser(res);
  const followed = await Subscription.find({ subscriber: user }, { channel: 1 }).lean();
  const channels = followed.map((row) => row.channel);
  const page = await paginate<JoinedVideo>(
    Video,
    {
      match: { owner: trusted({ $in: channels }), isPublished: true },
      scope: { feedOf: user },
      sortBy: "createdAt",
      direction: -1,
      join: [...joinOwner(), ...joinIsLiked("video", user)],
    },
    query,
  );
  const url = mediaUrlsFor(req);
  const data = { ...page, docs: page.docs.map((row) => video(row, url)) };
  new ApiResponse(200, data, schema.getSubscribedVideos.message).send(res);
});

interface Row {
  _id: Types.ObjectId;
  subscriber: Types.ObjectId;
  channel: Types.ObjectId;
  createdAt: Date;
}

/** Subscriptions, newest first. */
function readPage(
  list: { match: Record<string, unknown>; total: Promise<number> },
  request: PageRequest,
) {
  const order = { sortBy: "createdAt", direction: -1 } as const;
  return paginate<Row>(Subscription, { ...list, ...order, join: [] }, request);
}

type UserRow = SubscriberRow & FollowedChannelRow;

async function usersById(ids: Types.ObjectId[], join: typeof LATEST_VIDEO) {
  const rows = await User.aggregate<UserRow>([
    { $match: { _id: trusted({ $in: ids }) } },
    { $unset: ["password", "email"] },
    ...join,
  ]);
  return new Map(rows.map((row) => [row._id.toHexString(), row]));
}

/** Joins the id of a channel's newest published video. */
const LATEST_VIDEO: ReturnType<typeof joinIsSubscribed> = [
  {
    $lookup: {
      from: "videos",
      localField: "_id",
      foreignField: "owner",
      pipeline: [
        { $match: { isPublished: true } },
        { $sort: { createdAt: -1, _id: -1 } },
        { $limit: 1 },
        { $project: { _id: 1 } },
      ],
      as: "latest",
    },
  },
];

/** The newest published video of each channel that has one, by the channel's id. */
async function latestVideos(channels: UserRow[], viewer: Types.ObjectId | undefined) {
  const ids = channels.flatMap((channel) => channel.latest.map(({ _id }) => _id));
  const videos = await joinedVideos(ids, viewer);
  return new Map(videos.map((row) => [row.owner._id.toHexString(), row]));
}
