export { FfmpegError } from "./FfmpegError";
export { makeAudioTrack, makeVideoTrack, planHls, type HlsPlan, type HlsTaskOptions } from "./hls";
export { locateFfmpeg, type FfmpegTools } from "./locate";
export { masterPlaylist, type HlsTrack, type MasterContents } from "./playlists";
export { makePosters, type Poster } from "./posters";
export { probeVideo } from "./probe";
export type { Rendition } from "./renditions";
export { makeStoryboard, type Storyboard } from "./storyboard";
export { extractThumbnail } from "./thumbnail";
