import type { Types } from "mongoose";
import { Comment } from "../../src/models/comment.model";
import { Counter } from "../../src/models/counter.model";
import { Like } from "../../src/models/like.model";
import { Subscription } from "../../src/models/subscription.model";
import { Tweet } from "../../src/models/tweet.model";
import { User } from "../../src/models/user.model";
import { Video } from "../../src/models/video.model";

/** In one reply: some servers lose the cursors of many readers at once. */
const WHOLE = 100_000;

/** Every count that a document carries and that its rows do not bear out. */
export async function falseCounters(): Promise<unknown[]> {
  const [users, videos, comments, tweets, likes, subscriptions, counter] = await Promise.all([
    User.find().batchSize(WHOLE).lean(),
    Video.find().batchSize(WHOLE).lean(),
    Comment.find().batchSize(WHOLE).lean(),
    Tweet.find().batchSize(WHOLE).lean(),
    Like.find().batchSize(WHOLE).lean(),
    Subscription.find().batchSize(WHOLE).lean(),
    Counter.read("publishedVideos"),
  ]);
  const published = videos.filter((video) => video.isPublished);
  const liked = (kind: string) =>
    tally(
      likes.filter((like) => like.kind === kind),
      "target",
    );
  return [
    ...differing(users, "uploadsCount", tally(videos, "owner")),
    ...differing(users, "storedBytes", tally(videos, "owner", "size")),
    ...differing(users, "videosCount", tally(published, "owner")),
    ...differing(users, "tweetsCount", tally(tweets, "owner")),
    ...differing(users, "subscribersCount", tally(subscriptions, "channel")),
    ...differing(users, "subscriptionsCount", tally(subscriptions, "subscriber")),
    ...differing(videos, "likesCount", liked("video")),
    ...differing(videos, "commentsCount", tally(comments, "video")),
    ...differing(comments, "likesCount", liked("comment")),
    ...differing(comments, "repliesCount", tally(comments, "parent")),
    ...differing(tweets, "likesCount", liked("tweet")),
    ...(counter === published.length ? [] : [{ publishedVideos: counter, is: published.length }]),
  ];
}

type Tally = Map<string, number>;

/** How many rows lead to each document, or the sum of what they have in a field. */
function tally(rows: object[], field: string, sum?: string): Tally {
  const counts: Tally = new Map();
  for (const row of rows) {
    const id = String((row as Record<string, unknown>)[field]);
    const amount = sum === undefined ? 1 : Number((row as Record<string, unknown>)[sum]);
    counts.set(id, (counts.get(id) ?? 0) + amount);
  }
  return counts;
}

function differing(rows: { _id: Types.ObjectId }[], field: string, counts: Tally): unknown[] {
  return rows
    .map((row) => ({
      _id: row._id.toHexString(),
      [field]: (row as Record<string, unknown>)[field],
      is: counts.get(row._id.toHexString()) ?? 0,
    }))
    .filter((row) => row[field] !== row.is);
}
