import type { RequestHandler } from "express";
import { config } from "../config/env";
import { ApiError } from "../utils/ApiError";
import { checkTicket } from "../utils/media-ticket";
import { getSignedVideoFile } from "../validations/media.validation";
import { validated } from "./validate.middleware";

/** Lets pass who shows a ticket for the folder of the video that the path names; stands behind `validate`. */
export const verifyTicket: RequestHandler = function verifyTicket(_req, res, next) {
  const { ticket, videoId } = validated(res, getSignedVideoFile).params;
  const verdict = checkTicket(ticket, `videos/${videoId}`, config.auth.accessTokenSecret);
  if (verdict !== "valid") {
    throw new ApiError(verdict === "expired" ? "MEDIA_LINK_EXPIRED" : "MEDIA_LINK_INVALID");
  }
  res.locals.hasTicket = true;
  next();
};
