import { rm } from "node:fs/promises";
import { Transform, type TransformCallback } from "node:stream";
import { promisify } from "node:util";
import type { Request, RequestHandler, Response } from "express";
import multer from "multer";
import { config } from "../config/env";
import { CAPTIONS_MAX_BYTES } from "../constants";
import { ApiError } from "../utils/ApiError";
import { asyncHandler } from "../utils/asyncHandler";
import { makePrivateFolder } from "../utils/private-folder";
import { whenDone } from "../utils/when-done";
import type { FileField, Operation } from "../validations/operation";
import { invalidInput } from "./validate.middleware";

/** Room for the text fields and the multipart frame beside the files. */
const TEXT_BYTES = 256 * 1024;

const FILE_BYTES: Record<FileField["kind"], number> = {
  image: config.limits.imageBytes,
  video: config.limits.videoBytes,
  captions: CAPTIONS_MAX_BYTES,
};

/**
 * Receives a multipart body: the operation's files into a private folder of this request under
 * random names, the text fields into `req.body`. Other bodies pass untouched. The folder goes when
 * the response is over, however it ends.
 */
export function upload(operation: Operation): RequestHandler {
  const fields = operation.files ?? {};
  const maxBytes =
    TEXT_BYTES + Object.values(fields).reduce((sum, field) => sum + FILE_BYTES[field.kind], 0);

  return asyncHandler(async (req, res, next) => {
    if (!req.is("multipart/form-data")) {
      next();
      return;
    }
    refuseDeclaredLength(req, maxBytes);
    const folder = await requestFolder(res);
    const received = await receive(req, { fields, folder, maxBytes });
    req.body = received.fields;
    res.locals.files = filesByField(received.files, fields);
    next();
  });
}

/** The received file of a field that the operation requires. */
export function requiredFile(res: Response, field: string) {
  const file = res.locals.files?.[field];
  if (file === undefined) {
    throw new Error(`the route lacks validate() for the file ${field}`);
  }
  return file;
}

interface Reception {
  fields: Record<string, FileField>;
  folder: string;
  maxBytes: number;
}

function refuseDeclaredLength(req: Request, maxBytes: number): void {
  if (Number(req.get("content-length") ?? 0) > maxBytes) {
    throw new ApiError("PAYLOAD_TOO_LARGE");
  }
}

/** A private folder of this request, which goes when the response is over. */
export async function requestFolder(res: Response): Promise<string> {
  const folder = await makePrivateFolder(config.uploadFolder);
  whenDone(res, () => rm(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Runs multer on a metered copy of the request's stream: multer itself reads a body to its end
 * before it reports that a file is too large, so whoever sends endlessly would be read endlessly.
 * When the meter breaks off, the client's next bytes wait in its own buffers.
 */
async function receive(req: Request, reception: Reception): Promise<Received> {
  if (req.destroyed) {
    throw new ApiError("INVALID_MULTIPART");
  }
  const body = Object.assign(new Meter(reception.maxBytes), { headers: req.headers });
  // A request closes when it is read to its end, too.
  const abort = () => req.complete || body.destroy(new ApiError("INVALID_MULTIPART"));
  req.once("close", abort);
  req.pipe(body);
  try {
    // Of a request multer uses the stream and the headers, and sets `body` and `files`.
    const target = body as unknown as Request;
    await promisify(parserFor(reception))(target, req.res as Response);
    if (target.files === undefined) {
      // It takes a boundary that is no token for no multipart body at all and reads nothing.
      body.destroy();
      throw new ApiError("INVALID_MULTIPART");
    }
    return { fields: target.body as unknown, files: target.files as Express.Multer.File[] };
  } finally {
    req.off("close", abort);
  }
}

interface Received {
  fields: unknown;
  files: Express.Multer.File[];
}

/** Passes bytes on and breaks off behind the last that is allowed. */
class Meter extends Transform {
  private received = 0;

  constructor(private readonly maxBytes: number) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    this.received += chunk.length;
    if (this.received > this.maxBytes) {
      done(new ApiError("PAYLOAD_TOO_LARGE"));
    } else {
      done(null, chunk);
    }
  }
}

function parserFor({ fields, folder }: Reception): RequestHandler {
  const fileBytes = Object.values(fields).map((field) => FILE_BYTES[field.kind]);
  return multer({
    // Without a `filename` of ours multer makes a random one; the client's name is never used.
    storage: multer.diskStorage({ destination: folder }),
    // A file in a field we do not know is dropped, as every unknown key is.
    fileFilter: (_req, file, accept) => accept(null, Object.hasOwn(fields, file.fieldname)),
    limits: {
      fileSize: Math.max(0, ...fileBytes),
      files: 10,
      fields: 100,
      parts: 110,
      fieldSize: 64 * 1024,
      fieldNameSize: 100,
      headerPairs: 20,
      fieldNestingDepth: 1,
      fieldArrayIndexLimit: 100,
    },
  }).any();
}

function filesByField(files: Express.Multer.File[], fields: Record<string, FileField>) {
  const byField: NonNullable<Express.Locals["files"]> = {};
  for (const file of files) {
    const { fieldname, path, size } = file;
    if (byField[fieldname] !== undefined) {
      throw invalidInput([{ path: fieldname, message: "only one file is taken" }]);
    }
    const field = fields[fieldname];
    if (field !== undefined && size > FILE_BYTES[field.kind]) {
      throw new ApiError("FILE_TOO_LARGE", {
        errors: [{ path: fieldname, message: `must have at most ${FILE_BYTES[field.kind]} bytes` }],
      });
    }
    byField[fieldname] = { path, size };
  }
  return byField;
}
