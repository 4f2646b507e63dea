import { pipeline } from "node:stream/promises";
import type { Request, Response } from "express";
import { validated } from "../middlewares/validate.middleware";
import { User } from "../models/user.model";
import { filesOf, Video, visibleTo } from "../models/video.model";
import { storage } from "../services";
import { MEDIA_TYPES } from "../services/media-type";
import { ApiError } from "../utils/ApiError";
import { asyncHandler } from "../utils/asyncHandler";
import { parseByteRange, type ByteRange } from "../utils/byte-range";
import * as schema from "../validations/media.validation";

/** How caches may treat a file; see serve(). */
const CACHING = {
  /** The file never changes under its address and stays public. */
  forever: "public, max-age=31536000, immutable",
  /** Asked again before each use, so that a video that is taken back is gone at once. */
  revalidate: "public, no-cache",
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
  const { params } = validated(res, schema.getVideoFile);
  const key = `videos/${params.videoId}/${params.file}`;
  const video = await Video.findOne({
    _id: params.videoId,
    ...visibleTo(res.locals.user?._id),
  });
  if (!video || !filesOf(video).includes(key)) {
    throw new ApiError("FILE_NOT_FOUND");
  }
  await serve(req, res, key, video.isPublished ? "revalidate" : "never");
});

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
  const [etag, contentType] = validatorAndType(key);
  res.set({
    ETag: etag,
    "Accept-Ranges": "bytes",
    "Cache-Control": CACHING[caching],
    "Content-Type": contentType,
    // Whatever got past the checks must not run in a browser, yet frontends elsewhere embed it.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
  });
  if (req.fresh) {
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

function validatorAndType(key: string): [etag: string, contentType: string] {
  const [name = "", extension = ""] = key.slice(key.lastIndexOf("/") + 1).split(".");
  return [`"${name}"`, MEDIA_TYPES[extension] ?? "application/octet-stream"];
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
