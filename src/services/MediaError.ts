/**
 * How the sender should understand a refused file:
 * `unsupported` - not a kind of file that is taken at all; `empty` - nothing was sent;
 * `refused` - a kind that is taken, but this file is damaged, incomplete or beyond a limit.
 */
export type MediaErrorKind = "unsupported" | "empty" | "refused";

/** Every reason for refusing a media file, and its kind. The codes are stable. */
const MEDIA_ERROR_KINDS = {
  MEDIA_EMPTY: "empty",
  MEDIA_UNSUPPORTED: "unsupported",
  MEDIA_UNREADABLE: "refused",
  MEDIA_INCOMPLETE: "refused",
  MEDIA_NO_VIDEO: "refused",
  MEDIA_NO_DURATION: "refused",
  MEDIA_TOO_LONG: "refused",
  MEDIA_TOO_LARGE: "refused",
  MEDIA_TOO_COMPLEX: "refused",
  CAPTIONS_UNREADABLE: "refused",
  CAPTIONS_EMPTY: "refused",
  CAPTIONS_TOO_MANY_CUES: "refused",
} as const satisfies Record<string, MediaErrorKind>;

export type MediaErrorCode = keyof typeof MEDIA_ERROR_KINDS;

/**
 * The file that was sent is at fault. `message` is written for its sender and holds nothing
 * private; `cause`, when there is one, is for the log.
 */
export class MediaError extends Error {
  override readonly name = "MediaError";
  readonly kind: MediaErrorKind;

  constructor(
    readonly code: MediaErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.kind = MEDIA_ERROR_KINDS[code];
  }
}
