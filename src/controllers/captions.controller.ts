import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Request, RequestHandler, Response } from "express";
import type { Types } from "mongoose";
import { CAPTIONS_MAX } from "../constants";
import { newKey, saveWithFiles, type NewFile } from "../jobs/files";
import { loadedVideo } from "../middlewares/load.middleware";
import { requiredFile } from "../middlewares/upload.middleware";
import { validated } from "../middlewares/validate.middleware";
import { changeCaptions } from "../models/captions";
import { captions } from "../presenters/captions.presenter";
import { mediaUrlsFor, videoUrls } from "../presenters/media-url";
import { toWebVtt } from "../services/captions";
import { ApiError } from "../utils/ApiError";
import { ApiResponse } from "../utils/ApiResponse";
import { asyncHandler } from "../utils/asyncHandler";
import { languageName } from "../utils/language";
import { onlyPage } from "../utils/pagination";
import * as schema from "../validations/captions.validation";

export const getVideoCaptions: RequestHandler = function getVideoCaptions(req, res) {
  const file = fileUrls(req, res);
  const data = loadedVideo(res).captions.map((entry) => captions(entry, file));
  const pagination = onlyPage(data.length, CAPTIONS_MAX);
  new ApiResponse(200, data, schema.getVideoCaptions.message, pagination).send(res);
};

export const getCaptions: RequestHandler = function getCaptions(req, res) {
  const { params } = validated(res, schema.getCaptions);
  const found = loadedVideo(res).captions.find(({ language }) => language === params.language);
  if (!found) {
    throw new ApiError("CAPTIONS_NOT_FOUND");
  }
  const data = captions(found, fileUrls(req, res));
  new ApiResponse(200, data, schema.getCaptions.message).send(res);
};

export const putCaptions = asyncHandler(async (req, res) => {
  const { params, body } = validated(res, schema.putCaptions);
  const { language } = params;
  const { _id: video } = loadedVideo(res);
  const file = await newCaptionsFile(res, video);
  const next = { language, label: body.label ?? languageName(language), key: file.key };
  const before = await saveWithFiles([file], (drop) =>
    changeCaptions({ video, language, next, drop }),
  );
  const { status, message, off } = schema.putCaptions;
  const outcome = before && off ? off : { status, message };
  const data = captions(next, fileUrls(req, res));
  new ApiResponse(outcome.status, data, outcome.message).send(res);
});

export const deleteCaptions = asyncHandler(async (_req, res) => {
  const { language } = validated(res, schema.deleteCaptions).params;
  const { _id: video } = loadedVideo(res);
  await saveWithFiles([], (drop) => changeCaptions({ video, language, next: null, drop }));
  new ApiResponse(200, {}, schema.deleteCaptions.message).send(res);
});

function fileUrls(req: Request, res: Response) {
  return videoUrls(loadedVideo(res), mediaUrlsFor(req));
}

/** Writes what was sent as clean WebVTT beside it; it is still to be stored. */
async function newCaptionsFile(res: Response, video: Types.ObjectId): Promise<NewFile> {
  const sent = requiredFile(res, "captions").path;
  const path = join(dirname(sent), "captions.vtt");
  await writeFile(path, toWebVtt(await readFile(sent)));
  return { key: newKey("videos", video, "vtt"), path, contentType: "text/vtt" };
}
