import { Router } from "express";
import * as media from "../controllers/media.controller";
import { optionalJWT } from "../middlewares/auth.middleware";
import { validate } from "../middlewares/validate.middleware";
import * as schema from "../validations/media.validation";

export const mediaRouter = Router();

mediaRouter.route("/users/:userId/:file").get(validate(schema.getUserFile), media.getUserFile);
mediaRouter
  .route("/videos/:videoId/:file")
  .get(optionalJWT, validate(schema.getVideoFile), media.getVideoFile);
