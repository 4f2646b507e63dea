export { FfmpegError } from "./FfmpegError";
export { makeAudioTrack, makeVideoTrack, planHls, type HlsPlan, type HlsTaskOptions } from "./hls";
export { locateFfmpeg, type FfmpegTools } from "./locate";
export {
  masterPlaylist,
  measureTrack,
  mediaPlaylist,
  type HlsTrack,
  type MasterContents,
  type TrackFigures,
} from "./playlists";
export { makePosters, type Poster } from "./posters";
export { probeVideo } from "./probe";
export type { Rendition } from "./renditions";
export { framesPerSecond } from "./source";
export { makeStoryboard, type Storyboard, type StoryboardOutput } from "./storyboard";
export { extractThumbnail } from "./thumbnail";
