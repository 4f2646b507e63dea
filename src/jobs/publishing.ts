import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Types } from "mongoose";
import { Video } from "../models/video.model";
import { ffmpegTools } from "../services";
import { extractThumbnail, probeVideo } from "../services/ffmpeg";
import { normalizeImage } from "../services/image";
import { detectVideoType } from "../services/media-type";
import { isDuplicateKey } from "../utils/duplicate-key";
import { newKey, saveWithFiles, type NewFile } from "./files";
import { ringBell } from "./queue";

/** Widest stored thumbnail, in pixels. */
const THUMBNAIL_WIDTH = 1280;

/** A received file that is to become a video. */
export interface Publication {
  owner: Types.ObjectId;
  /** What its owner says of it, parsed already. */
  fields: { title: string; description: string; tags: string[]; isPublished: boolean };
  /** Of the video to be: whoever publishes again what was published already makes no second one. */
  id: Types.ObjectId;
  /** Paths in a private folder, which also takes what is made of them; the video's file is moved away. */
  videoFile: string;
  thumbnail: string | undefined;
}

/**
 * Checks a received file, stores it with its thumbnail and saves the video, however the file came.
 * @throws MediaError when the file cannot be published, what Video.add throws, and what the storage throws
 */
export async function publish(publication: Publication): Promise<void> {
  const { id, owner, fields, videoFile: path, thumbnail: sent } = publication;
  const { contentType, extension } = await detectVideoType(path);
  const { duration, width, height } = await probeVideo(await ffmpegTools(), path);
  const { size } = await stat(path);

  const facts = { contentType, size, duration, width, height };
  const document = new Video({ _id: id, ...fields, owner, ...facts });
  const thumbnail = await (sent === undefined
    ? thumbnailFromVideo(id, path)
    : thumbnailFromImage(id, sent));
  const videoFile = { key: newKey("videos", id, extension), path, contentType };
  document.set({ videoFile: videoFile.key, thumbnail: thumbnail.key });
  await saveWithFiles([videoFile, thumbnail], () => Video.add(document));
  ringBell();
}

/**
 * Publishes, unless a request with the same id has done it or does it meanwhile; otherwise like
 * `publish`.
 */
export async function publishOnce(publication: Publication): Promise<void> {
  if (await Video.exists({ _id: publication.id })) {
    return;
  }
  try {
    await publish(publication);
  } catch (error) {
    if (!isDuplicateKey(error)) {
      throw error;
    }
  }
}

/** Makes a thumbnail from the image that was sent; it is still to be stored. */
export function thumbnailFromImage(id: Types.ObjectId, image: string): Promise<NewFile> {
  return newThumbnail(id, image, (path) =>
    normalizeImage(image, path, { maxWidth: THUMBNAIL_WIDTH }),
  );
}

function thumbnailFromVideo(id: Types.ObjectId, video: string): Promise<NewFile> {
  return newThumbnail(id, video, async (path) =>
    extractThumbnail(await ffmpegTools(), video, path),
  );
}

async function newThumbnail(
  id: Types.ObjectId,
  source: string,
  make: (path: string) => Promise<unknown>,
): Promise<NewFile> {
  const path = join(dirname(source), "thumbnail.webp");
  await make(path);
  return { key: newKey("videos", id, "webp"), path, contentType: "image/webp" };
}
