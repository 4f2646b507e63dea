import { Router } from "express";
import * as health from "../controllers/healthcheck.controller";

export const healthcheckRouter = Router();

healthcheckRouter.route("/").get(health.healthcheck);
healthcheckRouter.route("/ready").get(health.readiness);
