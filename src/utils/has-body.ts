import type { Request } from "express";

/** Whether the request brings a body that is not empty (RFC 9112, section 6). */
export function hasBody(req: Request): boolean {
  return req.get("transfer-encoding") !== undefined || Number(req.get("content-length") ?? 0) > 0;
}
