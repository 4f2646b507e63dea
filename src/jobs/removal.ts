import { trusted } from "mongoose";
import { Like } from "../models/like.model";
import { Session } from "../models/session.model";
import { Subscription } from "../models/subscription.model";
import { User, type UserDocument } from "../models/user.model";
import { Video, type VideoDocument } from "../models/video.model";
import { View } from "../models/view.model";
import { WatchHistory } from "../models/watch-history.model";
import { storage } from "../services";

/**
 * Removes a video in two steps that survive a crash between them: the first write makes it
 * invisible to everybody, then its things are cleared and its row goes last. Both may run again.
 */
export async function removeVideo({ _id }: VideoDocument): Promise<void> {
  // Read again in the same write: from then on nobody replaces its files.
  const video = await Video.findOneAndUpdate(
    { _id },
    { $set: { deletedAt: new Date(), isPublished: false } },
    { returnDocument: "after" },
  );
  if (video) {
    await clearVideo(video);
  }
}

/** Removes an account with all that is its; as removeVideo, in repeatable steps. */
export async function removeUser({ _id }: UserDocument): Promise<void> {
  const user = await User.findOneAndUpdate(
    { _id },
    { $set: { deletedAt: new Date() } },
    { returnDocument: "after" },
  );
  if (user) {
    await clearUser(user);
  }
}

/** Finishes the removals that were cut short. */
export async function finishRemovals(): Promise<void> {
  for await (const user of User.find({ deletedAt: trusted({ $exists: true }) })) {
    await clearUser(user);
  }
  for await (const video of Video.find({ deletedAt: trusted({ $exists: true }) })) {
    await clearVideo(video);
  }
}

async function clearVideo(video: VideoDocument): Promise<void> {
  await View.deleteMany({ video: video._id });
  await WatchHistory.deleteMany({ video: video._id });
  await Like.deleteMany({ target: video._id, kind: "video" });
  await storage.delete(video.videoFile);
  await storage.delete(video.thumbnail);
  await Video.deleteOne({ _id: video._id });
}

async function clearUser(user: UserDocument): Promise<void> {
  await Session.deleteMany({ user: user._id });
  for await (const video of Video.find({ owner: user._id })) {
    await removeVideo(video);
  }
  await Subscription.deleteMany({ subscriber: user._id });
  await Subscription.deleteMany({ channel: user._id });
  await Like.deleteMany({ user: user._id });
  await WatchHistory.deleteMany({ user: user._id });
  await storage.delete(user.avatar);
  if (user.coverImage !== "") {
    await storage.delete(user.coverImage);
  }
  await User.deleteOne({ _id: user._id });
}
