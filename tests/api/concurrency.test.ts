import { config } from "../../src/config/env";
import { Comment } from "../../src/models/comment.model";
import { Like } from "../../src/models/like.model";
import { Playlist } from "../../src/models/playlist.model";
import { Subscription } from "../../src/models/subscription.model";
import { Tweet } from "../../src/models/tweet.model";
import { User } from "../../src/models/user.model";
import { Video } from "../../src/models/video.model";
import { WatchHistory } from "../../src/models/watch-history.model";
import { api, useApi } from "../support/api";
import { call } from "../support/client";
import { newCrowd, type Member } from "../support/people";
import { docsOf, NO_ID } from "../support/rules";
import { startServer } from "../support/server";
import { addVideo } from "../support/videos";

jest.setTimeout(120_000);

useApi();

let asha: Member;
let ravi: Member;
let crowd: Member[];

beforeAll(async () => {
  [asha, ravi, ...crowd] = (await newCrowd(32)) as [Member, Member, ...Member[]];
});

/** Runs the work for all numbers below the count at once. */
function parallel<T>(count: number, work: (i: number) => PromiseLike<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => work(i)));
}

async function newComment(who: Member, video: string, parent?: string): Promise<string> {
  const { body } = await api("post", `/comments/${video}`, who.accessToken)
    .send({ content: "x", parent })
    .expect(201);
  return body.data._id as string;
}

describe("likes", () => {
  it("of one user toggled 200 times at once are one row or none, and count so", async () => {
    const video = await addVideo(asha);
    for (const times of [200, 13]) {
      const replies = await parallel(times, () =>
        api("post", `/likes/toggle/v/${video}`, ravi.accessToken),
      );
      const on = replies.filter(({ status }) => status === 201).length;
      const off = replies.filter(({ status }) => status === 200).length;
      expect(on + off).toBe(times);
      const rows = await Like.countDocuments({ target: video });
      expect(rows).toBe(on - off);
      expect((await Video.findById(video))!.likesCount).toBe(rows);
      if (rows === 1) {
        await api("post", `/likes/toggle/v/${video}`, ravi.accessToken).expect(200);
      }
    }
  });

  it("of 1,000 users count 1,000, and each reply has a count of its own", async () => {
    const video = await addVideo(asha);
    const thousand = await newCrowd(1000);
    const counts: number[] = [];
    for (let wave = 0; wave < 1000; wave += 100) {
      await parallel(100, async (i) => {
        const { accessToken } = thousand[wave + i]!;
        const { body } = await api("post", `/likes/toggle/v/${video}`, accessToken).expect(201);
        counts.push(body.data.likesCount as number);
      });
    }
    expect(counts.sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
    expect(await Like.countDocuments({ target: video })).toBe(1000);
    expect((await Video.findById(video))!.likesCount).toBe(1000);
  });

  it("count exactly when two servers on one database take them", async () => {
    const other = await startServer({
      DATA_DIR: config.dataDir,
      MONGODB_URI: config.database.uri!,
      DB_NAME: config.database.name,
      RATE_LIMIT_WRITES: "1000000",
    });
    const video = await addVideo(asha);
    const tweet = await Tweet.create({ content: "x", owner: asha._id });
    const toggle = async (i: number, path: string) => {
      const { accessToken } = crowd[i % 10]!;
      const headers = { Authorization: `Bearer ${accessToken}` };
      const reply =
        i % 2 === 0
          ? await api("post", path, accessToken)
          : await call(`${other.url}${path}`, { method: "POST", headers });
      return { user: i % 10, status: reply.status };
    };
    for (const [path, target] of [
      [`/likes/toggle/v/${video}`, video],
      [`/likes/toggle/t/${tweet.id}`, tweet.id],
    ] as const) {
      // Ten users, each from both servers.
      const replies = await parallel(60, (i) => toggle(i < 30 ? i : i + 1, path));
      expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200, 201]));
      const net = replies.reduce((sum, { status }) => sum + (status === 201 ? 1 : -1), 0);
      expect(await Like.countDocuments({ target })).toBe(net);
      const { likesCount } = (await Video.findById(target)) ?? (await Tweet.findById(target))!;
      expect(likesCount).toBe(net);
    }
  });
});

