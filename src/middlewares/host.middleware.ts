import type { RequestHandler } from "express";
import { ApiError } from "../utils/ApiError";

/** A host name or an IP address, with a port or without (RFC 3986, section 3.2.2). */
const HOST = /^([\w.~-]+|\[[\da-f:.]+\])(:\d{0,5})?$/i;

/**
 * Refuses a Host header that is none, and HTTP/1.1 without one (RFC 9112, section 3.2): addresses in
 * replies begin with it.
 */
export const requireHost: RequestHandler = function requireHost(req, _res, next) {
  const host = req.host as string | undefined;
  const isMissing = req.httpVersion === "1.1" && req.get("host") === undefined;
  if (isMissing || (host !== undefined && !HOST.test(host))) {
    throw new ApiError("INVALID_REQUEST", { message: "The Host header is missing or no host" });
  }
  next();
};
