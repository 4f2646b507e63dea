export { FfmpegError } from "./FfmpegError";
export { locateFfmpeg, type FfmpegTools } from "./locate";
export { probeVideo } from "./probe";
export { extractThumbnail } from "./thumbnail";
