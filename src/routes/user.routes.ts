import { Router } from "express";
import * as history from "../controllers/history.controller";
import * as session from "../controllers/session.controller";
import * as user from "../controllers/user.controller";
import { optionalJWT, verifyJWT } from "../middlewares/auth.middleware";
import { upload } from "../middlewares/upload.middleware";
import { validate } from "../middlewares/validate.middleware";
import * as historySchema from "../validations/history.validation";
import * as schema from "../validations/user.validation";

export const userRouter = Router();

userRouter
  .route("/register")
  .post(upload(schema.registerUser), validate(schema.registerUser), user.registerUser);
userRouter
  .route("/login")
  .post(upload(schema.loginUser), validate(schema.loginUser), session.loginUser);
userRouter
  .route("/logout")
  .post(upload(schema.logoutUser), validate(schema.logoutUser), session.logoutUser);
userRouter
  .route("/refresh-token")
  .post(
    upload(schema.refreshAccessToken),
    validate(schema.refreshAccessToken),
    session.refreshAccessToken,
  );
userRouter
  .route("/change-password")
  .post(
    verifyJWT,
    upload(schema.changePassword),
    validate(schema.changePassword),
    user.changePassword,
  );
userRouter
  .route("/current-user")
  .get(verifyJWT, user.getCurrentUser)
  .delete(
    verifyJWT,
    upload(schema.deleteCurrentUser),
    validate(schema.deleteCurrentUser),
    user.deleteCurrentUser,
  );
userRouter
  .route("/update-account")
  .patch(
    verifyJWT,
    upload(schema.updateAccount),
    validate(schema.updateAccount),
    user.updateAccount,
  );
userRouter
  .route("/avatar")
  .patch(verifyJWT, upload(schema.updateAvatar), validate(schema.updateAvatar), user.updateAvatar);
userRouter
  .route("/cover-image")
  .patch(
    verifyJWT,
    upload(schema.updateCoverImage),
    validate(schema.updateCoverImage),
    user.updateCoverImage,
  );
userRouter.route("/c/:username").get(optionalJWT, validate(schema.getChannel), user.getChannel);
userRouter.route("/sessions").get(verifyJWT, validate(schema.getSessions), session.getSessions);
userRouter
  .route("/sessions/:sessionId")
  .delete(verifyJWT, validate(schema.deleteSession), session.deleteSession);
userRouter
  .route("/history")
  .get(verifyJWT, validate(historySchema.getWatchHistory), history.getWatchHistory)
  .post(
    verifyJWT,
    upload(historySchema.addToWatchHistory),
    validate(historySchema.addToWatchHistory),
    history.addToWatchHistory,
  )
  .delete(verifyJWT, history.clearWatchHistory);
userRouter
  .route("/history/:videoId")
  .delete(
    verifyJWT,
    validate(historySchema.removeFromWatchHistory),
    history.removeFromWatchHistory,
  );
