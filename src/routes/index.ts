import { Router } from "express";
import { docsRouter } from "./docs.routes";
import { healthcheckRouter } from "./healthcheck.routes";
import { mediaRouter } from "./media.routes";
import { userRouter } from "./user.routes";
import { videoRouter } from "./video.routes";

/** The API's table of contents. */
export const apiRouter = Router();

apiRouter.use("/users", userRouter);
apiRouter.use("/videos", videoRouter);
apiRouter.use("/media", mediaRouter);
apiRouter.use("/healthcheck", healthcheckRouter);
apiRouter.use("/", docsRouter);
