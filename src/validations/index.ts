import * as captions from "./captions.validation";
import * as comment from "./comment.validation";
import * as dashboard from "./dashboard.validation";
import * as docs from "./docs.validation";
import * as healthcheck from "./healthcheck.validation";
import * as history from "./history.validation";
import * as like from "./like.validation";
import * as media from "./media.validation";
import type { Operation } from "./operation";
import * as playlist from "./playlist.validation";
import * as processing from "./processing.validation";
import * as subscription from "./subscription.validation";
import * as tweet from "./tweet.validation";
import * as upload from "./upload.validation";
import * as user from "./user.validation";
import * as video from "./video.validation";

const modules = [
  user,
  history,
  video,
  processing,
  upload,
  captions,
  comment,
  like,
  tweet,
  playlist,
  subscription,
  dashboard,
  media,
  healthcheck,
  docs,
];

/** Every operation of the API by its name, which is also its `operationId`. */
export const operations: ReadonlyMap<string, Operation> = new Map(
  modules
    .flatMap((module) => Object.entries(module as Record<string, unknown>))
    .filter((entry): entry is [string, Operation] => isOperation(entry[1])),
);

/** The modules export a few shared schemas beside their operations. */
function isOperation(value: unknown): value is Operation {
  return typeof value === "object" && value !== null && "method" in value && "access" in value;
}
