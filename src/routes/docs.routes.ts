import express, { Router } from "express";
import { getAbsoluteFSPath } from "swagger-ui-dist";
import * as docs from "../controllers/docs.controller";

export const docsRouter = Router();

docsRouter.route("/openapi.json").get(docs.getOpenApi);
docsRouter.route("/docs").get(docs.getDocs);
docsRouter.use("/docs/assets", express.static(getAbsoluteFSPath(), { index: false, maxAge: "1d" }));
