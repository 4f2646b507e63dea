import cookieParser from "cookie-parser";
import cors from "cors";
import express, { type Express } from "express";
import helmet from "helmet";
import { config } from "./config/env";
import { API_PREFIX, PUBLIC_FOLDER } from "./constants";
import { identify } from "./middlewares/auth.middleware";
import { refuseCrossSite } from "./middlewares/csrf.middleware";
import { errorHandler } from "./middlewares/error.middleware";
import { requireHost } from "./middlewares/host.middleware";
import { notFound } from "./middlewares/not-found.middleware";
import { limitRequests } from "./middlewares/rate-limit.middleware";
import { requestLog } from "./middlewares/request-log.middleware";
import { describeTus } from "./middlewares/tus.middleware";
import { apiRouter } from "./routes";

/** Largest JSON or urlencoded body. */
const BODY_LIMIT = "100kb";

/** Reply headers that a frontend on another origin may read. */
const EXPOSED_HEADERS = [
  "X-Request-Id",
  "Retry-After",
  "RateLimit",
  "RateLimit-Policy",
  "ETag",
  "Accept-Ranges",
  "Content-Range",
  ...["Location", "Upload-Offset", "Upload-Length", "Upload-Metadata", "Upload-Expires"],
  ...["Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "X-Video-Id"],
];

/** Builds the Express app. It neither listens nor connects; `index.ts` does. */
export function createApp(): Express {
  const app = express();
  app.disable("x-powered-by");
  app.locals.draining = new AbortController();
  app.set("trust proxy", config.http.trustProxy);

  app.use(requestLog, requireHost);
  app.use(helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } }));
  app.options(`${API_PREFIX}/uploads{/:uploadId}`, describeTus);
  app.use(
    cors({
      origin: config.http.corsOrigins,
      credentials: true,
      exposedHeaders: EXPOSED_HEADERS,
      maxAge: 600,
    }),
  );
  app.use(express.static(PUBLIC_FOLDER));

  app.use(API_PREFIX, cookieParser(), identify, limitRequests, refuseCrossSite);
  app.use(API_PREFIX, express.json({ limit: BODY_LIMIT }));
  app.use(API_PREFIX, express.urlencoded({ limit: BODY_LIMIT, extended: false }));
  app.use(API_PREFIX, apiRouter);

  app.use(notFound);
  app.use(errorHandler);
  return app;
}
