import { join } from "node:path";
import { config } from "../config/env";
import { locateFfmpeg, type FfmpegTools } from "./ffmpeg";
import {
  createCloudinaryStorage,
  createLocalStorage,
  parseCloudinaryUrl,
  type Storage,
} from "./storage";

/** Where this process keeps media: Cloudinary when the environment names an account, else the data folder. */
export const storage: Storage = config.media.cloudinaryUrl
  ? createCloudinaryStorage(parseCloudinaryUrl(config.media.cloudinaryUrl))
  : createLocalStorage({ directory: join(config.dataDir, "media") });

let located: Promise<FfmpegTools> | undefined;

/** The ffmpeg and ffprobe of this machine, looked for until they are found. @throws FfmpegError */
export function ffmpegTools(): Promise<FfmpegTools> {
  located ??= locateFfmpeg(config.media.ffmpeg).catch((error: unknown) => {
    located = undefined;
    throw error;
  });
  return located;
}
