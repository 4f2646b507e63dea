import type { ErrorRequestHandler, Request, Response } from "express";
import type {} from "pino-http";
import { mongo, Error as MongooseError } from "mongoose";
import { MulterError } from "multer";
import { FfmpegError } from "../services/ffmpeg";
import { MediaError } from "../services/MediaError";
import { StorageNotFoundError, StorageUnavailableError } from "../services/storage";
import { ApiError, type ErrorCode } from "../utils/ApiError";
import { isDuplicateKey } from "../utils/duplicate-key";
import { hasBody } from "../utils/has-body";

/** How long the client of a refused upload gets to see the reply, and to send a small rest. */
const LINGER_MS = 2000;
/** A rest of a body that is cheaper to read than a new connection is to make. */
const SMALL_REST_BYTES = 256 * 1024;

/** What was said of a file before it could not be sent; a cache would keep the failure in its place. */
const OF_THE_FILE = [
  ...["Content-Type", "Content-Length", "Content-Range"],
  ...["ETag", "Cache-Control", "Accept-Ranges"],
];

/** The one place that answers failures, all in one shape. Express knows it by its four parameters. */
export const errorHandler: ErrorRequestHandler = function errorHandler(error, req, res, next) {
  const failure = toApiError(error);
  log(failure, error, req, res);
  if (res.headersSent) {
    // Half an answer is out already; only cutting the connection tells the client that it is incomplete.
    next(error);
    return;
  }
  OF_THE_FILE.forEach((name) => res.removeHeader(name));
  res.set(failure.headers);
  if (failure.statusCode === 503 && failure.headers["Retry-After"] === undefined) {
    res.set("Retry-After", "2");
  }
  send(req, res, failure);
};

function send(req: Request, res: Response, failure: ApiError): void {
  const body = {
    statusCode: failure.statusCode,
    data: null,
    message: failure.message,
    success: false,
    errors: failure.errors,
    code: failure.code,
    requestId: req.id as string,
  };
  res.status(failure.statusCode);
  if (hasRest(req)) {
    sendBeforeRest(req, res, JSON.stringify(body));
  } else {
    res.json(body);
  }
}

/**
 * Answers a request that has not come to its end: writes the whole reply at once but ends it later.
 * Ending it may close the socket, and a socket that is closed while bytes still come is reset, which
 * can cost the client the reply that it has not read yet. A small rest is read, because it would
 * stand before the next request of the connection; a large one is left, and the connection ends.
 */
function sendBeforeRest(req: Request, res: Response, body: string): void {
  res.set({
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": String(Buffer.byteLength(body)),
  });
  if (Number(req.get("content-length") ?? Infinity) > SMALL_REST_BYTES) {
    res.set("Connection", "close");
  } else {
    req.once("end", () => res.end()).resume();
  }
  res.write(body);
  const linger = setTimeout(() => res.end(), LINGER_MS).unref();
  res.once("close", () => clearTimeout(linger));
}

/** Whether more of the body may come. Of a request without one this must not wait for its end. */
function hasRest(req: Request): boolean {
  return hasBody(req) && !req.complete && !req.destroyed;
}

function log(failure: ApiError, error: unknown, req: Request, res: Response): void {
  if (failure.statusCode === 500 && !res.headersSent) {
    req.log.error({ err: error }, "unexpected error");
  } else if (failure.statusCode >= 500) {
    req.log.warn({ err: error }, failure.message);
  }
}

/** Translates what libraries throw; whatever is unknown is our own fault and says nothing about itself. */
function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) {
    return error;
  }
  return (
    fromMedia(error) ??
    fromMulter(error) ??
    fromDatabase(error) ??
    fromExpress(error) ??
    new ApiError("INTERNAL_ERROR", { cause: error })
  );
}

function fromMedia(error: unknown): ApiError | null {
  if (error instanceof MediaError) {
    return new ApiError(error.code, { message: error.message, cause: error });
  }
  if (error instanceof StorageUnavailableError || error instanceof FfmpegError) {
    return new ApiError(error.code, { cause: error });
  }
  return error instanceof StorageNotFoundError ? new ApiError("FILE_NOT_FOUND") : null;
}

