import type { Request, RequestHandler } from "express";
import { config } from "../config/env";
import { ACCESS_TOKEN_COOKIE, REFRESH_TOKEN_COOKIE } from "../constants";
import { ApiError } from "../utils/ApiError";
import { requestOrigin } from "../utils/request-origin";
import { bearerToken, cookie } from "./auth.middleware";

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);
/** Of Fetch Metadata's `Sec-Fetch-Site`: the page is ours, or the user typed the address. */
const OWN_SITES = new Set(["same-origin", "none"]);

/**
 * Refuses an unsafe request that cookies authenticate and another site's page sent (OWASP CSRF
 * cheat sheet, "Verifying Origin" and Fetch Metadata). Clients that are no browser send neither
 * header and pass; so does whoever sends a Bearer token, which no foreign page can.
 */
export const refuseCrossSite: RequestHandler = function refuseCrossSite(req, _res, next) {
  if (!SAFE_METHODS.has(req.method) && usesCookies(req) && !isFromAllowedOrigin(req)) {
    throw new ApiError("CROSS_SITE_REQUEST");
  }
  next();
};

function usesCookies(req: Request): boolean {
  const cookies = cookie(req, ACCESS_TOKEN_COOKIE) ?? cookie(req, REFRESH_TOKEN_COOKIE);
  return bearerToken(req) === null && cookies !== null;
}

function isFromAllowedOrigin(req: Request): boolean {
  const origin = req.get("origin");
  if (origin !== undefined) {
    return (
      config.http.corsOrigins.includes(origin) ||
      origin === requestOrigin(req, config.http.publicUrl)
    );
  }
  const site = req.get("sec-fetch-site");
  return site === undefined || OWN_SITES.has(site);
}
