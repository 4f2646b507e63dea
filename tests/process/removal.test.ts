import { Types } from "mongoose";
import { config } from "../../src/config/env";
import { startJobs } from "../../src/jobs";
import { Comment } from "../../src/models/comment.model";
import { Like } from "../../src/models/like.model";
import { Removal } from "../../src/models/removal.model";
import { Subscription } from "../../src/models/subscription.model";
import { Tweet } from "../../src/models/tweet.model";
import { User } from "../../src/models/user.model";
import { Video } from "../../src/models/video.model";
import { api, useApi } from "../support/api";
import { newCrowd, newPerson, type Person } from "../support/people";
import { run, startServer } from "../support/server";
import { addVideo, publish } from "../support/videos";
import { danglingIds, expectSoundWorld, recount } from "../support/world";

jest.setTimeout(240_000);

useApi();

/** The servers of this test share its database and its files. */
const env = {
  DATA_DIR: config.dataDir,
  MONGODB_URI: config.database.uri!,
  DB_NAME: config.database.name,
};

/** An account with much that hangs on it, and which hangs on others in turn. */
async function largeAccount(): Promise<Person> {
  const asha = await newPerson();
  const crowd = await newCrowd(20);
  const ids = [
    (await publish(asha))._id,
    (await publish(asha, { isPublished: "false" }))._id,
    await addVideo(crowd[0]!),
  ];
  const [video, draft, foreign] = ids.map((id) => new Types.ObjectId(id));
  const own = new Types.ObjectId(asha._id);
  const others = crowd.map(({ _id }) => new Types.ObjectId(_id));
  const other = (i: number) => others[i % others.length]!;
  const many = <T>(count: number, row: (i: number) => T) =>
    Array.from({ length: count }, (_, i) => row(i));

  const threads = await Comment.insertMany(
    many(60, () => ({ content: "x", video: foreign, owner: own })),
  );
  const comments = await Comment.insertMany([
    ...threads.map(({ _id }, i) => ({
      content: "x",
      video: foreign,
      owner: other(i),
      parent: _id,
    })),
    ...many(200, (i) => ({ content: "x", video: i % 2 ? video : draft, owner: other(i) })),
  ]);
  const tweets = await Tweet.insertMany(
    many(80, (i) => ({ content: "x", owner: i % 4 ? other(i) : own })),
  );
  const liked = [
    ...[...threads, ...comments].map(({ _id }) => ({ kind: "comment", target: _id })),
    ...tweets.map(({ _id }) => ({ kind: "tweet", target: _id })),
    ...[video, draft, foreign].map((target) => ({ kind: "video", target })),
  ];
  await Like.insertMany(
    liked.flatMap((like, i) => [
      { ...like, user: own },
      { ...like, user: other(i) },
    ]),
  );
  await Subscription.insertMany(
    others.flatMap((user) => [
      { subscriber: user, channel: own },
      { subscriber: own, channel: user },
    ]),
  );
  await recount();
  return asha;
}

it("a removal goes on where SIGKILL has cut it short, however often", async () => {
  const asha = await largeAccount();
  await expectSoundWorld();

  let server = await startServer(env);
  const request = fetch(`${server.url}/users/current-user`, {
    method: "DELETE",
    headers: { Authorization: `Bearer ${asha.accessToken}`, "Content-Type": "application/json" },
    body: JSON.stringify({ password: asha.password }),
  });
  const cut = expect(request).rejects.toThrow();
  const owner = asha._id;
  // In the middle of the comments on its videos, of its own comments, and of its likes.
  const moments = [
    async () => (await Comment.countDocuments()) < 300,
    async () => (await Comment.countDocuments({ owner })) < 40,
    async () => (await Like.countDocuments({ user: owner })) < 30,
  ];
  for (const hasCome of moments) {
    while (!(await hasCome())) {
      /* each look waits for its answer */
    }
    await server.stop("SIGKILL");
    expect(await danglingIds()).not.toEqual([]);
    await api("get", `/users/c/${asha.username}`).expect(404);
    server = Object.assign(run("src/index.ts", { ...env, PORT: "0" }), { url: "" });
  }
  await cut;
  while ((await danglingIds()).length > 0) {
    /* each look waits for its answer */
  }
  // Told to stop, a server ends the clean-up that runs.
  expect(await server.stop()).toBe(0);
  await expectSoundWorld();
  expect([await User.countDocuments(), await Video.countDocuments()]).toEqual([20, 1]);

  await Removal.updateMany({}, { $set: { removedAt: new Date(0) } });
  await startJobs(0).stop();
  expect(await Removal.countDocuments()).toBe(0);
});
