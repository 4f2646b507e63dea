import type { Request, Response } from "express";
import type { Types } from "mongoose";
import { config } from "../config/env";
import { UPLOAD_ACTIVE_MS } from "../constants";
import { Upload } from "../models/upload.model";
import { requireFreeSpace } from "../services/free-space";
import { asyncHandler } from "../utils/asyncHandler";
import { whenDone } from "../utils/when-done";
import { currentUser } from "./auth.middleware";

/** What a multipart body may have beside the video: the text fields, its frame and a thumbnail. */
const BESIDE_BYTES = 256 * 1024 + config.limits.imageBytes;

/**
 * Refuses a video that its sender has no room for before it is received, and counts it as one of
 * his uploads until its request is over. Other bodies pass untouched.
 */
export const reserveUpload = asyncHandler(async (req, res, next) => {
  if (!req.is("multipart/form-data")) {
    next();
    return;
  }
  const bytes = Math.min(declaredBytes(req), config.limits.videoBytes);
  await requireFreeSpace(config.dataDir, { bytes, floor: config.limits.freeBytes });
  const { _id: owner } = currentUser(res);
  const upload = await Upload.begin({ owner, size: Math.max(0, bytes - BESIDE_BYTES) });
  // What the database does not hear of lapses by itself.
  const timer = setInterval(() => {
    Upload.prolong(upload._id).catch(() => undefined);
  }, UPLOAD_ACTIVE_MS / 2);
  whenDone(res, async () => {
    clearInterval(timer);
    await upload.deleteOne().catch(() => undefined);
  });
  res.locals.upload = upload;
  next();
});

/** The id of the video that the received file becomes, behind reserveUpload. */
export function reservedVideo(res: Response): Types.ObjectId {
  const { upload } = res.locals;
  if (upload === undefined) {
    throw new Error("the route lacks reserveUpload");
  }
  return upload.video;
}

/** Of a body whose length is not declared, what can be told is nothing. */
function declaredBytes(req: Request): number {
  return Number(req.get("content-length") ?? 0);
}