describe("subscriptions", () => {
  /** Holds the counts of all users against the rows. */
  async function expectCounted(users: Member[]): Promise<void> {
    for (const { _id } of users) {
      const user = (await User.findById(_id))!;
      expect([user.subscribersCount, user.subscriptionsCount]).toEqual([
        await Subscription.countDocuments({ channel: _id }),
        await Subscription.countDocuments({ subscriber: _id }),
      ]);
    }
  }

  it("of one user toggled 200 times at once are one row or none, and count so", async () => {
    const replies = await parallel(200, () =>
      api("post", `/subscriptions/c/${asha._id}`, ravi.accessToken),
    );
    const on = replies.filter(({ status }) => status === 201).length;
    expect(on).toBe(100);
    expect(await Subscription.countDocuments({ subscriber: ravi._id })).toBe(0);
    await expectCounted([asha, ravi]);
  });

  it("of users who follow each other at once all end, and count exactly", async () => {
    const circle = crowd.slice(0, 6);
    const pairs = circle.flatMap((from) =>
      circle.filter((to) => to !== from).map((to) => [from, to] as const),
    );
    // Each pair three times, and in both directions: an odd number leaves it on.
    await parallel(pairs.length * 3, (i) => {
      const [from, to] = pairs[i % pairs.length]!;
      return api("post", `/subscriptions/c/${to._id}`, from.accessToken);
    });
    expect(await Subscription.countDocuments({ subscriber: circle[0]!._id })).toBe(5);
    await expectCounted(circle);
  });

  it("are exact while the same users tweet and publish", async () => {
    const [channel] = (await newCrowd(1)) as [Member];
    await parallel(40, async (i): Promise<unknown> => {
      const who = crowd[i % 20]!;
      if (i % 4 === 0) {
        return api("post", "/tweets", channel.accessToken).send({ content: "x" }).expect(201);
      }
      return i % 4 === 1
        ? addVideo(channel)
        : api("post", `/subscriptions/c/${channel._id}`, who.accessToken);
    });
    await expectCounted([channel, ...crowd.slice(0, 20)]);
    expect(await User.findById(channel._id)).toMatchObject({
      tweetsCount: 10,
      videosCount: 10,
      uploadsCount: 10,
    });
  });
});

describe("comments", () => {
  it("and replies written at once are all counted", async () => {
    const video = await addVideo(asha);
    const thread = await newComment(asha, video);
    await parallel(60, (i) =>
      newComment(crowd[i % crowd.length]!, video, i % 2 === 0 ? thread : undefined),
    );
    expect((await Video.findById(video))!.commentsCount).toBe(61);
    expect((await Comment.findById(thread))!.repliesCount).toBe(30);
  });

  it("deleted at once, threads and their replies too, are counted off once", async () => {
    const video = await addVideo(asha);
    const threads = await parallel(4, () => newComment(asha, video));
    const replies = await parallel(40, (i) => newComment(ravi, video, threads[i % 4]));
    const doomed = [threads[0]!, ...replies.slice(0, 20), threads[1]!, ...replies.slice(10, 20)];
    const results = await parallel(doomed.length * 2, async (i): Promise<unknown> => {
      const id = doomed[Math.floor(i / 2)]!;
      const who = threads.includes(id) ? asha : ravi;
      const write = () =>
        api("post", `/comments/${video}`, ravi.accessToken).send({
          content: "x",
          parent: threads[i % 4],
        });
      const { status } = await (i % 3 === 2
        ? write()
        : api("delete", `/comments/c/${id}`, who.accessToken));
      return status;
    });
    expect(results.filter((status) => ![200, 201, 404].includes(status as number))).toEqual([]);
    await api("delete", `/comments/c/${threads[0]}`, asha.accessToken);
    await api("delete", `/comments/c/${threads[1]}`, asha.accessToken);
    expect((await Video.findById(video))!.commentsCount).toBe(
      await Comment.countDocuments({ video }),
    );
    for (const thread of await Comment.find({ video, parent: null })) {
      expect(thread.repliesCount).toBe(await Comment.countDocuments({ parent: thread._id }));
    }
    expect(await Comment.find({ video, parent: null })).toHaveLength(2);
  });

  it("likes of a comment that is being deleted leave nothing behind", async () => {
    const video = await addVideo(asha);
    const thread = await newComment(asha, video);
    const replies = await parallel(30, () => newComment(ravi, video, thread));
    const targets = [thread, ...replies];
    await parallel(200, (i): PromiseLike<unknown> => {
      const { accessToken } = crowd[i % crowd.length]!;
      return i === 60
        ? api("delete", `/comments/c/${thread}`, asha.accessToken).expect(200)
        : api("post", `/likes/toggle/c/${targets[i % targets.length]}`, accessToken);
    });
    expect(await Comment.countDocuments({ video })).toBe(0);
    for (const target of targets) {
      expect(await Like.countDocuments({ target })).toBe(0);
    }
  });
});

