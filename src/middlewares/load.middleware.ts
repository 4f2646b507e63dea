import type { Request, RequestHandler, Response } from "express";
import { trusted, type Types } from "mongoose";
import { Comment, type CommentDocument } from "../models/comment.model";
import { Playlist, playlistsVisibleTo, type PlaylistDocument } from "../models/playlist.model";
import { Tweet, type TweetDocument } from "../models/tweet.model";
import { Upload, type UploadDocument } from "../models/upload.model";
import { User, type UserDocument } from "../models/user.model";
import { Video, visibleTo, type VideoDocument } from "../models/video.model";
import { ApiError } from "../utils/ApiError";
import { asyncHandler } from "../utils/asyncHandler";
import { objectId } from "../validations/common.validation";
import { currentUser } from "./auth.middleware";
import { invalidInput } from "./validate.middleware";

/*
 * Each loader reads the thing that the path names. Invisible things are 404 for everybody, someone
 * else's are 403 for those who want to change them. Loaders stand before `upload`, so that a
 * stranger is refused before his file is received.
 */

/** Loads the video that the path names: 404 when the caller may not know of it. */
export const loadVisibleVideo = load("video", findVisibleVideo);
/** Loads the caller's own video: 404 for one he may not know of, 403 for someone else's. */
export const loadOwnVideo = load("video", findVisibleVideo, requireOwner("video"));

/** Loads a comment: 404 when the caller may not know of its video. */
export const loadVisibleComment = load("comment", findVisibleComment);
/** Loads the caller's own comment. */
export const loadOwnComment = load("comment", findVisibleComment, requireOwner("comment"));
/** Loads a comment that the caller may delete: his own, or one under his own video. */
export const loadDeletableComment = load("comment", findVisibleComment, requireDeleter);

export const loadTweet = load("tweet", findTweet);
export const loadOwnTweet = load("tweet", findTweet, requireOwner("tweet"));

/** Loads a playlist: 404 for someone else's private one. */
export const loadVisiblePlaylist = load("playlist", findVisiblePlaylist);
export const loadOwnPlaylist = load("playlist", findVisiblePlaylist, requireOwner("playlist"));

/** Loads the caller's own resumable upload: 404 for everybody else's, of which he may not know. */
export const loadOwnUpload = load("upload", findOwnUpload);

/** Loads the user that the path names by id or username, in the parameter of the given name. */
export function loadChannel(parameter: string): RequestHandler {
  return load("channel", (req) => findChannel(String(req.params[parameter])));
}

/** Loads the user that the path names by id alone, in the parameter of the given name. */
export function loadUser(parameter: string): RequestHandler {
  return load("channel", (req) => findUser(idOf(req, parameter)));
}

/** The video behind one of the loaders. */
export function loadedVideo(res: Response): VideoDocument {
  return loaded(res.locals.video);
}

/** The comment behind one of the loaders. */
export function loadedComment(res: Response): CommentDocument {
  return loaded(res.locals.comment);
}

/** The tweet behind one of the loaders. */
export function loadedTweet(res: Response): TweetDocument {
  return loaded(res.locals.tweet);
}

/** The playlist behind one of the loaders. */
export function loadedPlaylist(res: Response): PlaylistDocument {
  return loaded(res.locals.playlist);
}

/** The upload behind loadOwnUpload. */
export function loadedUpload(res: Response): UploadDocument {
  return loaded(res.locals.upload);
}

/** The user behind loadChannel or loadUser. */
export function loadedChannel(res: Response): UserDocument {
  return loaded(res.locals.channel);
}

interface Loadable {
  video: VideoDocument;
  comment: CommentDocument;
  tweet: TweetDocument;
  playlist: PlaylistDocument;
  channel: UserDocument;
  upload: UploadDocument;
}

function load<K extends keyof Loadable>(
  name: K,
  find: (req: Request, res: Response) => Promise<Loadable[K]>,
  allow: (found: Loadable[K], res: Response) => void | Promise<void> = () => undefined,
): RequestHandler {
  return asyncHandler(async (req, res, next) => {
    const found = await find(req, res);
    await allow(found, res);
    res.locals[name] = found;
    next();
  });
}

function loaded<T>(found: T | undefined): T {
  if (found === undefined) {
    throw new Error("the route lacks its loader");
  }
  return found;
}

function requireOwner(name: string) {
  return ({ owner }: { owner: Types.ObjectId }, res: Response): void => {
    if (!owner.equals(currentUser(res)._id)) {
      throw new ApiError("FORBIDDEN", { message: `This ${name} belongs to someone else` });
    }
  };
}

async function requireDeleter(comment: CommentDocument, res: Response): Promise<void> {
  const { _id } = currentUser(res);
  if (!comment.owner.equals(_id) && !(await Video.exists({ _id: comment.video, owner: _id }))) {
    throw new ApiError("FORBIDDEN", { message: "This comment belongs to someone else" });
  }
}

async function findVisibleVideo(req: Request, res: Response): Promise<VideoDocument> {
  const _id = idOf(req, "videoId");
  const video = await Video.findOne({ _id, ...visibleTo(res.locals.user?._id) });
  if (!video) {
    throw new ApiError("VIDEO_NOT_FOUND");
  }
  return video;
}

async function findVisibleComment(req: Request, res: Response): Promise<CommentDocument> {
  const comment = await Comment.findById(idOf(req, "commentId"));
  const isVisible =
    comment && (await Video.exists({ _id: comment.video, ...visibleTo(res.locals.user?._id) }));
  if (!isVisible) {
    throw new ApiError("COMMENT_NOT_FOUND");
  }
  return comment;
}

async function findTweet(req: Request): Promise<TweetDocument> {
  const tweet = await Tweet.findById(idOf(req, "tweetId"));
  if (!tweet) {
    throw new ApiError("TWEET_NOT_FOUND");
  }
  return tweet;
}

async function findVisiblePlaylist(req: Request, res: Response): Promise<PlaylistDocument> {
  const _id = idOf(req, "playlistId");
  const playlist = await Playlist.findOne({ _id, ...playlistsVisibleTo(res.locals.user?._id) });
  if (!playlist) {
    throw new ApiError("PLAYLIST_NOT_FOUND");
  }
  return playlist;
}

async function findOwnUpload(req: Request, res: Response): Promise<UploadDocument> {
  const { _id: owner } = currentUser(res);
  const _id = String(req.params.uploadId);
  const upload = await Upload.findOne({ _id, owner, announcement: trusted({ $ne: null }) });
  if (!upload) {
    throw new ApiError("UPLOAD_NOT_FOUND");
  }
  return upload;
}

async function findUser(id: string): Promise<UserDocument> {
  const user = await User.findById(id);
  if (!user) {
    throw new ApiError("CHANNEL_NOT_FOUND");
  }
  return user;
}

/** A username may look like an id; the id wins. */
async function findChannel(name: string): Promise<UserDocument> {
  const id = objectId.safeParse(name);
  const names = [{ username: name.toLowerCase() }, ...(id.success ? [{ _id: id.data }] : [])];
  const users = await User.find(trusted({ $or: names }));
  const channel = users.find((user) => user.id === id.data) ?? users[0];
  if (!channel) {
    throw new ApiError("CHANNEL_NOT_FOUND");
  }
  return channel;
}

/** Reads an id by itself, for loaders run before `validate`. */
function idOf(req: Request, parameter: string): string {
  const id = objectId.safeParse(req.params[parameter]);
  if (!id.success) {
    throw invalidInput(id.error.issues.map(({ message }) => ({ path: parameter, message })));
  }
  return id.data;
}