const MULTER_CODES: Partial<Record<MulterError["code"], ErrorCode>> = {
  LIMIT_FILE_SIZE: "FILE_TOO_LARGE",
  LIMIT_FIELD_VALUE: "PAYLOAD_TOO_LARGE",
};

/** What busboy calls a body that ends too early or is not multipart at all; it throws plain errors. */
const BROKEN_MULTIPART =
  /^(Unexpected end of form|Malformed part header|Malformed content type|Multipart: Boundary not found|Request (aborted|closed)|Unsupported content type)/;

function fromMulter(error: unknown): ApiError | null {
  if (error instanceof MulterError) {
    const path = error.field ?? "body";
    return new ApiError(MULTER_CODES[error.code] ?? "INVALID_MULTIPART", {
      message: `${path}: ${error.message}`,
      errors: [{ path, message: error.message }],
      cause: error,
    });
  }
  return error instanceof Error && BROKEN_MULTIPART.test(error.message)
    ? new ApiError("INVALID_MULTIPART", { cause: error })
    : null;
}

/** Of MongoDB's error codes: the server is there but cannot serve now (stepping down, shutting down, timed out). */
const AWAY_CODES = new Set([6, 7, 50, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436]);

const SOCKET_CODES = new Set(["EPIPE", "ECONNRESET"]);

function fromDatabase(error: unknown): ApiError | null {
  if (isDatabaseAway(error)) {
    return new ApiError("DATABASE_UNAVAILABLE", { cause: error });
  }
  if (error instanceof mongo.MongoServerError && isDuplicateKey(error)) {
    return duplicate(error);
  }
  if (error instanceof MongooseError.CastError || error instanceof MongooseError.ValidationError) {
    return new ApiError("VALIDATION_FAILED", { cause: error });
  }
  return null;
}

function duplicate(error: mongo.MongoServerError): ApiError {
  const fields = Object.keys((error.keyPattern ?? {}) as object);
  return new ApiError("DUPLICATE", {
    errors: fields.map((path) => ({ path, message: "is taken" })),
    cause: error,
  });
}

function isDatabaseAway(error: unknown): boolean {
  return (
    error instanceof mongo.MongoNetworkError ||
    error instanceof mongo.MongoServerSelectionError ||
    error instanceof mongo.MongoNotConnectedError ||
    error instanceof mongo.MongoTopologyClosedError ||
    error instanceof mongo.MongoOperationTimeoutError ||
    error instanceof mongo.MongoClientClosedError ||
    error instanceof MongooseError.MongooseServerSelectionError ||
    (error instanceof mongo.MongoServerError && AWAY_CODES.has(Number(error.code))) ||
    // The driver lets through what a socket says to whoever writes to it as it closes; storages wrap theirs.
    SOCKET_CODES.has((error as NodeJS.ErrnoException | null)?.code ?? "") ||
    // Mongoose throws plain errors for operations that waited for a connection in vain.
    (error instanceof MongooseError &&
      /buffering timed out|before initial connection|disconnect/.test(error.message))
  );
}

/** `type` of the errors of body-parser, by which it tells them apart. */
const BODY_PARSER_CODES: Record<string, ErrorCode> = {
  "entity.parse.failed": "INVALID_JSON",
  "entity.too.large": "PAYLOAD_TOO_LARGE",
  "parameters.too.many": "PAYLOAD_TOO_LARGE",
  "encoding.unsupported": "UNSUPPORTED_MEDIA_TYPE",
  "charset.unsupported": "UNSUPPORTED_MEDIA_TYPE",
};

/** Express, its router and body-parser throw errors that carry a status. */
function fromExpress(error: unknown): ApiError | null {
  const { type, status } = error as { type?: string; status?: number };
  const code = type === undefined ? undefined : BODY_PARSER_CODES[type];
  if (code !== undefined) {
    return new ApiError(code, { cause: error });
  }
  return status !== undefined && status >= 400 && status < 500
    ? new ApiError("INVALID_REQUEST", { cause: error })
    : null;
}
