import type { Server as HttpServer } from "node:http";
import { Server as NetServer } from "node:net";

/** How long idle keep-alive connections may bring one more request. */
const IDLE_GRACE_MS = 1000;

/**
 * Stops a server without dropping a request. `http.Server.close()` cuts idle keep-alive sockets at
 * once, on which a client may be sending just now; the close of net.Server only stops accepting.
 * From then on every reply says `Connection: close`, and what stays idle is cut after a second.
 * Resolves when the last connection is gone.
 */
export function drain(server: HttpServer): Promise<void> {
  server.prependListener("request", (_req, res) => res.setHeader("Connection", "close"));
  const closed = new Promise<void>((resolve) => {
    NetServer.prototype.close.call(server, () => resolve());
  });
  const timer = setTimeout(() => server.closeIdleConnections(), IDLE_GRACE_MS);
  return closed.finally(() => clearTimeout(timer));
}
