import { readdir } from "node:fs/promises";
import { join, sep } from "node:path";
import mongoose, { Types } from "mongoose";
import { config } from "../../src/config/env";
import { Comment } from "../../src/models/comment.model";
import { Counter } from "../../src/models/counter.model";
import { Like } from "../../src/models/like.model";
import { Playlist } from "../../src/models/playlist.model";
import { Subscription } from "../../src/models/subscription.model";
import { Tweet } from "../../src/models/tweet.model";
import { User } from "../../src/models/user.model";
import { filesOf, Video } from "../../src/models/video.model";

/** The ledgers name what is gone, an upload the video that it is to become. */
const LEDGERS = new Set(["removals", "unclaimedfiles", "uploads"]);

/**
 * Fails unless every id in every collection leads to a document, every stored file to the document
 * that names it and back, and every counter equals what it counts.
 */
export async function expectSoundWorld(): Promise<void> {
  expect(await danglingIds()).toEqual([]);
  expect(await storedFiles()).toEqual(await namedFiles());
  await expectCounted();
}

/** `collection.field id` of each id that no document has. */
export async function danglingIds(): Promise<string[]> {
  const collections = await mongoose.connection.db!.collections();
  const rows = await Promise.all(
    collections
      .filter(({ collectionName }) => !LEDGERS.has(collectionName))
      .map(async (collection) => ({
        name: collection.collectionName,
        documents: await collection.find().toArray(),
      })),
  );
  const known = new Set(rows.flatMap(({ documents }) => documents.map(({ _id }) => String(_id))));
  return rows.flatMap(({ name, documents }) =>
    documents
      .flatMap((document) => Object.entries(document as Record<string, unknown>))
      .flatMap(([field, value]) => idsIn(field, value).map((id) => [field, id] as const))
      .filter(([, id]) => !known.has(id))
      .map(([field, id]) => `${name}.${field} ${id}`),
  );
}

function idsIn(field: string, value: unknown): string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item) => idsIn(field, item));
  }
  // A signed-in viewer is stored by his id in a string; anonymous ones are hashes.
  const isViewer = field === "viewer" && /^[0-9a-f]{24}$/.test(String(value));
  return value instanceof Types.ObjectId || isViewer ? [String(value)] : [];
}

async function storedFiles(): Promise<string[]> {
  const media = join(config.dataDir, "media");
  const entries = await readdir(media, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(media.length + 1))
    .map((path) => path.split(sep).join("/"))
    .sort();
}

async function namedFiles(): Promise<string[]> {
  const [users, videos] = await Promise.all([User.find(), Video.find()]);
  return (
    [...users.flatMap(({ avatar, coverImage }) => [avatar, coverImage]), ...videos.flatMap(filesOf)]
      // What tests wrote past the API has no files.
      .filter((key) => key !== "" && !key.includes("/none."))
      .sort()
  );
}

/** A document with its counters as they are stored and as they should be. */
interface Counted {
  collection: (typeof User)["collection"];
  _id: Types.ObjectId;
  stored: Record<string, number>;
  counted: Record<string, number>;
}

async function expectCounted(): Promise<void> {
  const rows = await counters();
  expect(rows.map(({ _id, stored }) => ({ _id, ...stored }))).toEqual(
    rows.map(({ _id, counted }) => ({ _id, ...counted })),
  );
  const published = await Video.countDocuments({ isPublished: true });
  expect(await Counter.read("publishedVideos")).toBe(published);
  expect(await Counter.read("tweets")).toBe(await Tweet.countDocuments());
}

/** Sets every counter to what it counts, for rows that were written past the models. */
export async function recount(): Promise<void> {
  for (const { collection, _id, counted } of await counters()) {
    await collection.updateOne({ _id }, { $set: counted });
  }
  const tweets = { $set: { value: await Tweet.countDocuments() } };
  await Counter.updateOne({ _id: "tweets" }, tweets, { upsert: true });
}

async function counters(): Promise<Counted[]> {
  const likes = await tally(Like, "target");
  const tallies: [Counted["collection"], Record<string, Map<string, number>>][] = [
    [
      User.collection,
      {
        subscribersCount: await tally(Subscription, "channel"),
        subscriptionsCount: await tally(Subscription, "subscriber"),
        tweetsCount: await tally(Tweet, "owner"),
        uploadsCount: await tally(Video, "owner"),
        storedBytes: await tally(Video, "owner", {}, "$size"),
        videosCount: await tally(Video, "owner", { isPublished: true }),
      },
    ],
    [Video.collection, { likesCount: likes, commentsCount: await tally(Comment, "video") }],
    [Comment.collection, { likesCount: likes, repliesCount: await tally(Comment, "parent") }],
    [Tweet.collection, { likesCount: likes }],
  ];
  const rows = await Promise.all(
    tallies.map(async ([collection, counts]) => {
      const documents = await collection.find().toArray();
      return documents.map((document) => ({
        collection,
        _id: document._id,
        stored: pick(counts, (name) => document[name] as number),
        counted: pick(counts, (name) => counts[name]!.get(String(document._id)) ?? 0),
      }));
    }),
  );
  return rows.flat();
}

function pick(fields: object, value: (name: string) => number): Record<string, number> {
  return Object.fromEntries(Object.keys(fields).map((name) => [name, value(name)]));
}

/** How many rows lead to each id by the field, or the sum of another field in them. */
async function tally(
  model: Pick<typeof Like, "aggregate">,
  field: string,
  filter: Record<string, unknown> = {},
  amount: number | string = 1,
): Promise<Map<string, number>> {
  const groups = await model.aggregate<{ _id: unknown; count: number }>([
    { $match: filter },
    { $group: { _id: `$${field}`, count: { $sum: amount } } },
  ]);
  return new Map(groups.map(({ _id, count }) => [String(_id), count]));
}

/** How many documents each collection has, the ledgers left out. */
export async function census(): Promise<Record<string, number>> {
  const models = { Comment, Like, Playlist, Subscription, Tweet, User, Video };
  return Object.fromEntries(
    await Promise.all(
      Object.entries(models).map(async ([name, model]) => {
        const { collection } = model as { collection: { countDocuments(): Promise<number> } };
        return [name, await collection.countDocuments()] as const;
      }),
    ),
  );
}
