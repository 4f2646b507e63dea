import type { Types } from "mongoose";
import type { StoredCaptions } from "../models/video.model";
import { chaptersOf } from "../utils/chapters";
import { captions } from "./captions.presenter";
import type { MediaUrls } from "./media-url";
import { owner, type JoinedOwner } from "./user.presenter";

/** A video as the pipelines read it, with its owner joined. */
export interface JoinedVideo {
  _id: Types.ObjectId;
  videoFile: string;
  thumbnail: string;
  title: string;
  description: string;
  duration: number;
  views: number;
  isPublished: boolean;
  likesCount: number;
  commentsCount: number;
  isLiked: boolean;
  tags: string[];
  createdAt: Date;
  updatedAt: Date;
  owner: JoinedOwner;
}

/** A video with the channel fields of its own page. */
export interface JoinedVideoPage extends JoinedVideo {
  owner: JoinedOwner & { subscribersCount: number; isSubscribed: boolean };
  /** Videos from before there were captions lack it. */
  captions?: StoredCaptions[];
}

/** A video in a list. */
export function video(row: JoinedVideo, url: MediaUrls) {
  return {
    _id: row._id,
    videoFile: url(row.videoFile),
    thumbnail: url(row.thumbnail),
    title: row.title,
    description: row.description,
    duration: row.duration,
    views: row.views,
    isPublished: row.isPublished,
    likesCount: row.likesCount,
    commentsCount: row.commentsCount,
    isLiked: row.isLiked,
    tags: row.tags,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    owner: owner(row.owner, url),
  };
}

/** A video on its own page. */
export function videoPage(row: JoinedVideoPage, url: MediaUrls) {
  const { subscribersCount, isSubscribed } = row.owner;
  return {
    ...video(row, url),
    owner: { ...owner(row.owner, url), subscribersCount, isSubscribed },
    captions: (row.captions ?? []).map((entry) => captions(entry, url)),
    chapters: chaptersOf(row.description, row.duration),
  };
}
