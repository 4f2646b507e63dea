import { Router } from "express";
import * as comment from "../controllers/comment.controller";
import { optionalJWT, verifyJWT } from "../middlewares/auth.middleware";
import {
  loadDeletableComment,
  loadOwnComment,
  loadVisibleComment,
  loadVisibleVideo,
} from "../middlewares/load.middleware";
import { upload } from "../middlewares/upload.middleware";
import { validate } from "../middlewares/validate.middleware";
import * as schema from "../validations/comment.validation";

export const commentRouter = Router();

commentRouter
  .route("/replies/:commentId")
  .get(
    optionalJWT,
    loadVisibleComment,
    validate(schema.getCommentReplies),
    comment.getCommentReplies,
  );
commentRouter
  .route("/c/:commentId")
  .patch(
    verifyJWT,
    loadOwnComment,
    upload(schema.updateComment),
    validate(schema.updateComment),
    comment.updateComment,
  )
  .delete(verifyJWT, loadDeletableComment, comment.deleteComment);
commentRouter
  .route("/:videoId")
  .get(optionalJWT, loadVisibleVideo, validate(schema.getVideoComments), comment.getVideoComments)
  .post(
    verifyJWT,
    loadVisibleVideo,
    upload(schema.addComment),
    validate(schema.addComment),
    comment.addComment,
  );
