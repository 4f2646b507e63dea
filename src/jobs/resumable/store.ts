import { createWriteStream, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FileStore } from "@tus/file-store";
import { Upload as TusUpload } from "@tus/server";
import { config } from "../../config/env";
import { Upload, type UploadDocument } from "../../models/upload.model";
import { StorageFullError } from "../../services/storage";
import { isDiskFull } from "../../utils/disk-full";

/** Unfinished uploads, outside every served folder; each file's name is its upload's id. */
export const RESUMABLE_FOLDER = join(config.dataDir, "resumable");

/** Where the bytes of an upload are while it is no video yet. */
export function resumablePath(id: string): string {
  return join(RESUMABLE_FOLDER, id);
}

/** Takes an upload with its bytes; does nothing for one that is gone. */
export async function removeUpload(id: string): Promise<void> {
  await Upload.deleteOne({ _id: id });
  await rm(resumablePath(id), { force: true });
}

/**
 * Keeps the bytes in files, as the library does, and what is known of them in the database. How far
 * an upload has come is the size of its file, so a crash loses nothing that was written.
 */
class ResumableStore extends FileStore {
  constructor() {
    mkdirSync(RESUMABLE_FOLDER, { recursive: true, mode: 0o700 });
    super({
      directory: RESUMABLE_FOLDER,
      expirationPeriodInMilliseconds: config.limits.uploadExpiry,
      configstore: {
        get: async (id) => toTus(await Upload.findById(id)),
        // Upload.begin has: an upload is known before it has a file, so a file without one is waste.
        set: () => Promise.resolve(),
        delete: removeUpload,
      },
    });
    this.extensions = ["creation", "creation-with-upload", "termination", "expiration"];
  }

  override async getUpload(id: string): Promise<TusUpload> {
    const upload = await Upload.findById(id);
    return upload?.publishedAt ? toTus(upload, upload.size)! : super.getUpload(id);
  }

  override remove(id: string): Promise<void> {
    return removeUpload(id);
  }

  /** The library's own says of every failure the same; a full disk has an answer of its own. */
  override async write(source: Readable, id: string, offset: number): Promise<number> {
    const file = createWriteStream(resumablePath(id), { flags: "r+", start: offset });
    try {
      await pipeline(source, file);
    } catch (cause) {
      throw isDiskFull(cause)
        ? new StorageFullError("The disk for uploads is full", { cause })
        : cause;
    }
    return offset + file.bytesWritten;
  }
}

function toTus(upload: UploadDocument | null, offset = 0): TusUpload | undefined {
  return (
    (upload?.announcement &&
      new TusUpload({
        id: upload._id,
        size: upload.size,
        offset,
        metadata: upload.announcement.metadata,
        // The library adds the term to it.
        creation_date: new Date(
          upload.expiresAt.getTime() - config.limits.uploadExpiry,
        ).toISOString(),
      })) ??
    undefined
  );
}

/** Made on first use: it makes its folder. */
export function resumableStore(): FileStore {
  return new ResumableStore();
}
