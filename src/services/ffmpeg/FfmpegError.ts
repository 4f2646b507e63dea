/**
 * ffmpeg or ffprobe itself is missing, cannot be started or is too old to be confined. The media
 * file is not at fault. The message is for the operator.
 */
export class FfmpegError extends Error {
  override readonly name = "FfmpegError";
  readonly code = "FFMPEG_UNAVAILABLE";
}
