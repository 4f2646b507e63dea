import { resolve } from "node:path";

/** Static files that need no build step; beside the code in the sources and in the build alike. */
export const PUBLIC_FOLDER = resolve(__dirname, "..", "public");

/** Where the API is mounted; part of every client's base URL. */
export const API_PREFIX = "/api/v1";

export const ACCESS_TOKEN_COOKIE = "accessToken";
export const REFRESH_TOKEN_COOKIE = "refreshToken";

/** `iss` and `aud` of every token (RFC 7519, sections 4.1.1 and 4.1.3). */
export const TOKEN_ISSUER = "mega-backend";
export const TOKEN_AUDIENCE = "mega-backend-api";

/** bcrypt reads no further than 72 bytes, so a longer password is refused instead of truncated. */
export const PASSWORD_MAX_BYTES = 72;
export const PASSWORD_MIN_LENGTH = 8;

/** How long a rotated refresh token still answers with its successor: parallel tabs refresh at once. */
export const REFRESH_GRACE_MS = 10_000;
/** A session ends this long after sign-in, however often it is refreshed (ASVS 7.3.2). */
export const SESSION_MAX_AGE_MS = 90 * 24 * 60 * 60 * 1000;

/** A viewer's second look at the same video counts as a view again after this long. */
export const VIEW_WINDOW_MS = 60 * 60 * 1000;

/** A stored file that no document has claimed after this long is removed. */
export const UNCLAIMED_FILE_MS = 60 * 60 * 1000;

/** An upload of which nothing is heard for this long is none of its owner's concurrent ones. */
export const UPLOAD_ACTIVE_MS = 60 * 1000;

/** No request that began before a removal is still writing after this long. */
export const REMOVAL_GRACE_MS = 60 * 1000;

/** Videos in one playlist, so that its reply stays of a size that clients can show. */
export const PLAYLIST_MAX = 1000;

/** Languages that one video may have captions in. */
export const CAPTIONS_MAX = 100;
/** Several times what the longest films need. */
export const CAPTIONS_MAX_BYTES = 1024 * 1024;

export const PAGE_LIMIT_MAX = 100;
export const PAGE_LIMIT_DEFAULT = 10;
export const LIST_LIMIT_DEFAULT = 50;

/** The last part of the address at which a caption file's own playlist (HLS) is found. */
export const CAPTIONS_PLAYLIST = "playlist.m3u8";

/** Where background work stands; also the state of each of its steps. */
export const JOB_STATES = ["queued", "processing", "ready", "failed"] as const;

/** The steps of processing a video, in their order. */
export const VIDEO_STEPS = ["inspect", "posters", "storyboard", "renditions", "store"] as const;
