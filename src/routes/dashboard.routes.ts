import { Router } from "express";
import * as dashboard from "../controllers/dashboard.controller";
import { verifyJWT } from "../middlewares/auth.middleware";
import { validate } from "../middlewares/validate.middleware";
import * as schema from "../validations/dashboard.validation";

export const dashboardRouter = Router();

dashboardRouter.route("/stats").get(verifyJWT, dashboard.getChannelStats);
dashboardRouter
  .route("/videos")
  .get(verifyJWT, validate(schema.getChannelVideos), dashboard.getChannelVideos);
