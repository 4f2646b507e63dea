import { connection, models } from "mongoose";
import type { Request } from "express";
import { storage } from "../services";
import { ApiError, type FieldError } from "../utils/ApiError";
import { ApiResponse } from "../utils/ApiResponse";
import { asyncHandler } from "../utils/asyncHandler";
import * as schema from "../validations/healthcheck.validation";

// eslint-disable-next-line @typescript-eslint/require-await -- one form for every controller
export const healthcheck = asyncHandler(async (_req, res) => {
  new ApiResponse(200, { status: "ok" }, schema.healthcheck.message).send(res);
});

export const readiness = asyncHandler(async (req, res) => {
  const errors = isDraining(req)
    ? [{ path: "server", message: "is shutting down" }]
    : (await Promise.all([databaseProblems(), storageProblems()])).flat();
  if (errors.length > 0) {
    const message = `Not ready: ${errors.map((error) => `${error.path} ${error.message}`).join("; ")}`;
    throw new ApiError("NOT_READY", { message, errors });
  }
  new ApiResponse(200, { status: "ready" }, schema.readiness.message).send(res);
});

/** `index.ts` says so on the app when it begins to stop. */
function isDraining(req: Request): boolean {
  return (req.app.locals.draining as AbortController).signal.aborted;
}

async function databaseProblems(): Promise<FieldError[]> {
  try {
    await connection.db?.command({ ping: 1 });
    return (await Promise.all(Object.values(models).map(missingIndexes))).flat();
  } catch {
    return [{ path: "database", message: "does not answer" }];
  }
}

/** MongoDB refuses some index definitions silently from Mongoose's point of view, so each is looked for. */
async function missingIndexes(model: (typeof models)[string]): Promise<FieldError[]> {
  const { toCreate } = await model.diffIndexes({ indexOptionsToCreate: true });
  return toCreate.map((index) => ({
    path: `index ${model.collection.collectionName}`,
    message: `${JSON.stringify(index)} is missing`,
  }));
}

async function storageProblems(): Promise<FieldError[]> {
  try {
    await storage.check();
    return [];
  } catch {
    return [{ path: "storage", message: `(${storage.name}) does not answer` }];
  }
}
