import { mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pLimit from "p-limit";
import type { Types } from "mongoose";
import { newKey, saveWithFiles } from "../jobs/files";
import { Comment } from "../models/comment.model";
import { JOB_PRIORITY } from "../models/job.model";
import { Like, type Likeable } from "../models/like.model";
import { Playlist } from "../models/playlist.model";
import { Subscription } from "../models/subscription.model";
import { Tweet } from "../models/tweet.model";
import { Video } from "../models/video.model";
import { WatchHistory } from "../models/watch-history.model";
import { ffmpegTools } from "../services";
import { probeVideo } from "../services/ffmpeg";
import { Backdating } from "./backdate";
import { renderClip, renderThumbnail } from "./clips";
import { COMMENTS, PEOPLE, PLAYLISTS, REPLIES, VIDEOS, type SeedVideo } from "./content";
import { register, type Account } from "./people";
import type { Progress } from "./progress";
import { randomOf, type Random } from "./random";

const DAY = 24 * 60 * 60 * 1000;

/** Clips that are made at once: ffmpeg has threads of its own. */
const AT_ONCE = 2;
const STORIES_AT_ONCE = 8;

/** A published video of the seed. */
interface Shown {
  _id: Types.ObjectId;
  title: string;
  owner: Types.ObjectId;
  tags: readonly string[];
  createdAt: Date;
  /** Of the clip, in seconds. */
  seconds: number;
  /** From 0 to 1; what everybody does with it follows. */
  appeal: number;
}

/**
 * Makes the small world: people, their videos, and a year of what they did with them. All of it
 * goes the way that requests go, so every counter is exact. Answers the usernames.
 */
export async function makeWorld(password: string, progress: Progress): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "mega-backend-seed-"));
  try {
    const accounts = await makePeople(password, folder, progress);
    const videos = await makeVideos(accounts, folder, progress);
    await new Story(accounts, videos, progress).tell();
    return accounts.map(({ username }) => username);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makePeople(password: string, folder: string, progress: Progress) {
  progress.begin("People", PEOPLE.length);
  const random = randomOf("arrivals");
  const accounts: Account[] = [];
  for (const person of PEOPLE) {
    const createdAt = daysAgo(random.between(366, 420));
    accounts.push(await register(person, folder, { password, createdAt }));
    progress.advance();
  }
  return accounts;
}

async function makeVideos(accounts: Account[], folder: string, progress: Progress) {
  progress.begin("Videos", VIDEOS.length);
  const limit = pLimit(AT_ONCE);
  const order = randomOf("premieres").some([...VIDEOS.keys()], VIDEOS.length);
  const videos = await Promise.all(
    VIDEOS.map((plan, n) =>
      limit(async () => {
        const owner = accounts.find(({ person }) => person.username === plan.owner)!;
        // One premiere every two weeks, the last one today.
        const createdAt = daysAgo((order[n]! * 355) / VIDEOS.length + 0.2);
        const shown = await publish(plan, owner, join(folder, `clip-${n}`), createdAt);
        progress.advance();
        return shown;
      }),
    ),
  );
  return videos.filter((video) => video !== null);
}

/** Publishes one clip as an upload would be; answers null for a draft. */
async function publish(
  plan: SeedVideo,
  { _id: owner, person }: Account,
  folder: string,
  createdAt: Date,
): Promise<Shown | null> {
  const random = randomOf(`video ${plan.title}`);
  await mkdir(folder);
  const [path, image] = [join(folder, "clip.mp4"), join(folder, "thumbnail.webp")];
  const clip = { ...plan, colours: person.colours, start: random.between(0, 40) };
  await renderClip(clip, path);
  await renderThumbnail(clip, image);
  const { duration, width, height } = await probeVideo(await ffmpegTools(), path);

  const { size } = await stat(path);

  const appeal = random.next();
  const { title, description, tags, isDraft = false } = plan;
  const video = new Video({
    ...{ owner, title, description, tags, contentType: "video/mp4", duration, width, height, size },
    ...{ createdAt, isPublished: !isDraft, views: isDraft ? 0 : viewsOf(appeal, createdAt) },
  });
  const videoFile = { key: newKey("videos", video._id, "mp4"), path, contentType: "video/mp4" };
  const thumbnail = {
    key: newKey("videos", video._id, "webp"),
    path: image,
    contentType: "image/webp",
  };
  video.set({ videoFile: videoFile.key, thumbnail: thumbnail.key });
  await saveWithFiles([videoFile, thumbnail], () => Video.add(video, JOB_PRIORITY.bulk));
  return isDraft
    ? null
    : { _id: video._id, title, owner, tags, createdAt, seconds: duration, appeal };
}

/** A few are seen by very many, most by some; what is new has had less time. */
function viewsOf(appeal: number, createdAt: Date): number {
  const age = (Date.now() - createdAt.getTime()) / (365 * DAY);
  return Math.round(120 + Math.exp(4 + appeal * 7) * (0.15 + 0.85 * age));
}

/** What the people did with each other's things. */
class Story {
  private readonly dates = new Backdating();

  constructor(
    private readonly accounts: Account[],
    private readonly videos: Shown[],
    private readonly progress: Progress,
  ) {}

  async tell(): Promise<void> {
    const { accounts, videos, progress } = this;
    progress.begin("What they did", 2 * accounts.length + videos.length + PLAYLISTS.length);
    await this.forEach(accounts, (account) => this.follow(account));
    await this.forEach(accounts, (account) => this.tweet(account));
    await this.forEach(videos, (video) => this.watch(video));
    await this.forEach(PLAYLISTS, (plan) => this.collect(plan));
    await this.dates.write();
  }

  /** Several at once, because each mostly waits for the disk; what chance decides is the same. */
  private async forEach<T>(list: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
    const limit = pLimit(STORIES_AT_ONCE);
    const done = () => this.progress.advance();
    await Promise.all(list.map((item) => limit(() => act(item).then(done))));
  }

  private async follow({ _id, username }: Account): Promise<void> {
    const random = randomOf(`follow ${username}`);
    for (const channel of random.some(this.others(_id), random.between(3, 9))) {
      await Subscription.toggle(_id, channel._id);
      const createdAt = daysAgo(random.between(1, 360));
      const row = { subscriber: _id, channel: channel._id };
      this.dates.note(Subscription.collection, row, { createdAt });
    }
  }

  private async tweet({ _id: owner, person }: Account): Promise<void> {
    const random = randomOf(`tweets ${person.username}`);
    for (const content of person.tweets) {
      const tweet = await Tweet.add({ content, owner });
      const createdAt = daysAgo(random.between(1, 330));
      this.dates.note(Tweet.collection, { _id: tweet }, { createdAt, updatedAt: createdAt });
      await this.like("tweet", tweet, random, createdAt, random.between(0, 6));
    }
  }

  private async watch(video: Shown): Promise<void> {
    const random = randomOf(`audience ${video.title}`);
    const size = Math.round((0.3 + 0.7 * video.appeal) * (this.accounts.length - 1));
    await this.like("video", video._id, random, video.createdAt, size);
    for (const { _id } of random.some(this.others(video.owner), size)) {
      await WatchHistory.record(_id, video._id, random.between(1, Math.floor(video.seconds)));
      const watchedAt = between(random, video.createdAt);
      this.dates.note(WatchHistory.collection, { user: _id, video: video._id }, { watchedAt });
    }
    for (const content of random.some(COMMENTS, random.between(1, 2 + Math.round(size / 2)))) {
      await this.comment(video, content, random);
    }
  }

  private async comment(video: Shown, content: string, random: Random): Promise<void> {
    const { _id: owner } = random.pick(this.others(video.owner));
    const at = between(random, video.createdAt);
    const thread = await this.say({ content, video: video._id, owner, parent: null }, at, random);
    if (random.next() < 0.45) {
      const answers = random.some(REPLIES, random.between(1, 2));
      for (const [n, answer] of answers.entries()) {
        const speaker = n === 0 ? video.owner : random.pick(this.accounts)._id;
        const reply = { content: answer, video: video._id, owner: speaker, parent: thread };
        await this.say(reply, between(random, at), random);
      }
    }
  }

  private async say(
    comment: Parameters<typeof Comment.add>[0],
    createdAt: Date,
    random: Random,
  ): Promise<Types.ObjectId> {
    const _id = await Comment.add(comment);
    this.dates.note(Comment.collection, { _id }, { createdAt, updatedAt: createdAt });
    await this.like("comment", _id, random, createdAt, Math.floor(random.next() ** 2 * 6));
    return _id;
  }

  private async like(
    kind: Likeable,
    target: Types.ObjectId,
    random: Random,
    since: Date,
    count: number,
  ): Promise<void> {
    for (const { _id: user } of random.some(this.accounts, count)) {
      await Like.toggle(kind, target, user);
      const createdAt = between(random, since);
      this.dates.note(Like.collection, { target, kind, user }, { createdAt });
    }
  }

  private async collect(plan: (typeof PLAYLISTS)[number]): Promise<void> {
    const { name, description, isPublic = true, tags } = plan;
    const owner = this.accounts.find(({ person }) => person.username === plan.owner)!._id;
    const videos = this.videos
      .filter((video) => video.tags.some((tag) => tags.includes(tag)))
      .map(({ _id }) => _id);
    const createdAt = daysAgo(randomOf(`playlist ${name}`).between(5, 200));
    await Playlist.create({ name, description, owner, isPublic, videos, createdAt });
  }

  private others(user: Types.ObjectId): Account[] {
    return this.accounts.filter(({ _id }) => !_id.equals(user));
  }
}

function daysAgo(days: number): Date {
  return new Date(Date.now() - days * DAY);
}

/** A moment between the given one and now. */
function between(random: Random, since: Date): Date {
  return new Date(since.getTime() + random.next() * (Date.now() - since.getTime()));
}
