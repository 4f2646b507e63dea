import { randomBytes } from "node:crypto";
import { trusted, type ClientSession, type Types } from "mongoose";
import { logger } from "../config/logger";
import { UNCLAIMED_FILE_MS } from "../constants";
import { UnclaimedFile, type Drop } from "../models/unclaimed-file.model";
import { User } from "../models/user.model";
import { filesOf, Video } from "../models/video.model";
import { storage } from "../services";
import { sideBySide } from "../utils/side-by-side";

/** Each of them may hold a piece of its file in memory. */
const PARALLEL_PUTS = 4;

/** What a stored file belongs to; the first segment of its key. */
export type FileOwner = "users" | "videos";

/** A new storage key. Keys are never used twice, so what a key names never changes. */
export function newKey(owner: FileOwner, id: Types.ObjectId, extension: string): string {
  return `${owner}/${id.toHexString()}/${randomBytes(16).toString("hex")}.${extension}`;
}

/** A finished file that is to be stored under a new key. */
export interface NewFile {
  key: string;
  path: string;
  contentType: string;
}

/**
 * Stores files, then saves the document that names them and removes those that it lets go of.
 * Whatever fails and wherever the process dies, no file stays without a document: the new ones stand
 * in the ledger of unclaimed files before they are stored, and the save names the old ones by `drop`
 * in the transaction that takes them off the document. What was read before may be replaced by then.
 */
export async function saveWithFiles<T>(
  files: NewFile[],
  save: (drop: Drop) => Promise<T>,
): Promise<T> {
  const keys = files.map((file) => file.key);
  try {
    await Promise.all(keys.map((key) => noteUnclaimed(key)));
    await putAll(files);
    return await save(async (key, session) => {
      keys.push(key);
      await noteUnclaimed(key, session);
    });
  } finally {
    await removeUnclaimed(keys);
  }
}

/** Each store waits for the disk or the network most of the time, so several go at once. */
async function putAll(files: NewFile[]): Promise<void> {
  const queue = files.values();
  const putNext = async (stop: AbortSignal) => {
    for (const { key, path, contentType } of queue) {
      stop.throwIfAborted();
      await storage.put(key, path, contentType);
    }
  };
  await sideBySide(Array<typeof putNext>(PARALLEL_PUTS).fill(putNext));
}

/** A new key for a file that is stored already. */
export interface LinkedFile {
  key: string;
  source: string;
}

/**
 * Gives stored files further keys, then saves the documents that name those: each document owns
 * its files, so removing one takes nothing from another. What fails is left to the sweep.
 * @throws Error when the storage cannot link
 */
export async function saveWithLinks(files: LinkedFile[], save: () => Promise<void>): Promise<void> {
  const link = storage.link?.bind(storage);
  if (!link) {
    throw new Error(`The ${storage.name} storage cannot hold one file under several keys.`);
  }
  const removeAfter = new Date(Date.now() + UNCLAIMED_FILE_MS);
  await UnclaimedFile.insertMany(files.map(({ key }) => ({ key, removeAfter })));
  await Promise.all(files.map(({ key, source }) => link(key, source)));
  await save();
  await UnclaimedFile.deleteMany({ key: trusted({ $in: files.map(({ key }) => key) }) });
}

/** Removes the files that no document claimed in time; run regularly. */
export async function sweepFiles(): Promise<void> {
  const due = await UnclaimedFile.find({ removeAfter: trusted({ $lte: new Date() }) })
    .sort({ removeAfter: 1 })
    .limit(100);
  await removeUnclaimed(due.map((file) => file.key));
}

async function noteUnclaimed(key: string, session?: ClientSession): Promise<void> {
  await UnclaimedFile.updateOne(
    { key },
    { $set: { removeAfter: new Date(Date.now() + UNCLAIMED_FILE_MS) } },
    { upsert: true, ...(session ? { session } : {}) },
  );
}

/** Settles each file by what the database says now. What fails stays in the ledger for the next sweep. */
async function removeUnclaimed(keys: string[]): Promise<void> {
  await Promise.all(keys.map(settle));
}

async function settle(key: string): Promise<void> {
  try {
    if (!(await isClaimed(key))) {
      await storage.delete(key);
    }
    await UnclaimedFile.deleteOne({ key });
  } catch (err) {
    logger.warn({ err, key }, "a stored file could not be settled yet");
  }
}

async function isClaimed(key: string): Promise<boolean> {
  const [owner, id] = key.split("/");
  if (owner === "users") {
    return (await User.exists({ _id: id, $or: [{ avatar: key }, { coverImage: key }] })) !== null;
  }
  const video = await Video.findById(id);
  return video !== null && filesOf(video).includes(key);
}
