import type { Request, Response } from "express";
import { Types } from "mongoose";
import { config } from "../config/env";
import { UPLOAD_ACTIVE_MS } from "../constants";
import { Upload } from "../models/upload.model";
import { requireFreeSpace } from "../services/free-space";
import { asyncHandler } from "../utils/asyncHandler";
import { idForKey } from "../utils/idempotency-key";
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
  const { atLeast, atMost } = sizeOf(req);
  await requireFreeSpace(config.dataDir, { bytes: atMost, floor: config.limits.freeBytes });
  const { _id: owner } = currentUser(res);
  const key = req.get("idempotency-key");
  const video = key === undefined ? new Types.ObjectId() : idForKey(owner, key);
  const upload = await Upload.begin({ owner, size: atLeast, video });
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

/** What can be told of the video's size before it is received. */
function sizeOf(req: Request): { atLeast: number; atMost: number } {
  const { videoBytes } = config.limits;
  const declared = req.get("content-length");
  return declared === undefined
    ? { atLeast: 0, atMost: videoBytes }
    : {
        atLeast: Math.max(0, Number(declared) - BESIDE_BYTES),
        atMost: Math.min(Number(declared), videoBytes),
      };
}
