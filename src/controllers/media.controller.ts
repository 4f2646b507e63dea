import { pipeline } from "node:stream/promises";
import type { Request, Response } from "express";
import { CAPTIONS_PLAYLIST } from "../constants";
import { validated } from "../middlewares/validate.middleware";
import { User } from "../models/user.model";
import { filesOf, tracksOf, Video, visibleTo } from "../models/video.model";
import { captionsPlaylist, master, masterFile } from "../presenters/hls.presenter";
import { storage } from "../services";
import { MEDIA_TYPES } from "../services/media-type";
import { ApiError } from "../utils/ApiError";
import { asyncHandler } from "../utils/asyncHandler";
import { parseByteRange, type ByteRange } from "../utils/byte-range";
import * as schema from "../validations/media.validation";

/** How caches may treat a file. */
const CACHING = {
  /** What an address names never changes: another file is another address. */
  forever: "public, max-age=31536000, immutable",
  never: "private, no-store",
} as const;

export const getUserFile = asyncHandler(async (req, res) => {
  const { params } = validated(res, schema.getUserFile);
  const key = `users/${params.userId}/${params.file}`;
  const isOfUser = await User.exists({
    _id: params.userId,
    $or: [{ avatar: key }, { coverImage: key }],
  });
  if (!isOfUser) {
    throw new ApiError("FILE_NOT_FOUND");
  }
  await serve(req, res, key, "forever");
});

export const getVideoFile = asyncHandler(async (req, res) => {
  const { videoId, file } = validated(res, schema.getVideoFile).params;
  const key = `videos/${videoId}/${file}`;
  const video = await findVideo(videoId, res);
  const { _id, hls, captions = [] } = video;
  if (hls && schema.isMaster(file)) {
    const current = masterFile(_id, hls, captions);
    // Whoever holds an older address, from before captions changed, plays on.
    const caching = key === current ? cachingFor(res) : "never";
    sendText(req, res, { key: current, caching }, master(hls, captions));
    return;
  }
  if (!filesOf(video).includes(key)) {
    throw new ApiError("FILE_NOT_FOUND");
  }
  await serve(req, res, key, cachingFor(res));
});

export const getVideoFilePart = asyncHandler(async (req, res) => {
  const { videoId, file, part } = validated(res, schema.getVideoFilePart).params;
  const key = `videos/${videoId}/${file}`;
  const video = await findVideo(videoId, res);
  const track = tracksOf(video.hls).find((one) => one.file === key);
  const captions = (video.captions ?? []).find((one) => one.key === key);
  if (track && typeof part === "object" && part.end < track.size) {
    await servePart(req, res, key, part);
  } else if (captions && part === CAPTIONS_PLAYLIST) {
    const playlist = { key: `${key}/${part}`, caching: cachingFor(res) };
    sendText(req, res, playlist, captionsPlaylist(key, video.duration));
  } else {
    throw new ApiError("FILE_NOT_FOUND");
  }
});

/** Whoever shows a ticket may see the file; everybody else what is published. */
async function findVideo(videoId: string, res: Response) {
  const filter = res.locals.hasTicket ? {} : visibleTo(undefined);
  const video = await Video.findOne({ _id: videoId, ...filter }, FILE_FIELDS).lean();
  if (!video) {
    throw new ApiError("FILE_NOT_FOUND");
  }
  return video;
}

const FILE_FIELDS = {
  ...{ videoFile: 1, thumbnail: 1, hls: 1, posters: 1, storyboard: 1, captions: 1, duration: 1 },
} as const;

/** An address with a ticket is meant for one person. */
function cachingFor(res: Response): keyof typeof CACHING {
  return res.locals.hasTicket ? "never" : "forever";
}

/** Sends a playlist that is written here. */
function sendText(
  req: Request,
  res: Response,
  { key, caching }: { key: string; caching: keyof typeof CACHING },
  text: string,
): void {
  const etag = setHeaders(res, key, caching);
  if (holds(req, etag)) {
    res.status(304).end();
  } else {
    res.send(text);
  }
}

/** Sends some bytes of a stored file as a thing of its own: one segment of a stream. */
async function servePart(req: Request, res: Response, key: string, part: ByteRange) {
  const { start, end } = part;
  const etag = setHeaders(res, key, cachingFor(res), `-${start}-${end}`);
  if (holds(req, etag)) {
    res.status(304).end();
    return;
  }
  res.set("Content-Length", String(end - start + 1));
  if (req.method === "HEAD") {
    res.end();
    return;
  }
  await send(req, res, key, part);
}

/**
 * Sends a stored file with byte ranges and conditions (RFC 9110, sections 13 and 14). A key never
 * changes what it names, so the key's own random part is a strong validator.
 */
async function serve(
  req: Request,
  res: Response,
  key: string,
  caching: keyof typeof CACHING,
): Promise<void> {
  const object = await storage.stat(key);
  if (!object) {
    throw new ApiError("FILE_NOT_FOUND");
  }
  const etag = setHeaders(res, key, caching);
  res.set("Accept-Ranges", "bytes");
  if (holds(req, etag)) {
    res.status(304).end();
    return;
  }
  const range = requestedRange(req, object.size, etag);
  if (range) {
    res.status(206).set("Content-Range", `bytes ${range.start}-${range.end}/${object.size}`);
  }
  res.set("Content-Length", String(range ? range.end - range.start + 1 : object.size));
  if (req.method === "HEAD") {
    res.end();
    return;
  }
  await send(req, res, key, range);
}

/** Sets what every file is sent with; `variant` tells parts of one file apart. Returns the validator. */
function setHeaders(
  res: Response,
  key: string,
  caching: keyof typeof CACHING,
  variant = "",
): string {
  const [name = "", extension = ""] = key.slice(key.lastIndexOf("/") + 1).split(".");
  const etag = `"${name}${variant}"`;
  res.set({
    ETag: etag,
    "Cache-Control": CACHING[caching],
    "Content-Type": MEDIA_TYPES[extension] ?? "application/octet-stream",
    // Whatever got past the checks must not run in a browser, yet frontends elsewhere embed it.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
  });
  return etag;
}

/**
 * Whether the client has the file already (RFC 9110, section 13.1.2, compared weakly). Express'
 * `req.fresh` says no to whoever sends `Cache-Control: no-cache` along, as fetch() does.
 */
function holds(req: Request, etag: string): boolean {
  const tags = (req.get("if-none-match") ?? "").split(",").map((tag) => tag.trim());
  return tags.some((tag) => tag === "*" || tag.replace(/^W\//, "") === etag);
}

/** The range to send, or undefined for the whole. */
function requestedRange(req: Request, size: number, etag: string): ByteRange | undefined {
  const header = req.get("range");
  const ifRange = req.get("if-range");
  // If-Range compares strongly (section 13.1.5); a date cannot match, as no Last-Modified is sent.
  if (req.method !== "GET" || !header || (ifRange !== undefined && ifRange !== etag)) {
    return undefined;
  }
  const range = parseByteRange(header, size);
  if (range === "unsatisfiable") {
    throw new ApiError("RANGE_NOT_SATISFIABLE", {
      headers: { "Content-Range": `bytes */${size}` },
    });
  }
  return range === "whole" ? undefined : range;
}

async function send(
  req: Request,
  res: Response,
  key: string,
  range: ByteRange | undefined,
): Promise<void> {
  const body = await storage.get(key, range);
  try {
    await pipeline(body, res);
  } catch (error) {
    // Players leave in the middle all the time; only a failing storage is worth a line.
    if (!req.destroyed && !res.closed) {
      throw error;
    }
  }
}
