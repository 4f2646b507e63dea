import type { Response } from "express";
import { config } from "../config/env";
import { API_PREFIX } from "../constants";
import { finishUpload } from "../jobs/resumable/finish";
import { removeUpload } from "../jobs/resumable/store";
import { currentUser } from "../middlewares/auth.middleware";
import { loadedUpload } from "../middlewares/load.middleware";
import { requestFolder } from "../middlewares/upload.middleware";
import { validated } from "../middlewares/validate.middleware";
import { Upload, type UploadDocument } from "../models/upload.model";
import { requireFreeSpace } from "../services/free-space";
import { ApiError } from "../utils/ApiError";
import { ApiResponse } from "../utils/ApiResponse";
import { asyncHandler } from "../utils/asyncHandler";
import { whenDone } from "../utils/when-done";
import * as schema from "../validations/upload.validation";
import { askTus } from "./tus";

export const createUpload = asyncHandler(async (req, res) => {
  const { body: fields, headers } = validated(res, schema.createUpload);
  const size = headers["Upload-Length"];
  await refuseWithoutRoom(size);
  const metadata = knownPairs(req.body as Record<string, string>, fields);
  const { _id: owner } = currentUser(res);
  const upload = await Upload.begin({ owner, size, announcement: { fields, metadata } });
  removeUnlessDelivered(res, upload._id);

  const reply = await askTus(req, res, upload._id);
  const offset = Number(reply.get("Upload-Offset") ?? 0);
  const isComplete = await finishIfComplete(res, upload, offset);
  res.set("Location", `${config.http.publicUrl ?? ""}${API_PREFIX}/uploads/${upload._id}`);
  const { _id, expiresAt, video } = upload;
  const data = { _id, offset, size, expiresAt, video: isComplete ? video : null };
  new ApiResponse(201, data, schema.createUpload.message).send(res);
});

export const getUploadOffset = asyncHandler(async (req, res) => {
  const reply = await askTus(req, res, loadedUpload(res)._id);
  await finishIfComplete(res, loadedUpload(res), Number(reply.get("Upload-Offset")));
  res.status(schema.getUploadOffset.status).end();
});

export const resumeUpload = asyncHandler(async (req, res) => {
  const upload = loadedUpload(res);
  const { size, publishedAt } = upload;
  await refuseWithoutRoom(Number(req.get("content-length") ?? 0));
  const isRepeated = publishedAt !== null && Number(req.get("upload-offset")) === size;
  // There is no file any more to which nothing could be added.
  const reply = isRepeated ? null : await askTus(req, res, upload._id);
  const offset = Number(reply?.get("Upload-Offset") ?? size);
  await finishIfComplete(res, upload, offset);
  res.status(schema.resumeUpload.status).set("Upload-Offset", String(offset)).end();
});

export const terminateUpload = asyncHandler(async (req, res) => {
  await askTus(req, res, loadedUpload(res)._id);
  res.status(schema.terminateUpload.status).end();
});

/** Refuses more bytes than a video may have or the disk has room for. */
async function refuseWithoutRoom(bytes: number): Promise<void> {
  const { videoBytes, freeBytes } = config.limits;
  if (bytes > videoBytes) {
    throw new ApiError("FILE_TOO_LARGE", { message: `A video has at most ${videoBytes} bytes` });
  }
  await requireFreeSpace(config.dataDir, { bytes, floor: freeBytes });
}

/** As they were sent, without those that mean nothing here. */
function knownPairs(pairs: Record<string, string>, fields: object): Record<string, string> {
  return Object.fromEntries(Object.entries(pairs).filter(([key]) => Object.hasOwn(fields, key)));
}

/** Publishes an upload that is all there, unless it is published already, and names its video. */
async function finishIfComplete(
  res: Response,
  { _id, size, video }: UploadDocument,
  offset: number,
): Promise<boolean> {
  if (offset !== size) {
    return false;
  }
  await finishUpload(_id, await requestFolder(res));
  res.set("X-Video-Id", video.toHexString());
  return true;
}

/** Nobody knows of an upload whose client has gone before it got the address. */
function removeUnlessDelivered(res: Response, id: string): void {
  let isDelivered = false;
  res.once("finish", () => {
    isDelivered = !res.destroyed && res.statusCode < 300;
  });
  // What the database does not hear of goes when its time is over.
  whenDone(res, async () => {
    if (!isDelivered) {
      await removeUpload(id).catch(() => undefined);
    }
  });
}
