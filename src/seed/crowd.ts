import { trusted, Types } from "mongoose";
import { newKey, saveWithLinks, type LinkedFile } from "../jobs/files";
import { Comment } from "../models/comment.model";
import { Counter } from "../models/counter.model";
import { Like } from "../models/like.model";
import { SeededUser } from "../models/seed.model";
import { Subscription } from "../models/subscription.model";
import { inTransaction } from "../models/transaction";
import { User } from "../models/user.model";
import { PUBLISHED_VIDEOS, Video } from "../models/video.model";
import { COMMENTS } from "./content";
import type { Progress } from "./progress";
import { randomOf, type Random } from "./random";

/** Videos of one transaction. */
const BATCH = 500;
const VIDEOS_EACH = 100;
const VIEWERS = { min: 10, max: 1000 };
const FOLLOWED = 8;
const YEAR_MS = 365 * 24 * 60 * 60 * 1000;

const ADJECTIVES =
  "quiet slow bright hidden long first last blue golden wild small endless warm broken early late northern paper silver open".split(
    " ",
  );
const NOUNS =
  "harbour garden engine mountain kitchen river market workshop planet bicycle library forest island bridge orchestra window desert train lantern studio".split(
    " ",
  );
const KINDS =
  "walk tour lesson repair story review concert recipe experiment interview diary sketch challenge timelapse".split(
    " ",
  );
const TAGS =
  "travel music science cooking craft nature city history sport code design night winter summer family animals space garden books film theatre dance radio maps".split(
    " ",
  );

/** A stored file of the world that crowd videos show, too. */
interface Source {
  videoFile: string;
  thumbnail: string;
  contentType: string;
  duration: number;
  width: number;
  height: number;
}

/**
 * Makes many videos for measurements, with viewers who follow, like and comment in proportion. The
 * rows are written in bulk, one transaction for each batch with everything that it counts, so the
 * counters are exact at any moment. No two videos share a file: each has keys of its own, which
 * the storage links to the clips of the world. Nobody can sign in as one of the crowd.
 * @throws Error when the world is gone or the storage cannot link
 */
export async function makeCrowd(count: number, progress: Progress): Promise<void> {
  const { sources, avatars } = await filesOfWorld();
  const viewers = await makeViewers(
    Math.min(VIEWERS.max, Math.max(VIEWERS.min, Math.ceil(count / VIDEOS_EACH))),
    avatars,
    progress,
  );
  progress.begin("Crowd videos", count);
  const random = randomOf("crowd");
  for (let made = 0; made < count; made += BATCH) {
    const size = Math.min(BATCH, count - made);
    await new Batch(random, viewers, sources).make(size);
    progress.advance(size);
  }
}

async function filesOfWorld(): Promise<{ sources: Source[]; avatars: string[] }> {
  const world = await SeededUser.find({ part: "world" }).distinct("_id");
  const sources = await Video.find({ owner: trusted({ $in: world }), isPublished: true })
    .sort({ createdAt: 1 })
    .lean<Source[]>();
  const users = await User.find({ _id: trusted({ $in: world }) }, { avatar: 1 }).lean();
  if (sources.length === 0 || users.length === 0) {
    throw new Error("The seed's own videos are gone; --fresh makes them again.");
  }
  return { sources, avatars: users.map(({ avatar }) => avatar) };
}

async function makeViewers(count: number, avatars: string[], progress: Progress) {
  progress.begin("Crowd", count);
  const random = randomOf("viewers");
  const prefix = await freePrefix();
  const viewers = Array.from({ length: count }, () => new Types.ObjectId());
  const pairs = viewers.flatMap((subscriber) =>
    random
      .some(viewers, FOLLOWED)
      .filter((channel) => channel !== subscriber)
      .map((channel) => ({ subscriber, channel, createdAt: withinAYear(random) })),
  );
  const users = viewers.map((_id, n) => ({
    ...{ _id, username: `${prefix}_${n}`, email: `${prefix}_${n}@example.com` },
    ...{ fullName: `${titled(random.pick(ADJECTIVES))} ${titled(random.pick(NOUNS))}` },
    // No password has this hash.
    ...{ avatar: newKey("users", _id, "webp"), coverImage: "", password: "!" },
    ...{ subscribersCount: 0, subscriptionsCount: 0, tweetsCount: 0 },
    ...{
      uploadsCount: 0,
      videosCount: 0,
      storedBytes: 0,
      ...stamps(new Date(Date.now() - YEAR_MS)),
    },
  }));
  const byId = new Map(users.map((user) => [user._id, user]));
  for (const { subscriber, channel } of pairs) {
    byId.get(subscriber)!.subscriptionsCount += 1;
    byId.get(channel)!.subscribersCount += 1;
  }
  await SeededUser.insertMany(viewers.map((_id) => ({ _id, part: "crowd" })));
  const links = users.map(({ avatar }, n) => ({
    key: avatar,
    source: avatars[n % avatars.length]!,
  }));
  await saveWithLinks(links, () =>
    inTransaction([], async (session) => {
      await User.collection.insertMany(users, { session });
      await Subscription.collection.insertMany(pairs, { session });
    }),
  );
  progress.advance(count);
  return viewers;
}

