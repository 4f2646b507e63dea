import { Router } from "express";
import * as like from "../controllers/like.controller";
import { verifyJWT } from "../middlewares/auth.middleware";
import { loadTweet, loadVisibleComment, loadVisibleVideo } from "../middlewares/load.middleware";
import { validate } from "../middlewares/validate.middleware";
import * as schema from "../validations/like.validation";

export const likeRouter = Router();

likeRouter.route("/toggle/v/:videoId").post(verifyJWT, loadVisibleVideo, like.toggleVideoLike);
likeRouter
  .route("/toggle/c/:commentId")
  .post(verifyJWT, loadVisibleComment, like.toggleCommentLike);
likeRouter.route("/toggle/t/:tweetId").post(verifyJWT, loadTweet, like.toggleTweetLike);
likeRouter.route("/videos").get(verifyJWT, validate(schema.getLikedVideos), like.getLikedVideos);
