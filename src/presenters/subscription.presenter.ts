import type { Types } from "mongoose";
import type { MediaUrls } from "./media-url";
import { publicUser, type PublicUserRow } from "./user.presenter";
import { video, type JoinedVideo } from "./video.presenter";

/** A user who follows a channel. */
export interface SubscriberRow extends PublicUserRow {
  subscribersCount: number;
  isSubscribed: boolean;
}

/** A channel that is followed, with the id of its newest published video. */
export interface FollowedChannelRow extends PublicUserRow {
  subscribersCount: number;
  latest: { _id: Types.ObjectId }[];
}

export function subscriber(row: SubscriberRow, subscribedAt: Date, url: MediaUrls) {
  const { subscribersCount, isSubscribed } = row;
  return { ...publicUser(row, url), subscribersCount, isSubscribed, subscribedAt };
}

export function followedChannel(
  row: FollowedChannelRow,
  latestVideo: JoinedVideo | undefined,
  subscribedAt: Date,
  url: MediaUrls,
) {
  return {
    ...publicUser(row, url),
    subscribersCount: row.subscribersCount,
    latestVideo: latestVideo ? video(latestVideo, url) : null,
    subscribedAt,
  };
}
