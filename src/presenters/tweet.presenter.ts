import type { Types } from "mongoose";
import type { MediaUrls } from "./media-url";
import { owner, type JoinedOwner } from "./user.presenter";

/** A tweet as the pipelines read it. */
export interface JoinedTweet {
  _id: Types.ObjectId;
  content: string;
  owner: JoinedOwner;
  likesCount: number;
  isLiked: boolean;
  createdAt: Date;
  updatedAt: Date;
}

export function tweet(row: JoinedTweet, url: MediaUrls) {
  return {
    _id: row._id,
    content: row.content,
    owner: owner(row.owner, url),
    likesCount: row.likesCount,
    isLiked: row.isLiked,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  };
}
