/**
 * Every refusal that the API knows: a stable code, its HTTP status and the message used when the
 * thrower has nothing more precise to say. Clients may switch on the code; it never changes meaning.
 */
export const ERROR_CATALOGUE = {
  VALIDATION_FAILED: [400, "Some fields are not valid"],
  INVALID_JSON: [400, "The body is not valid JSON"],
  INVALID_REQUEST: [400, "The request cannot be understood"],
  INVALID_MULTIPART: [400, "The multipart body is not complete or not valid"],
  INVALID_CURSOR: [400, "The cursor does not belong to this list"],
  INVALID_OLD_PASSWORD: [400, "Invalid old password"],
  INVALID_PASSWORD: [400, "The password is not right"],
  SELF_SUBSCRIPTION: [400, "You cannot subscribe to your own channel"],
  PLAYLIST_FULL: [400, "The playlist is full"],
  PLAYLIST_ORDER_MISMATCH: [400, "The order must name every video of the playlist once"],
  CAPTIONS_FULL: [400, "The video has captions in as many languages as it may have"],
  MEDIA_EMPTY: [400, "The file is empty"],
  UNAUTHENTICATED: [401, "Unauthorized request"],
  INVALID_ACCESS_TOKEN: [401, "Invalid access token"],
  ACCESS_TOKEN_EXPIRED: [401, "Access token expired: jwt expired"],
  INVALID_REFRESH_TOKEN: [401, "Invalid refresh token"],
  REFRESH_TOKEN_EXPIRED: [401, "Refresh token expired: jwt expired"],
  REFRESH_TOKEN_REUSED: [401, "Refresh token is used already; the session has ended"],
  INVALID_CREDENTIALS: [401, "Invalid credentials"],
  FORBIDDEN: [403, "This belongs to someone else"],
  QUOTA_EXCEEDED: [403, "There is no room left in your account"],
  CROSS_SITE_REQUEST: [403, "This origin may not use the signed-in user's cookies"],
  MEDIA_LINK_INVALID: [403, "This link to a file is not valid"],
  MEDIA_LINK_EXPIRED: [403, "This link to a file has expired; load the video again"],
  ROUTE_NOT_FOUND: [404, "There is no such endpoint"],
  CHANNEL_NOT_FOUND: [404, "Channel does not exist"],
  COMMENT_NOT_FOUND: [404, "Comment not found"],
  TWEET_NOT_FOUND: [404, "Tweet not found"],
  PLAYLIST_NOT_FOUND: [404, "Playlist not found"],
  SESSION_NOT_FOUND: [404, "Session not found"],
  VIDEO_NOT_FOUND: [404, "Video not found"],
  CAPTIONS_NOT_FOUND: [404, "The video has no captions in this language"],
  FILE_NOT_FOUND: [404, "File not found"],
  UPLOAD_NOT_FOUND: [404, "Upload not found"],
  METHOD_NOT_ALLOWED: [405, "This endpoint does not answer to this method"],
  REQUEST_TIMEOUT: [408, "The request took too long to arrive"],
  PROCESSING_ENDED: [409, "Processing has ended already"],
  PROCESSING_NOT_FAILED: [409, "Only processing that has failed can be repeated"],
  USER_EXISTS: [409, "User with this email or username already exists"],
  EMAIL_TAKEN: [409, "This email is taken"],
  UPLOAD_OFFSET_CONFLICT: [409, "The upload has another offset"],
  VIDEO_REMOVED: [409, "The video of this Idempotency-Key has just been deleted"],
  DUPLICATE: [409, "This exists already"],
  UPLOAD_EXPIRED: [410, "The upload was not finished in time"],
  TUS_VERSION_UNSUPPORTED: [412, "Only version 1.0.0 of the tus protocol is spoken here"],
  PAYLOAD_TOO_LARGE: [413, "The body is larger than allowed"],
  FILE_TOO_LARGE: [413, "The file is larger than allowed"],
  UNSUPPORTED_MEDIA_TYPE: [415, "This kind of body is not supported"],
  RANGE_NOT_SATISFIABLE: [416, "The file has no such range of bytes"],
  MEDIA_UNSUPPORTED: [415, "This kind of file is not supported"],
  MEDIA_UNREADABLE: [422, "The file is damaged or cannot be read"],
  MEDIA_INCOMPLETE: [422, "The file ends too early"],
  MEDIA_NO_VIDEO: [422, "The file has no picture"],
  MEDIA_NO_DURATION: [422, "The file has no duration"],
  MEDIA_TOO_LONG: [422, "The video is too long"],
  MEDIA_TOO_LARGE: [422, "The picture is too large"],
  MEDIA_TOO_COMPLEX: [422, "The file is too complex to be processed"],
  UPLOAD_LOCKED: [423, "Another request works on this upload, please try again in a moment"],
  CAPTIONS_UNREADABLE: [422, "The file is not WebVTT or SubRip that can be read"],
  CAPTIONS_EMPTY: [422, "The file has no captions"],
  CAPTIONS_TOO_MANY_CUES: [422, "The file has too many captions"],
  TOO_MANY_REQUESTS: [429, "Too many requests, please slow down"],
  TOO_MANY_LOGIN_ATTEMPTS: [429, "Too many failed logins, please try again later"],
  TOO_MANY_UPLOADS: [429, "Too many uploads at once"],
  HEADERS_TOO_LARGE: [431, "The address or the headers are longer than allowed"],
  INTERNAL_ERROR: [500, "Something went wrong on our side"],
  DATABASE_UNAVAILABLE: [503, "The database does not answer, please try again in a moment"],
  STORAGE_UNAVAILABLE: [503, "The media storage does not answer, please try again in a moment"],
  FFMPEG_UNAVAILABLE: [503, "Videos cannot be processed right now, please try again later"],
  SERVER_BUSY: [503, "The server is busy, please try again in a moment"],
  NOT_READY: [503, "The service is not ready"],
  STORAGE_FULL: [507, "There is no room left for this file"],
} as const satisfies Record<string, readonly [status: number, message: string]>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/** One thing that is wrong with the input: where (`body.email`), and what. */
export interface FieldError {
  path: string;
  message: string;
}

interface ApiErrorOptions {
  message?: string;
  errors?: FieldError[];
  /** What led here; for the log only, never for the reply. */
  cause?: unknown;
  headers?: Record<string, string>;
}

/** A failure with an answer. Thrown anywhere below a route, written by the error middleware alone. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly statusCode: number;
  readonly errors: FieldError[];
  readonly headers: Record<string, string>;

  constructor(
    readonly code: ErrorCode,
    options: ApiErrorOptions = {},
  ) {
    super(options.message ?? ERROR_CATALOGUE[code][1], { cause: options.cause });
    this.statusCode = ERROR_CATALOGUE[code][0];
    this.errors = options.errors ?? [];
    this.headers = options.headers ?? {};
  }
}
