import type { Types } from "mongoose";
import type { MediaUrls } from "./media-url";
import { owner, type JoinedOwner } from "./user.presenter";

/** A comment as the pipelines read it. */
export interface JoinedComment {
  _id: Types.ObjectId;
  content: string;
  video: Types.ObjectId;
  owner: JoinedOwner;
  parent: Types.ObjectId | null;
  likesCount: number;
  repliesCount: number;
  isLiked: boolean;
  createdAt: Date;
  updatedAt: Date;
}

export function comment(row: JoinedComment, url: MediaUrls) {
  return {
    _id: row._id,
    content: row.content,
    video: row.video,
    owner: owner(row.owner, url),
    parent: row.parent,
    likesCount: row.likesCount,
    repliesCount: row.repliesCount,
    isLiked: row.isLiked,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  };
}
