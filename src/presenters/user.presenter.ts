import type { Types } from "mongoose";
import type { UserDocument } from "../models/user.model";
import type { MediaUrls } from "./media-url";

/** The fields of an owner that the pipelines join. */
export interface JoinedOwner {
  _id: Types.ObjectId;
  username: string;
  fullName: string;
  avatar: string;
}

/** The fields of a user that everybody may see, as stored. */
export interface PublicUserRow extends JoinedOwner {
  coverImage: string;
  createdAt: Date;
}

/** What everybody may see of a user. */
export function publicUser(user: PublicUserRow, url: MediaUrls) {
  return {
    _id: user._id,
    username: user.username,
    fullName: user.fullName,
    avatar: url.open(user.avatar),
    coverImage: user.coverImage === "" ? "" : url.open(user.coverImage),
    createdAt: user.createdAt,
  };
}

/** What a user sees of himself. */
export function ownUser(user: UserDocument, url: MediaUrls) {
  return { ...publicUser(user, url), email: user.email, updatedAt: user.updatedAt };
}

/** The owner of a video. */
export function owner({ _id, username, fullName, avatar }: JoinedOwner, url: MediaUrls) {
  return { _id, username, fullName, avatar: url.open(avatar) };
}

/** The fields of a session that its user sees. */
export interface SessionRow {
  _id: Types.ObjectId;
  device: string;
  createdAt: Date;
  rotatedAt: Date;
  expiresAt: Date;
}

/** One line of the list of sessions. */
export function ownSession(row: SessionRow, current: Types.ObjectId) {
  return {
    _id: row._id,
    device: row.device,
    createdAt: row.createdAt,
    lastUsedAt: row.rotatedAt,
    expiresAt: row.expiresAt,
    current: row._id.equals(current),
  };
}
