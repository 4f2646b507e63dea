import { join } from "node:path";
import { config } from "../config/env";
import { locateFfmpeg, type FfmpegTools } from "./ffmpeg";
import {
  createCloudinaryStorage,
  createLocalStorage,
  createS3Storage,
  parseCloudinaryUrl,
  type Storage,
} from "./storage";

/**
 * Where this process keeps media: in the bucket or on Cloudinary when the environment names one,
 * else in the data folder.
 */
export const storage: Storage = openStorage();

function openStorage(): Storage {
  const { s3, cloudinaryUrl } = config.media.storage;
  if (s3) {
    return createS3Storage(s3);
  }
  return cloudinaryUrl
    ? createCloudinaryStorage(parseCloudinaryUrl(cloudinaryUrl))
    : createLocalStorage({ directory: join(config.dataDir, "media") });
}

let located: Promise<FfmpegTools> | undefined;

/** The ffmpeg and ffprobe of this machine, looked for until they are found. @throws FfmpegError */
export function ffmpegTools(): Promise<FfmpegTools> {
  located ??= locateFfmpeg(config.media.ffmpeg).catch((error: unknown) => {
    located = undefined;
    throw error;
  });
  return located;
}
