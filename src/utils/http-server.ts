import { randomUUID } from "node:crypto";
import { createServer, type RequestListener, type Server as HttpServer } from "node:http";
import { Server as NetServer } from "node:net";
import type { Duplex } from "node:stream";
import { ERROR_CATALOGUE, type ErrorCode } from "./ApiError";

/** Slow clients are cut: headers must be there in 15 s, a whole request (an upload) in an hour. */
const TIMEOUTS = {
  headersTimeout: 15_000,
  requestTimeout: 60 * 60 * 1000,
  connectionsCheckingInterval: 5_000,
};

/** How long idle keep-alive connections may bring one more request. */
const IDLE_GRACE_MS = 1000;

/** The HTTP server around the app; it does not listen yet. */
export function createHttpServer(app: RequestListener): HttpServer {
  return (
    createServer({ ...TIMEOUTS, requireHostHeader: false }, app)
      .on("clientError", answerBrokenRequest)
      // Node would answer these two itself, with a status and nothing else.
      .on("checkExpectation", app)
  );
}

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

const BROKEN_REQUESTS: Record<string, ErrorCode> = {
  HPE_HEADER_OVERFLOW: "HEADERS_TOO_LARGE",
  ERR_HTTP_REQUEST_TIMEOUT: "REQUEST_TIMEOUT",
};

/** Answers what Node's parser refuses, before there is a request for Express, in the shape of every failure. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const code = BROKEN_REQUESTS[error.code ?? ""] ?? "INVALID_REQUEST";
  const [statusCode, message] = ERROR_CATALOGUE[code];
  const requestId = randomUUID();
  const failure = { statusCode, data: null, message, success: false, errors: [], code, requestId };
  const body = JSON.stringify(failure);
  socket.end(
    `HTTP/1.1 ${statusCode} ${code}\r\nConnection: close\r\nX-Request-Id: ${requestId}\r\n` +
      `Content-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
