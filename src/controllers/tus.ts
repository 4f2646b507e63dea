import { PassThrough, Readable } from "node:stream";
import { Server } from "@tus/server";
import type { Request, Response } from "express";
import { uploadLocker } from "../jobs/resumable/lock";
import { resumableStore } from "../jobs/resumable/store";
import { isPiece } from "../middlewares/tus.middleware";
import { ApiError, type ErrorCode } from "../utils/ApiError";

/** All that the protocol's server needs to see of a request; who may ask is decided before. */
const ASKED = ["Tus-Resumable", "Upload-Length", "Upload-Offset", "Content-Length"];
/** Of its answer; CORS is not its business. */
const ANSWERED = ["Upload-Offset", "Upload-Length", "Upload-Metadata", "Upload-Expires"];

/** What it says with a status alone. */
const CODES: Record<number, ErrorCode> = {
  400: "INVALID_REQUEST",
  403: "INVALID_REQUEST",
  404: "UPLOAD_NOT_FOUND",
  409: "UPLOAD_OFFSET_CONFLICT",
  410: "UPLOAD_EXPIRED",
  413: "FILE_TOO_LARGE",
};

/** Why it refused a request. */
const refusals = new WeakMap<object, unknown>();

let server: Server | undefined;

/**
 * Has the tus server do what the request asks for with the upload of that id, and gives the reply
 * its headers. The body is received here, as far as the client sends it.
 * @throws ApiError, and what the store and the lock throw
 */
export async function askTus(req: Request, res: Response, id: string): Promise<Headers> {
  server ??= newServer();
  const piece = hasPiece(req) ? pieceOf(req) : null;
  const request = webRequest(req, { res, id, piece });
  const { status, headers } = await server.handleWeb(request);
  if (piece) {
    // What it has not read is not read for it any more.
    req.unpipe(piece);
  }
  if (status >= 400) {
    throw refusalOf(refusals.get(request), status);
  }
  for (const name of ANSWERED.filter((it) => headers.has(it))) {
    res.set(name, headers.get(name)!);
  }
  res.set("Cache-Control", "no-store");
  if (!req.complete) {
    // It stopped reading because another request wants to go on: the rest of this one is void.
    res.set("Connection", "close");
  }
  return headers;
}

function newServer(): Server {
  return new Server({
    path: "/uploads",
    datastore: resumableStore(),
    locker: uploadLocker,
    namingFunction: ({ url }) => url.split("/").at(-1)!,
    onResponseError: (request, error) => {
      refusals.set(request, error);
      return undefined;
    },
  });
}

/** The request as the library takes it. It looks at `runtime` to hear of a client that has gone. */
function webRequest(
  req: Request,
  { res, id, piece }: { res: Response; id: string; piece: Readable | null },
) {
  const headers = ASKED.map((name) => [name, req.get(name)] as const);
  const request = new globalThis.Request(`http://tus/uploads/${id}`, {
    method: req.method,
    headers: [
      ...headers.filter((pair): pair is [string, string] => pair[1] !== undefined),
      ...(piece ? [["Content-Type", "application/offset+octet-stream"] as const] : []),
    ] as [string, string][],
    ...(piece ? { body: Readable.toWeb(piece) as ReadableStream, duplex: "half" } : {}),
  });
  return Object.assign(request, { runtime: { node: { req, res } } });
}

/** Some clients name the type with every request. */
function hasPiece(req: Request): boolean {
  return (req.method === "POST" || req.method === "PATCH") && isPiece(req.get("content-type"));
}

/** The body in a stream that may be given up without the connection, on which the reply has to go. */
function pieceOf(req: Request): PassThrough {
  if (req.destroyed) {
    throw new ApiError("INVALID_REQUEST");
  }
  const piece = new PassThrough();
  req.once("error", (error) => piece.destroy(error));
  return req.pipe(piece);
}

function refusalOf(error: unknown, status: number): unknown {
  const isOwn = error instanceof Error && !("status_code" in error);
  return isOwn ? error : new ApiError(CODES[status] ?? "INTERNAL_ERROR", { cause: error });
}
