import { Router } from "express";
import * as processing from "../controllers/processing.controller";
import * as captions from "../controllers/captions.controller";
import * as video from "../controllers/video.controller";
import { optionalJWT, verifyJWT } from "../middlewares/auth.middleware";
import { loadOwnVideo, loadVisibleVideo } from "../middlewares/load.middleware";
import { reserveUpload } from "../middlewares/reserve.middleware";
import { upload } from "../middlewares/upload.middleware";
import { validate } from "../middlewares/validate.middleware";
import * as captionsSchema from "../validations/captions.validation";
import * as schema from "../validations/video.validation";

export const videoRouter = Router();

videoRouter
  .route("/")
  .get(optionalJWT, validate(schema.getAllVideos), video.getAllVideos)
  .post(
    verifyJWT,
    reserveUpload,
    upload(schema.publishVideo),
    validate(schema.publishVideo),
    video.publishVideo,
  );
videoRouter
  .route("/:videoId")
  .get(optionalJWT, loadVisibleVideo, video.getVideoById)
  .patch(
    verifyJWT,
    loadOwnVideo,
    upload(schema.updateVideo),
    validate(schema.updateVideo),
    video.updateVideo,
  )
  .delete(verifyJWT, loadOwnVideo, video.deleteVideo);
videoRouter
  .route("/toggle/publish/:videoId")
  .patch(verifyJWT, loadOwnVideo, video.togglePublishStatus);
videoRouter
  .route("/:videoId/view")
  .post(
    optionalJWT,
    loadVisibleVideo,
    upload(schema.recordView),
    validate(schema.recordView),
    video.recordView,
  );
videoRouter.route("/:videoId/processing").get(verifyJWT, loadOwnVideo, processing.getProcessing);
videoRouter
  .route("/:videoId/processing/events")
  .get(verifyJWT, loadOwnVideo, processing.getProcessingEvents);
videoRouter
  .route("/:videoId/processing/retry")
  .post(verifyJWT, loadOwnVideo, processing.retryProcessing);
videoRouter
  .route("/:videoId/processing/cancel")
  .post(verifyJWT, loadOwnVideo, processing.cancelProcessing);
videoRouter
  .route("/related/:videoId")
  .get(optionalJWT, loadVisibleVideo, validate(schema.getRelatedVideos), video.getRelatedVideos);
videoRouter
  .route("/:videoId/captions")
  .get(optionalJWT, loadVisibleVideo, captions.getVideoCaptions);
videoRouter
  .route("/:videoId/captions/:language")
  .get(optionalJWT, loadVisibleVideo, validate(captionsSchema.getCaptions), captions.getCaptions)
  .put(
    verifyJWT,
    loadOwnVideo,
    upload(captionsSchema.putCaptions),
    validate(captionsSchema.putCaptions),
    captions.putCaptions,
  )
  .delete(
    verifyJWT,
    loadOwnVideo,
    validate(captionsSchema.deleteCaptions),
    captions.deleteCaptions,
  );
