import type { Request } from "express";
import { config } from "../config/env";
import { API_PREFIX } from "../constants";
import { storage } from "../services";
import { issueTicket } from "../utils/media-ticket";
import { requestOrigin } from "../utils/request-origin";

/** Turns storage keys into the absolute URLs that clients play or show. */
export interface MediaUrls {
  /** Of a file that everybody may see: the storage's own where it serves the object, else ours. */
  open(key: string): string;
  /** Of a file that only those may see who are told this URL, for a while. */
  signed(key: string): string;
}

/** The URLs as this request's client can reach them. */
export function mediaUrlsFor(req: Request): MediaUrls {
  const media = `${requestOrigin(req, config.http.publicUrl)}${API_PREFIX}/media`;
  return {
    open: (key) => storage.url(key) ?? `${media}/${key}`,
    signed: (key) => `${media}/signed/${ticketFor(folderOf(key))}/${key}`,
  };
}

/** How a video's files are addressed: by signed URLs as long as it is not published. */
export function videoUrls(
  { isPublished }: { isPublished: boolean },
  url: MediaUrls,
): (key: string) => string {
  return (key) => (isPublished ? url.open(key) : url.signed(key));
}

function ticketFor(scope: string): string {
  return issueTicket(scope, config.media.urlTtl, config.auth.accessTokenSecret);
}

function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf("/"));
}
