import { Metadata, TUS_RESUMABLE } from "@tus/server";
import type { RequestHandler } from "express";
import { config } from "../config/env";
import { ApiError } from "../utils/ApiError";
import { invalidInput } from "./validate.middleware";

/** The media type of a piece of a file (tus 1.0.0, "PATCH"). */
const PIECE = "application/offset+octet-stream";

const FEATURES = {
  "Tus-Version": TUS_RESUMABLE,
  "Tus-Extension": "creation,creation-with-upload,termination,expiration",
  "Tus-Max-Size": String(config.limits.videoBytes),
};

/** Says what of the protocol is spoken here; CORS then ends the OPTIONS request. */
export const describeTus: RequestHandler = function describeTus(_req, res, next) {
  res.set({ "Tus-Resumable": TUS_RESUMABLE, ...FEATURES });
  next();
};

/** Every reply names the protocol's version, refusals included. */
export const nameTus: RequestHandler = function nameTus(_req, res, next) {
  res.set("Tus-Resumable", TUS_RESUMABLE);
  next();
};

/** For clients that can send no PATCH or DELETE (tus 1.0.0, "X-HTTP-Method-Override"). */
export const overrideMethod: RequestHandler = function overrideMethod(req, _res, next) {
  const method = req.get("x-http-method-override")?.toUpperCase() ?? "";
  if (req.method === "POST" && ["PATCH", "DELETE"].includes(method)) {
    req.method = method;
  }
  next();
};

/** Refuses what is not said in the one version of the protocol, and pieces of another type. */
export const requireTus: RequestHandler = function requireTus(req, _res, next) {
  if (req.get("tus-resumable") !== TUS_RESUMABLE) {
    throw new ApiError("TUS_VERSION_UNSUPPORTED", { headers: { "Tus-Version": TUS_RESUMABLE } });
  }
  if (req.method === "PATCH" && !isPiece(req.get("content-type"))) {
    throw new ApiError("UNSUPPORTED_MEDIA_TYPE", { message: `The body must be ${PIECE}` });
  }
  next();
};

/** Puts the pairs of Upload-Metadata where the fields of a body are, to be validated as such. */
export const readMetadata: RequestHandler = function readMetadata(req, _res, next) {
  if (req.get("upload-concat") !== undefined) {
    const message = "is not supported: send the file as one upload";
    throw invalidInput([{ path: "Upload-Concat", message }]);
  }
  req.body = pairsOf(req.get("upload-metadata"));
  next();
};

/** Whether a media type, with its parameters, is that of pieces. */
export function isPiece(contentType: string | undefined): boolean {
  return contentType?.split(";")[0]?.trim().toLowerCase() === PIECE;
}

function pairsOf(header: string | undefined): Record<string, string> {
  if (!header?.trim()) {
    return {};
  }
  try {
    // A key without a value stands for an empty one.
    const pairs = Object.entries(Metadata.parse(header));
    return Object.fromEntries(pairs.map(([key, value]) => [key, value ?? ""]));
  } catch {
    const message = "must be pairs of a key and a Base64 value, separated by commas";
    throw invalidInput([{ path: "Upload-Metadata", message }]);
  }
}
