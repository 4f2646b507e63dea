import { trusted, type ClientSession, type Types } from "mongoose";
import { REMOVAL_GRACE_MS } from "../constants";
import { Comment } from "../models/comment.model";
import { Counter } from "../models/counter.model";
import { Job } from "../models/job.model";
import { Like, type Likeable } from "../models/like.model";
import { Playlist } from "../models/playlist.model";
import { Removal, type RemovalDocument } from "../models/removal.model";
import { Session } from "../models/session.model";
import { Subscription } from "../models/subscription.model";
import { inTransaction } from "../models/transaction";
import { Tweet, TWEETS } from "../models/tweet.model";
import { Upload } from "../models/upload.model";
import { imagesOf, User } from "../models/user.model";
import { filesOf, PUBLISHED_VIDEOS, Video } from "../models/video.model";
import { View } from "../models/view.model";
import { WatchHistory } from "../models/watch-history.model";
import { storage } from "../services";

/** Rows that one transaction takes at most. */
const BATCH = 100;

/*
 * A removal is one transaction that takes the document, corrects the counters of others and notes
 * it in the ledger; from then on it is gone for everybody. What hung on it is cleared afterwards in
 * steps that may be repeated, by this process or, after a crash, by the clean-up of any other.
 */

/** Removes a video with its files, comments, likes, views, history and playlist entries. */
export function removeVideo(id: Types.ObjectId): Promise<void> {
  return remove([PUBLISHED_VIDEOS], async (session) => {
    const video = await Video.findOneAndDelete({ _id: id }, { session });
    if (!video) {
      return null;
    }
    const published = video.isPublished ? -1 : 0;
    await User.updateOne(
      { _id: video.owner },
      { $inc: { uploadsCount: -1, videosCount: published, storedBytes: -video.size } },
      { session, timestamps: false },
    );
    await Counter.add("publishedVideos", published, session);
    await Job.deleteOne({ target: id, type: "process-video" }, { session });
    return { kind: "video", target: id, files: filesOf(video) };
  });
}

/** Removes a comment with its replies and all their likes. */
export function removeComment(id: Types.ObjectId, video: Types.ObjectId): Promise<void> {
  return remove([video.toHexString()], async (session) => {
    const comment = await Comment.findOneAndDelete({ _id: id }, { session });
    if (!comment) {
      return null;
    }
    // A reply whose thread was removed is counted off already.
    const isCounted = comment.parent === null || (await dropReply(comment.parent, session));
    if (isCounted) {
      await Video.updateOne(
        { _id: comment.video },
        { $inc: { commentsCount: -1 - comment.repliesCount } },
        { session, timestamps: false },
      );
    }
    return { kind: "comment", target: id, files: [] };
  });
}

/** Removes a tweet with its likes. */
export function removeTweet(id: Types.ObjectId): Promise<void> {
  return remove([TWEETS], async (session) => {
    const tweet = await Tweet.findOneAndDelete({ _id: id }, { session });
    if (!tweet) {
      return null;
    }
    await User.updateOne(
      { _id: tweet.owner },
      { $inc: { tweetsCount: -1 } },
      { session, timestamps: false },
    );
    await Counter.add("tweets", -1, session);
    return { kind: "tweet", target: id, files: [] };
  });
}

/** Removes an account with all that is its. */
export async function removeUser(id: Types.ObjectId): Promise<void> {
  await takeUser(id);
  // Everybody's subscriptions write to it: a server that compares again instead of reporting the
  // conflict may have found nothing to take.
  if (await User.exists({ _id: id })) {
    await takeUser(id);
  }
}

function takeUser(id: Types.ObjectId): Promise<void> {
  return remove([id.toHexString()], async (session) => {
    const user = await User.findOneAndDelete({ _id: id }, { session });
    return user && { kind: "user", target: id, files: imagesOf(user) };
  });
}

/** Clears what removals that were cut short have left, and what requests in flight wrote late. */
export async function finishRemovals(): Promise<void> {
  for await (const removal of Removal.find().sort({ removedAt: 1 })) {
    await clear(removal);
  }
}

