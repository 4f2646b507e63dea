import type { CommentDocument } from "../models/comment.model";
import type { PlaylistDocument } from "../models/playlist.model";
import type { TweetDocument } from "../models/tweet.model";
import type { SessionDocument } from "../models/session.model";
import type { UploadDocument } from "../models/upload.model";
import type { UserDocument } from "../models/user.model";
import type { VideoDocument } from "../models/video.model";
import type { TokenClaims } from "../utils/jwt";

/** A file that upload.middleware has received into the request's private folder. */
interface ReceivedFile {
  path: string;
  size: number;
}

declare global {
  namespace Express {
    /** What middlewares leave for those behind them. */
    interface Locals {
      /** The promise of the async handler that runs now (asyncHandler). */
      work?: Promise<void>;
      /** Claims of a genuine access token; says nothing yet about its session (identify). */
      claims?: TokenClaims;
      /** Why the presented access token is not genuine (identify). */
      tokenError?: Error;
      /** The signed-in user and the session used (verifyJWT, optionalJWT). */
      user?: UserDocument;
      session?: SessionDocument;
      /** Parsed params, query and body (validate). */
      validated?: unknown;
      /** Whether the address carries a ticket for the file (verifyTicket). */
      hasTicket?: boolean;
      /** Received files by field name (upload). */
      files?: Record<string, ReceivedFile>;
      /** The multipart upload that is received (reserveUpload), or the resumable one that the path names (loadOwnUpload). */
      upload?: UploadDocument;
      /** The video that the path names, owned by the caller (loadOwnVideo) or visible to him (loadVisibleVideo). */
      video?: VideoDocument;
      /** The same for a comment, a tweet, a playlist and a user (load.middleware). */
      comment?: CommentDocument;
      tweet?: TweetDocument;
      playlist?: PlaylistDocument;
      channel?: UserDocument;
    }
  }
}

export type { ReceivedFile };