describe("videos", () => {
  it("published and taken back at once keep the total and the channel's count exact", async () => {
    const [channel] = (await newCrowd(1)) as [Member];
    const videos = await parallel(10, (i) => addVideo(channel, { isPublished: i % 2 === 0 }));
    await parallel(90, async (i): Promise<unknown> => {
      const id = videos[i % 10]!;
      switch (i % 4) {
        case 0:
          return api("patch", `/videos/${id}`, channel.accessToken).send({ isPublished: true });
        case 1:
          return i < 30 ? api("delete", `/videos/${id}`, channel.accessToken) : addVideo(channel);
        default:
          return api("patch", `/videos/toggle/publish/${id}`, channel.accessToken);
      }
    });
    const published = await Video.countDocuments({ isPublished: true });
    const { body } = await api("get", "/videos?limit=1").expect(200);
    expect(body.data.totalDocs).toBe(published);
    const own = { owner: channel._id };
    const user = (await User.findById(channel._id))!;
    expect(user.videosCount).toBe(await Video.countDocuments({ ...own, isPublished: true }));
    expect(user.uploadsCount).toBe(await Video.countDocuments(own));
    const channelPage = await api("get", `/users/c/${channel.username}`).expect(200);
    expect(channelPage.body.data.videosCount).toBe(user.videosCount);
  });

  it("watched by one user many times at once stand in his history once", async () => {
    const video = await addVideo(asha);
    const replies = await parallel(60, (i) =>
      i % 2 === 0
        ? api("post", "/users/history", ravi.accessToken).send({ videoId: video, position: i })
        : api("post", `/videos/${video}/view`, ravi.accessToken).send({ position: i }),
    );
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await WatchHistory.countDocuments({ user: ravi._id, video })).toBe(1);
    expect((await Video.findById(video))!.views).toBe(1);
  });
});

describe("tweets", () => {
  it("posted and deleted at once are all counted", async () => {
    const [who] = (await newCrowd(1)) as [Member];
    const total = async () => (await api("get", "/tweets").expect(200)).body.data.totalDocs;
    const before = await total();
    const ids = await parallel(30, async () => {
      const { body } = await api("post", "/tweets", who.accessToken).send({ content: "x" });
      return body.data._id as string;
    });
    await parallel(40, (i) =>
      i < 10
        ? api("post", "/tweets", who.accessToken).send({ content: "x" }).expect(201)
        : api("delete", `/tweets/${ids[i % 20]}`, who.accessToken),
    );
    expect((await User.findById(who._id))!.tweetsCount).toBe(20);
    expect(await Tweet.countDocuments({ owner: who._id })).toBe(20);
    expect(await total()).toBe(before + 20);
  });
});

describe("playlists", () => {
  const edit = (verb: "add" | "remove", video: string, playlist: string) =>
    api("patch", `/playlist/${verb}/${video}/${playlist}`, asha.accessToken).expect(200);

  it("take what is added at once, each video once, and nothing beyond 1,000", async () => {
    const { body } = await api("post", "/playlist", asha.accessToken).send({ name: "x" });
    const id = body.data._id as string;
    const videos = await parallel(15, () => addVideo(asha));
    await parallel(60, (i) => edit("add", videos[Math.floor(i / 4)]!, id));
    const stored = (await Playlist.findById(id))!;
    expect(stored.videos.map(String).sort()).toEqual([...videos].sort());

    // Ids of nothing: a playlist may outlive what was in it for a moment.
    const filler = Array.from({ length: 995 }, (_, i) => i.toString(16).padStart(24, "0"));
    await Playlist.updateOne({ _id: id }, { $set: { videos: filler } });
    const replies = await parallel(15, (i) =>
      api("patch", `/playlist/add/${videos[i]}/${id}`, asha.accessToken),
    );
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(5);
    const refused = replies.filter(({ status }) => status === 400);
    expect(refused.map(({ body: { code } }) => code)).toEqual(
      Array.from({ length: 10 }, () => "PLAYLIST_FULL"),
    );
    expect((await Playlist.findById(id))!.videos).toHaveLength(1000);
    expect(filler).toContain(NO_ID);
  });

  it("added to, taken from and reordered at once lose and repeat nothing", async () => {
    const { body } = await api("post", "/playlist", asha.accessToken).send({ name: "x" });
    const id = body.data._id as string;
    const videos = await parallel(40, () => addVideo(asha));
    const [kept, added, removed] = [videos.slice(0, 4), videos.slice(4, 22), videos.slice(22)];
    for (const video of [...kept, ...removed]) {
      await edit("add", video, id);
    }
    const current = async () => {
      const reply = await api("get", `/playlist/${id}`).expect(200);
      return reply.body.data.videos.map((video: { _id: string }) => video._id) as string[];
    };
    // In step: all three have read the playlist before the first of them writes.
    for (const [n, video] of added.entries()) {
      const order = { videos: (await current()).reverse() };
      const [ordered] = await Promise.all([
        api("patch", `/playlist/${id}/order`, asha.accessToken).send(order),
        edit("add", video, id),
        edit("remove", removed[n]!, id),
      ]);
      expect([200, 400]).toContain(ordered.status);
    }
    expect((await current()).sort()).toEqual([...kept, ...added].sort());
  });
});

it("reading and writing at once answers nothing but what the contract knows", async () => {
  const video = await addVideo(asha);
  const replies = await parallel(80, (i) =>
    i % 2 === 0
      ? api("get", `/comments/${video}?limit=5`, ravi.accessToken)
      : api("post", `/comments/${video}`, ravi.accessToken).send({ content: String(i) }),
  );
  expect(replies.every(({ status }) => status === 200 || status === 201)).toBe(true);
  expect(docsOf((await api("get", `/comments/${video}?limit=100`)).body)).toHaveLength(40);
});