type Entry = Pick<RemovalDocument, "kind" | "target" | "files">;

/** Takes the document and notes it, then clears; does nothing for one that is gone already. */
async function remove(
  keys: string[],
  take: (session: ClientSession) => Promise<Entry | null>,
): Promise<void> {
  const removal = await inTransaction(keys, async (session) => {
    const entry = await take(session);
    const [noted] = entry
      ? await Removal.create([{ ...entry, removedAt: new Date() }], { session })
      : [];
    return noted;
  });
  if (removal) {
    await clear(removal);
  }
}

/**
 * Clears what hung on a removed document. The entry stays until no request that began before the
 * removal can still be writing; the clean-up then clears once more.
 */
async function clear(removal: RemovalDocument): Promise<void> {
  // Asked before: a first pass that takes longer than the grace is no second one.
  const isLast = removal.removedAt.getTime() < Date.now() - REMOVAL_GRACE_MS;
  await CLEAR[removal.kind](removal.target);
  for (const key of removal.files) {
    await storage.delete(key);
  }
  if (isLast) {
    await Removal.deleteOne({ _id: removal._id });
  }
}

const CLEAR: Record<Entry["kind"], (id: Types.ObjectId) => Promise<void>> = {
  video: clearVideo,
  comment: clearComment,
  tweet: (id) => clearLikesOf("tweet", id),
  user: clearUser,
};

async function clearVideo(video: Types.ObjectId): Promise<void> {
  await View.deleteMany({ video });
  await WatchHistory.deleteMany({ video });
  await Playlist.updateMany({ videos: video }, { $pull: { videos: video } }, { timestamps: false });
  await clearLikesOf("video", video);
  await clearComments({ video });
}

async function clearComment(comment: Types.ObjectId): Promise<void> {
  await clearLikesOf("comment", comment);
  await clearComments({ parent: comment });
}

/**
 * Takes comments that are counted nowhere any more, together with their likes: no row leads to a
 * like that arrives after they were looked for and before its comment is gone.
 */
async function clearComments(
  filter: { video: Types.ObjectId } | { parent: Types.ObjectId },
): Promise<void> {
  for (;;) {
    const rows = await Comment.find(filter, { _id: 1 }).limit(BATCH).lean();
    if (rows.length === 0) {
      return;
    }
    const ids = rows.map((row) => row._id);
    await inTransaction(
      ids.map((id) => id.toHexString()),
      async (session) => {
        await Comment.deleteMany({ _id: trusted({ $in: ids }) }, { session });
        await Like.deleteMany({ target: trusted({ $in: ids }), kind: "comment" }, { session });
      },
    );
  }
}

async function clearLikesOf(kind: Likeable, target: Types.ObjectId): Promise<void> {
  await Like.deleteMany({ target, kind });
}

async function clearUser(user: Types.ObjectId): Promise<void> {
  await Session.deleteMany({ user });
  await Upload.deleteMany({ owner: user });
  for await (const { _id } of Video.find({ owner: user })) {
    await removeVideo(_id);
  }
  for await (const { _id, video } of Comment.find({ owner: user })) {
    await removeComment(_id, video);
  }
  for await (const { _id } of Tweet.find({ owner: user })) {
    await removeTweet(_id);
  }
  for await (const like of Like.find({ user })) {
    await Like.withdraw(like);
  }
  for await (const subscription of Subscription.find({
    $or: [{ subscriber: user }, { channel: user }],
  })) {
    await Subscription.withdraw(subscription);
  }
  await Playlist.deleteMany({ owner: user });
  await WatchHistory.deleteMany({ user });
  await View.deleteMany({ viewer: user.toHexString() });
}

/** Counts a reply off its thread; false when the thread itself is gone. */
async function dropReply(parent: Types.ObjectId, session: ClientSession): Promise<boolean> {
  const { matchedCount } = await Comment.updateOne(
    { _id: parent },
    { $inc: { repliesCount: -1 } },
    { session, timestamps: false },
  );
  return matchedCount === 1;
}
