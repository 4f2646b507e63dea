import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { trusted } from "mongoose";
import { Upload, type UploadDocument } from "../../models/upload.model";
import { MediaError } from "../../services/MediaError";
import { ApiError } from "../../utils/ApiError";
import { linkOrCopy } from "../../utils/link-or-copy";
import { publish } from "../publishing";
import { uploadLocker } from "./lock";
import { removeUpload, RESUMABLE_FOLDER, resumablePath } from "./store";

/**
 * Makes the video of an upload whose bytes are all there, once: asked again it does nothing, and
 * after a crash it begins anew. A file that is refused is removed with its upload.
 * @param folder private to the caller; it takes what is made on the way
 * @throws what publish throws, ApiError UPLOAD_LOCKED, UPLOAD_NOT_FOUND
 */
export async function finishUpload(id: string, folder: string): Promise<void> {
  const lock = uploadLocker.newLock(id);
  // Whoever waits waits for the outcome: publishing is not cut short.
  await lock.lock(new AbortController().signal, () => undefined);
  try {
    const upload = await Upload.findById(id);
    if (upload && upload.publishedAt === null) {
      await publishUpload(upload, folder);
    }
  } catch (error) {
    if (error instanceof MediaError || error instanceof ApiError) {
      await removeUpload(id);
    }
    throw error;
  } finally {
    await lock.unlock();
  }
}

async function publishUpload(upload: UploadDocument, folder: string): Promise<void> {
  const { _id, video, owner, announcement } = upload;
  const path = join(folder, "video");
  // Storing moves a file away; this name of it stays until the video is saved.
  await linkOrCopy(resumablePath(_id), path);
  await publish({
    ...{ id: video, owner, fields: announcement!.fields },
    ...{ videoFile: path, thumbnail: undefined },
  });
  await rm(resumablePath(_id), { force: true });
}

/**
 * Removes uploads whose time is over, and the files of uploads that are gone or have become videos;
 * run regularly. Several machines may share the database: each looks after the files on its own disk.
 */
export async function sweepResumable(): Promise<void> {
  await Upload.deleteMany({ expiresAt: trusted({ $lte: new Date() }) });
  const names = await namesIn(RESUMABLE_FOLDER);
  const rows = await Upload.find(
    { _id: trusted({ $in: names }), publishedAt: null },
    { _id: 1 },
  ).lean();
  const kept = new Set(rows.map(({ _id }) => _id));
  for (const name of names.filter((it) => !kept.has(it))) {
    await rm(join(RESUMABLE_FOLDER, name), { force: true });
  }
}

/** None where no upload has made the folder yet. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      throw error;
    }
    return [];
  }
}
