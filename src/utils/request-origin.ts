import type { Request } from "express";

/** Where this API is reached: the configured public URL, else what the request itself was sent to. */
export function requestOrigin(req: Request, publicUrl: string | null): string {
  return publicUrl ?? `${req.protocol}://${req.host}`;
}
