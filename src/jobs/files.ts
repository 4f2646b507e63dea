import { randomBytes } from "node:crypto";
import { trusted, type Types } from "mongoose";
import { logger } from "../config/logger";
import { UNCLAIMED_FILE_MS } from "../constants";
import { UnclaimedFile } from "../models/unclaimed-file.model";
import { User } from "../models/user.model";
import { Video } from "../models/video.model";
import { storage } from "../services";

/** What a stored file belongs to; the first segment of its key. */
export type FileOwner = "users" | "videos";

/** A new storage key. Keys are never used twice, so what a key names never changes. */
export function newKey(owner: FileOwner, id: Types.ObjectId, extension: string): string {
  return `${owner}/${id.toHexString()}/${randomBytes(16).toString("hex")}.${extension}`;
}

/** Stores a file whose document is still to be saved, see saveWithFiles. */
export async function storeFile(key: string, path: string, contentType: string): Promise<void> {
  await noteUnclaimed(key);
  await storage.put(key, path, contentType);
}

/**
 * Saves the document that names the given stored files and, when the save drops others, removes
 * those. Whatever fails and wherever the process dies, no file stays without a document: all of
 * them stand in the ledger of unclaimed files before anything happens to them.
 */
export async function saveWithFiles<T>(
  files: { stored: string[]; dropped?: string[] },
  save: () => Promise<T>,
): Promise<T> {
  const dropped = (files.dropped ?? []).filter((key) => key !== "");
  const all = [...files.stored, ...dropped];
  try {
    await Promise.all(all.map(noteUnclaimed));
    return await save();
  } finally {
    await removeUnclaimed(all);
  }
}

/** Removes the files that no document claimed in time; run regularly. */
export async function sweepFiles(): Promise<void> {
  const due = await UnclaimedFile.find({ removeAfter: trusted({ $lte: new Date() }) })
    .sort({ removeAfter: 1 })
    .limit(100);
  await removeUnclaimed(due.map((file) => file.key));
}

async function noteUnclaimed(key: string): Promise<void> {
  await UnclaimedFile.updateOne(
    { key },
    { $set: { removeAfter: new Date(Date.now() + UNCLAIMED_FILE_MS) } },
    { upsert: true },
  );
}

/** Settles each file by what the database says now. What fails stays in the ledger for the next sweep. */
async function removeUnclaimed(keys: string[]): Promise<void> {
  for (const key of keys) {
    try {
      if (!(await isClaimed(key))) {
        await storage.delete(key);
      }
      await UnclaimedFile.deleteOne({ key });
    } catch (err) {
      logger.warn({ err, key }, "a stored file could not be settled yet");
    }
  }
}

async function isClaimed(key: string): Promise<boolean> {
  const [owner, id] = key.split("/");
  const document =
    owner === "users"
      ? await User.exists({ _id: id, $or: [{ avatar: key }, { coverImage: key }] })
      : await Video.exists({ _id: id, $or: [{ videoFile: key }, { thumbnail: key }] });
  return document !== null;
}
