import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pinoHttp } from "pino-http";
import { logger } from "../config/logger";

const REQUEST_ID = /^[\w-]{8,64}$/;

/** Gives each request an id, a proxy's if it sent a proper one, and writes one line when it is done. */
export const requestLog = pinoHttp({
  logger,
  genReqId: (req, res) => {
    const given = req.headers["x-request-id"];
    const id = typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUID();
    res.setHeader("X-Request-Id", id);
    return id;
  },
  customLogLevel: (_req, res, error) => {
    if (error !== undefined || res.statusCode >= 500) {
      return "error";
    }
    return res.statusCode >= 400 ? "warn" : "info";
  },
  customSuccessMessage: line,
  customErrorMessage: line,
  serializers: {
    // Headers carry tokens and cookies, so none is logged.
    req: (req: { id: string; method: string; url: string; remoteAddress: string }) => ({
      id: req.id,
      method: req.method,
      url: req.url,
      remoteAddress: req.remoteAddress,
    }),
    res: (res: { statusCode: number }) => ({ statusCode: res.statusCode }),
  },
});

function line(req: IncomingMessage, res: ServerResponse): string {
  // Whoever leaves early has got no status at all.
  const outcome = res.writableEnded ? res.statusCode : "aborted";
  return `${req.method ?? ""} ${(req as { originalUrl?: string }).originalUrl ?? ""} ${outcome}`;
}
