export { FfmpegError } from "./FfmpegError";
export { locateFfmpeg, type FfmpegTools, type LocateOptions } from "./locate";
export { probeVideo, type VideoInfo } from "./probe";
export { extractThumbnail } from "./thumbnail";
export type { MediaTaskOptions } from "./process";
