import type { Request, Response } from "express";
import { Types, trusted } from "mongoose";
import { PLAYLIST_MAX } from "../constants";
import { currentUser } from "../middlewares/auth.middleware";
import { loadedChannel, loadedPlaylist, loadedVideo } from "../middlewares/load.middleware";
import { validated } from "../middlewares/validate.middleware";
import { joinOwner } from "../models/pipelines/join.pipelines";
import { Playlist, type PlaylistDocument } from "../models/playlist.model";
import { User } from "../models/user.model";
import { Video, visibleTo } from "../models/video.model";
import { mediaUrlsFor } from "../presenters/media-url";
import { playlist, playlistInList, type PlaylistEntry } from "../presenters/playlist.presenter";
import type { JoinedOwner } from "../presenters/user.presenter";
import { ApiError } from "../utils/ApiError";
import { ApiResponse } from "../utils/ApiResponse";
import { asyncHandler } from "../utils/asyncHandler";
import { paginate, splitPage } from "../utils/pagination";
import * as schema from "../validations/playlist.validation";
import { joinedVideos } from "./joined-videos";

export const createPlaylist = asyncHandler(async (req, res) => {
  const { body } = validated(res, schema.createPlaylist);
  const document = await Playlist.create({ ...body, owner: currentUser(res)._id });
  const data = await read(req, res, document);
  new ApiResponse(201, data, schema.createPlaylist.message).send(res);
});

export const getPlaylistById = asyncHandler(async (req, res) => {
  const data = await read(req, res, loadedPlaylist(res));
  new ApiResponse(200, data, schema.getPlaylistById.message).send(res);
});

export const updatePlaylist = asyncHandler(async (req, res) => {
  const { body } = validated(res, schema.updatePlaylist);
  const changed = await change(loadedPlaylist(res), {}, { $set: body });
  const data = await read(req, res, changed);
  new ApiResponse(200, data, schema.updatePlaylist.message).send(res);
});

export const deletePlaylist = asyncHandler(async (_req, res) => {
  await Playlist.deleteOne({ _id: loadedPlaylist(res)._id });
  new ApiResponse(200, {}, schema.deletePlaylist.message).send(res);
});

export const addVideoToPlaylist = asyncHandler(async (req, res) => {
  const document = loadedPlaylist(res);
  const { _id: video } = loadedVideo(res);
  // The server decides about the last place, however many add at once.
  const hasRoom = { [`videos.${PLAYLIST_MAX - 1}`]: trusted({ $exists: false }) };
  const added = document.videos.some((id) => id.equals(video))
    ? document
    : await change(document, hasRoom, { $addToSet: { videos: video } }, "PLAYLIST_FULL");
  const data = await read(req, res, added);
  new ApiResponse(200, data, schema.addVideoToPlaylist.message).send(res);
});

export const removeVideoFromPlaylist = asyncHandler(async (req, res) => {
  const { params } = validated(res, schema.removeVideoFromPlaylist);
  const document = loadedPlaylist(res);
  const removed = document.videos.some((id) => id.equals(params.videoId))
    ? await change(document, {}, { $pull: { videos: new Types.ObjectId(params.videoId) } })
    : document;
  const data = await read(req, res, removed);
  new ApiResponse(200, data, schema.removeVideoFromPlaylist.message).send(res);
});

export const reorderPlaylist = asyncHandler(async (req, res) => {
  const { body } = validated(res, schema.reorderPlaylist);
  const document = loadedPlaylist(res);
  const shown = await visibleEntries([document], res);
  const hidden = document.videos.filter((id) => !shown.has(id.toHexString()));
  if (!isOrderOf(body.videos, [...shown.keys()])) {
    throw new ApiError("PLAYLIST_ORDER_MISMATCH");
  }
  // What its owner cannot see just now stays in the playlist, at its end.
  const videos = [...body.videos.map((id) => new Types.ObjectId(id)), ...hidden];
  // Whoever changed the list in between has made this an order of something else.
  const unchanged = { videos: trusted({ $eq: document.videos }) };
  const changed = await change(
    document,
    unchanged,
    { $set: { videos } },
    "PLAYLIST_ORDER_MISMATCH",
  );
  const data = await read(req, res, changed);
  new ApiResponse(200, data, schema.reorderPlaylist.message).send(res);
});

export const getUserPlaylists = asyncHandler(async (req, res) => {
  const { query } = validated(res, schema.getUserPlaylists);
  const { _id: owner } = loadedChannel(res);
  const isOwn = res.locals.user?._id.equals(owner) === true;
  const page = await paginate<JoinedPlaylist>(
    Playlist,
    {
      match: { owner, ...(isOwn ? {} : { isPublic: true }) },
      sortBy: "createdAt",
      direction: -1,
      join: joinOwner(),
    },
    query,
  );
  const { docs, pagination } = splitPage(page);
  const entries = await visibleEntries(docs, res);
  const url = mediaUrlsFor(req);
  const data = docs.map((row) => playlistInList(row, row.owner, inOrder(row, entries), url));
  new ApiResponse(200, data, schema.getUserPlaylists.message, pagination).send(res);
});

type JoinedPlaylist = Omit<PlaylistDocument, "owner"> & { owner: JoinedOwner };

/** Writes to a playlist if the condition still holds; the code says why it did not. */
async function change(
  { _id }: PlaylistDocument,
  condition: Record<string, unknown>,
  update: Parameters<typeof Playlist.findOneAndUpdate>[1],
  code: "PLAYLIST_NOT_FOUND" | "PLAYLIST_FULL" | "PLAYLIST_ORDER_MISMATCH" = "PLAYLIST_NOT_FOUND",
): Promise<PlaylistDocument> {
  const changed = await Playlist.findOneAndUpdate({ _id, ...condition }, update, {
    returnDocument: "after",
  });
  if (!changed) {
    throw new ApiError(code);
  }
  return changed;
}

async function read(req: Request, res: Response, document: PlaylistDocument) {
  const [owner, videos] = await Promise.all([
    User.findById(document.owner),
    joinedVideos(document.videos, res.locals.user?._id),
  ]);
  // An account that is being removed takes its playlists along.
  if (!owner) {
    throw new ApiError("PLAYLIST_NOT_FOUND");
  }
  return playlist(document, owner, videos, mediaUrlsFor(req));
}

/** What the viewer may see of the videos of several playlists, by id, in one query. */
async function visibleEntries(playlists: { videos: Types.ObjectId[] }[], res: Response) {
  const ids = playlists.flatMap(({ videos }) => videos);
  const rows = await Video.find(
    { _id: trusted({ $in: ids }), ...visibleTo(res.locals.user?._id) },
    { views: 1, thumbnail: 1, isPublished: 1 },
  ).lean<PlaylistEntry[]>();
  return new Map(rows.map((row) => [row._id.toHexString(), row]));
}

function inOrder({ videos }: { videos: Types.ObjectId[] }, entries: Map<string, PlaylistEntry>) {
  return videos.flatMap((id) => entries.get(id.toHexString()) ?? []);
}

function isOrderOf(order: string[], ids: string[]): boolean {
  const named = new Set(order);
  return (
    order.length === ids.length && named.size === ids.length && ids.every((id) => named.has(id))
  );
}
