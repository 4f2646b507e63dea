import { dirname } from "node:path";
import express, { Router } from "express";
import * as docs from "../controllers/docs.controller";

/** Only the package's files are wanted: its main module would load the whole browser bundle into this process. */
const SWAGGER_UI = dirname(require.resolve("swagger-ui-dist/package.json"));

export const docsRouter = Router();

docsRouter.route("/openapi.json").get(docs.getOpenApi);
docsRouter.route("/docs").get(docs.getDocs);
docsRouter.use("/docs/assets", express.static(SWAGGER_UI, { index: false, maxAge: "1d" }));
