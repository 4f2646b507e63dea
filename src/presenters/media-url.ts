import type { Request } from "express";
import { config } from "../config/env";
import { API_PREFIX } from "../constants";
import { storage } from "../services";
import { requestOrigin } from "../utils/request-origin";

/** Turns a storage key into the absolute URL that clients play or show: the storage's own where it serves the object, else ours. */
export type MediaUrls = (key: string) => string;

/** The URLs as this request's client can reach them. */
export function mediaUrlsFor(req: Request): MediaUrls {
  const origin = requestOrigin(req, config.http.publicUrl);
  return (key) => storage.url(key) ?? `${origin}${API_PREFIX}/media/${key}`;
}
