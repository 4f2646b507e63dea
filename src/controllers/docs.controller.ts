import { join } from "node:path";
import type { RequestHandler } from "express";
import { PUBLIC_FOLDER } from "../constants";
import { openApiDocument } from "../validations/openapi";

export const getOpenApi: RequestHandler = function getOpenApi(_req, res) {
  res.json(openApiDocument());
};

export const getDocs: RequestHandler = function getDocs(_req, res) {
  res.sendFile(join(PUBLIC_FOLDER, "docs", "index.html"));
};
