import { Router } from "express";
import { aliasRouter } from "./alias.routes";
import { commentRouter } from "./comment.routes";
import { dashboardRouter } from "./dashboard.routes";
import { docsRouter } from "./docs.routes";
import { healthcheckRouter } from "./healthcheck.routes";
import { likeRouter } from "./like.routes";
import { mediaRouter } from "./media.routes";
import { playlistRouter } from "./playlist.routes";
import { subscriptionRouter } from "./subscription.routes";
import { tweetRouter } from "./tweet.routes";
import { uploadRouter } from "./upload.routes";
import { userRouter } from "./user.routes";
import { videoRouter } from "./video.routes";

/** The API's table of contents. */
export const apiRouter = Router();

apiRouter.use("/", aliasRouter);
apiRouter.use("/users", userRouter);
apiRouter.use("/videos", videoRouter);
apiRouter.use("/uploads", uploadRouter);
apiRouter.use("/comments", commentRouter);
apiRouter.use("/likes", likeRouter);
apiRouter.use("/tweets", tweetRouter);
apiRouter.use("/playlist", playlistRouter);
apiRouter.use("/subscriptions", subscriptionRouter);
apiRouter.use("/dashboard", dashboardRouter);
apiRouter.use("/media", mediaRouter);
apiRouter.use("/healthcheck", healthcheckRouter);
apiRouter.use("/", docsRouter);
