import { Router } from "express";
import * as media from "../controllers/media.controller";
import { verifyTicket } from "../middlewares/ticket.middleware";
import { validate } from "../middlewares/validate.middleware";
import * as schema from "../validations/media.validation";

export const mediaRouter = Router();

mediaRouter.route("/users/:userId/:file").get(validate(schema.getUserFile), media.getUserFile);
mediaRouter.route("/videos/:videoId/:file").get(validate(schema.getVideoFile), media.getVideoFile);
mediaRouter
  .route("/videos/:videoId/:file/:part")
  .get(validate(schema.getVideoFilePart), media.getVideoFilePart);
mediaRouter
  .route("/signed/:ticket/videos/:videoId/:file")
  .get(validate(schema.getSignedVideoFile), verifyTicket, media.getVideoFile);
mediaRouter
  .route("/signed/:ticket/videos/:videoId/:file/:part")
  .get(validate(schema.getSignedVideoFilePart), verifyTicket, media.getVideoFilePart);
