import type { Request } from "express";

/** Where this API is reached: the configured public URL, else what the request itself was sent to. */
export function requestOrigin(req: Request, publicUrl: string | null): string {
  return publicUrl ?? `${req.protocol}://${hostOf(req)}`;
}

/** HTTP/1.0 knows no Host header; probes of load balancers still speak it. */
function hostOf(req: Request): string {
  // Express' types leave out that a request may have none.
  const host = req.host as string | undefined;
  return host ?? addressOf(req);
}

function addressOf({ socket: { localAddress = "", localPort = 0 } }: Request): string {
  return localAddress.includes(":")
    ? `[${localAddress}]:${localPort}`
    : `${localAddress}:${localPort}`;
}
