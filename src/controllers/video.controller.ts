import { createHmac } from "node:crypto";
import type { Request, Response } from "express";
import { Types, trusted, type QueryFilter } from "mongoose";
import { config } from "../config/env";
import { saveWithFiles } from "../jobs/files";
import { publishOnce, thumbnailFromImage } from "../jobs/publishing";
import { removeVideo } from "../jobs/removal";
import { currentUser } from "../middlewares/auth.middleware";
import { loadedVideo } from "../middlewares/load.middleware";
import { addressOf } from "../middlewares/rate-limit.middleware";
import { reservedVideo } from "../middlewares/reserve.middleware";
import { requiredFile } from "../middlewares/upload.middleware";
import { validated } from "../middlewares/validate.middleware";
import { Counter } from "../models/counter.model";
import { Job } from "../models/job.model";
import { joinChannel, joinIsLiked, joinOwner } from "../models/pipelines/join.pipelines";
import { Video, type VideoDocument } from "../models/video.model";
import { View } from "../models/view.model";
import { WatchHistory } from "../models/watch-history.model";
import { mediaUrlsFor } from "../presenters/media-url";
import {
  video,
  videoPage,
  type JoinedVideo,
  type JoinedVideoPage,
} from "../presenters/video.presenter";
import { ApiError } from "../utils/ApiError";
import { ApiResponse } from "../utils/ApiResponse";
import { asyncHandler } from "../utils/asyncHandler";
import { onlyPage, paginate } from "../utils/pagination";
import * as schema from "../validations/video.validation";
import { joinedVideos } from "./joined-videos";

export const getAllVideos = asyncHandler(async (req, res) => {
  const { query } = validated(res, schema.getAllVideos);
  const viewer = res.locals.user?._id;
  const page = await paginate<JoinedVideo>(
    Video,
    {
      match: listFilter(query, viewer),
      ...(isUnfiltered(query) ? { total: Counter.read("publishedVideos") } : {}),
      sortBy: query.sortBy ?? "createdAt",
      direction: query.sortType === "asc" ? 1 : -1,
      join: [...joinOwner(), ...joinIsLiked("video", viewer)],
    },
    query,
  );
  const url = mediaUrlsFor(req);
  const data = { ...page, docs: page.docs.map((row) => video(row, url)) };
  new ApiResponse(200, data, schema.getAllVideos.message).send(res);
});

export const publishVideo = asyncHandler(async (req, res) => {
  const { body } = validated(res, schema.publishVideo);
  const id = reservedVideo(res);
  await publishOnce({
    id,
    owner: currentUser(res)._id,
    fields: body,
    videoFile: requiredFile(res, "videoFile").path,
    thumbnail: res.locals.files?.thumbnail?.path,
  });
  const data = await readPage(req, res, id);
  new ApiResponse(201, data, schema.publishVideo.message).send(res);
});

export const getVideoById = asyncHandler(async (req, res) => {
  const document = loadedVideo(res);
  // A HEAD and a prefetch show the video to nobody.
  if (req.method === "GET" && req.get("sec-purpose") === undefined) {
    await recordViewing(req, res, document);
  }
  const data = await readPage(req, res, document._id);
  new ApiResponse(200, data, schema.getVideoById.message).send(res);
});

export const updateVideo = asyncHandler(async (req, res) => {
  const { body } = validated(res, schema.updateVideo);
  const { _id } = loadedVideo(res);
  const image = res.locals.files?.thumbnail;
  if (image) {
    const thumbnail = await thumbnailFromImage(_id, image.path);
    await saveWithFiles([thumbnail], (drop) =>
      Video.change(_id, { ...body, thumbnail: thumbnail.key }, drop),
    );
  } else {
    await Video.change(_id, body);
  }
  const data = await readPage(req, res, _id);
  new ApiResponse(200, data, schema.updateVideo.message).send(res);
});

export const deleteVideo = asyncHandler(async (_req, res) => {
  const document = loadedVideo(res);
  await removeVideo(document._id);
  new ApiResponse(200, { videoId: document._id }, schema.deleteVideo.message).send(res);
});

export const togglePublishStatus = asyncHandler(async (req, res) => {
  const { _id } = loadedVideo(res);
  // As a pipeline the server flips what is stored, so that parallel toggles do not undo each other.
  await Video.change(_id, [{ $set: { isPublished: { $not: "$isPublished" } } }]);
  const data = await readPage(req, res, _id);
  new ApiResponse(200, data, schema.togglePublishStatus.message).send(res);
});

