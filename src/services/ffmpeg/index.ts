export { FfmpegError } from "./FfmpegError";
export { makeAudioTrack, makeVideoTrack, planHls, type HlsPlan, type HlsTaskOptions } from "./hls";
export { locateFfmpeg, type FfmpegTools } from "./locate";
export {
  masterPlaylist,
  measureTrack,
  mediaPlaylist,
  type HlsTrack,
  type MasterContents,
} from "./playlists";
export { makePosters } from "./posters";
export { probeVideo } from "./probe";
export type { Rendition } from "./renditions";
export { framesPerSecond } from "./source";
export { makeStoryboard } from "./storyboard";
export { extractThumbnail } from "./thumbnail";