/** The first that nobody's username begins with. */
async function freePrefix(): Promise<string> {
  for (let n = 1; ; n += 1) {
    const prefix = n === 1 ? "crowd" : `crowd${n}`;
    const taken = { username: trusted({ $gte: `${prefix}_`, $lt: `${prefix}_~` }) };
    if (!(await User.exists(taken))) {
      return prefix;
    }
  }
}

/** Some videos, with what hangs on them. */
class Batch {
  private readonly links: LinkedFile[] = [];
  private readonly videos: { _id: Types.ObjectId; isPublished: boolean }[] = [];
  private readonly likes: object[] = [];
  private readonly comments: object[] = [];
  private readonly uploads = new Map<Types.ObjectId, { all: number; published: number }>();

  constructor(
    private readonly random: Random,
    private readonly viewers: Types.ObjectId[],
    private readonly sources: Source[],
  ) {}

  async make(size: number): Promise<void> {
    for (let n = 0; n < size; n += 1) {
      this.plan();
    }
    await saveWithLinks(this.links, () => this.write());
  }

  private plan(): void {
    const { random } = this;
    const _id = new Types.ObjectId();
    const owner = random.pick(this.viewers);
    const source = random.pick(this.sources);
    const isPublished = random.next() < 0.97;
    const createdAt = withinAYear(random);
    const likesCount = isPublished ? this.like(_id, createdAt) : 0;
    const commentsCount = isPublished ? this.comment(_id, createdAt) : 0;
    const { contentType, duration, width, height } = source;
    this.videos.push({
      ...{ _id, owner, ...this.words(), ...this.files(_id, source) },
      // A link takes no room.
      ...{ contentType, duration, width, height, size: 0 },
      ...{ views: Math.floor(Math.exp(random.next() * 11)), likesCount, commentsCount },
      ...{ isPublished, ...stamps(createdAt) },
    });
    const uploads = this.uploads.get(owner) ?? { all: 0, published: 0 };
    uploads.all += 1;
    uploads.published += Number(isPublished);
    this.uploads.set(owner, uploads);
  }

  private words() {
    const { random } = this;
    const [adjective, noun, kind] = [
      random.pick(ADJECTIVES),
      random.pick(NOUNS),
      random.pick(KINDS),
    ];
    const place = random.pick(NOUNS);
    return {
      title: `${titled(kind)}: the ${adjective} ${noun}, part ${random.between(1, 40)}`,
      description: `A ${kind} about a ${adjective} ${noun} and the ${place} beside it.`,
      tags: random.some(TAGS, random.between(1, 4)),
    };
  }

  private files(_id: Types.ObjectId, source: Source) {
    const videoFile = newKey("videos", _id, source.videoFile.split(".").at(-1)!);
    const thumbnail = newKey("videos", _id, "webp");
    this.links.push({ key: videoFile, source: source.videoFile });
    this.links.push({ key: thumbnail, source: source.thumbnail });
    return { videoFile, thumbnail };
  }

  private like(target: Types.ObjectId, since: Date): number {
    const users = this.neighbours(this.random.between(0, 4));
    this.likes.push(
      ...users.map((user) => ({ user, kind: "video", target, createdAt: since, __v: 0 })),
    );
    return users.length;
  }

  private comment(video: Types.ObjectId, since: Date): number {
    const owners = this.neighbours(this.random.between(0, 2));
    const content = () => this.random.pick(COMMENTS);
    this.comments.push(
      ...owners.map((owner) => ({
        ...{ content: content(), video, owner, parent: null },
        ...{ likesCount: 0, repliesCount: 0, ...stamps(since) },
      })),
    );
    return owners.length;
  }

  /** Different viewers, cheaper than drawing each. */
  private neighbours(count: number): Types.ObjectId[] {
    const first = this.random.between(0, this.viewers.length - 1);
    return Array.from(
      { length: count },
      (_, n) => this.viewers[(first + n) % this.viewers.length]!,
    );
  }

  private write(): Promise<void> {
    const { videos, likes, comments } = this;
    const published = videos.filter(({ isPublished }) => isPublished).length;
    const counts = [...this.uploads].map(([_id, { all, published: shown }]) => ({
      updateOne: {
        filter: { _id },
        update: { $inc: { uploadsCount: all, videosCount: shown } },
      },
    }));
    return inTransaction([PUBLISHED_VIDEOS], async (session) => {
      await Video.collection.insertMany(videos, { session });
      if (likes.length > 0) {
        await Like.collection.insertMany(likes, { session });
      }
      if (comments.length > 0) {
        await Comment.collection.insertMany(comments, { session });
      }
      await User.collection.bulkWrite(counts, { session });
      await Counter.add("publishedVideos", published, session);
    });
  }
}

function stamps(createdAt: Date) {
  return { createdAt, updatedAt: createdAt, __v: 0 };
}

function withinAYear(random: Random): Date {
  return new Date(Date.now() - random.next() * YEAR_MS);
}

function titled(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