export const getRelatedVideos = asyncHandler(async (req, res) => {
  const { query } = validated(res, schema.getRelatedVideos);
  const ids = await relatedTo(loadedVideo(res), query.limit);
  const videos = await joinedVideos(ids, res.locals.user?._id);
  const url = mediaUrlsFor(req);
  const data = videos.map((row) => video(row, url));
  const pagination = onlyPage(data.length, query.limit);
  new ApiResponse(200, data, schema.getRelatedVideos.message, pagination).send(res);
});

export const recordView = asyncHandler(async (req, res) => {
  const { body } = validated(res, schema.recordView);
  const document = loadedVideo(res);
  const views = await recordViewing(req, res, document, body.position);
  new ApiResponse(200, { views }, schema.recordView.message).send(res);
});

interface ListQuery {
  query?: string | undefined;
  userId?: string | undefined;
  tag?: string | undefined;
}

/** Published videos; of the viewer's own channel all. */
function listFilter({ query, userId, tag }: ListQuery, viewer: Types.ObjectId | undefined) {
  const isOwnChannel = userId !== undefined && viewer?.equals(userId) === true;
  return {
    ...(isOwnChannel ? {} : { isPublished: true }),
    ...(userId === undefined ? {} : { owner: new Types.ObjectId(userId) }),
    ...(tag === undefined ? {} : { tags: tag }),
    ...(query ? { $text: { $search: wordsOf(query) } } : {}),
  };
}

/**
 * Only the words of a query: `$text` would read quotes as phrases and a minus as "without", and what
 * is only without something is everything to some servers.
 */
function wordsOf(query: string): string {
  return query.replace(/["-]/g, " ");
}

/** The list that everybody opens first; its length is known without counting. */
function isUnfiltered({ query, userId, tag }: ListQuery): boolean {
  return !query && userId === undefined && tag === undefined;
}

/** The ids of what to watch next, best first: the more tags in common the better, then the same channel, then the newest. */
async function relatedTo({ _id, owner, tags }: VideoDocument, limit: number) {
  const others = { _id: trusted({ $ne: _id }), isPublished: true };
  const newest = (filter: QueryFilter<VideoDocument>) =>
    Video.find({ ...others, ...filter }, { owner: 1, tags: 1 })
      .sort({ createdAt: -1, _id: -1 })
      .limit(limit)
      .lean();
  const found = await Promise.all([
    newest({ tags: trusted({ $in: tags }) }),
    newest({ owner }),
    newest({}),
  ]);
  const candidates = new Map(found.flat().map((row) => [row._id.toHexString(), row]));
  const score = (row: { owner: Types.ObjectId; tags: string[] }) =>
    2 * row.tags.filter((tag) => tags.includes(tag)).length + Number(row.owner.equals(owner));
  return [...candidates.values()]
    .sort((a, b) => score(b) - score(a))
    .slice(0, limit)
    .map((row) => row._id);
}

/** Reads one video as its own page shows it. */
async function readPage(req: Request, res: Response, id: Types.ObjectId) {
  const viewer = res.locals.user?._id;
  const [row] = await Video.aggregate<JoinedVideoPage>([
    { $match: { _id: id } },
    ...joinChannel(viewer),
    ...joinIsLiked("video", viewer),
  ]);
  if (!row) {
    throw new ApiError("VIDEO_NOT_FOUND");
  }
  const isOwn = viewer?.equals(row.owner._id) === true;
  const job = isOwn ? await Job.findOne({ target: id }) : undefined;
  return videoPage(row, mediaUrlsFor(req), job);
}

/** Keeps the viewer's history and counts one view per viewer and window, the owner's never; answers the count. */
async function recordViewing(
  req: Request,
  res: Response,
  document: VideoDocument,
  position?: number,
): Promise<number> {
  const viewer = res.locals.user?._id;
  if (viewer) {
    await WatchHistory.record(viewer, document._id, position);
  }
  const isOwner = viewer?.equals(document.owner) === true;
  if (isOwner || !(await View.claim(document._id, viewer?.toHexString() ?? visitor(req)))) {
    return document.views;
  }
  const counted = await Video.findOneAndUpdate(
    { _id: document._id },
    { $inc: { views: 1 } },
    { returnDocument: "after", timestamps: false },
  );
  return counted?.views ?? document.views;
}

/** Stands for an anonymous visitor without keeping his address. */
function visitor(req: Request): string {
  return createHmac("sha256", config.auth.accessTokenSecret)
    .update(`${addressOf(req)}|${req.get("user-agent") ?? ""}`)
    .digest("base64url");
}
