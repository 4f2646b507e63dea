import { rm } from "node:fs/promises";
import { join } from "node:path";
import mongoose, { Types } from "mongoose";
import { config } from "../../src/config/env";
import { REMOVAL_GRACE_MS } from "../../src/constants";
import { startJobs } from "../../src/jobs";
import { removeTweet } from "../../src/jobs/removal";
import { Comment } from "../../src/models/comment.model";
import { Like } from "../../src/models/like.model";
import { Removal } from "../../src/models/removal.model";
import { Session } from "../../src/models/session.model";
import { User } from "../../src/models/user.model";
import { api, useApi } from "../support/api";
import { newPerson, png, type Person } from "../support/people";
import { publish } from "../support/videos";
import { census, expectSoundWorld } from "../support/world";

jest.setTimeout(120_000);

useApi();

/** Everybody does everything to everything. */
async function denseWorld() {
  const people = [await newPerson(), await newPerson(), await newPerson(), await newPerson()];
  const post = async (who: Person, path: string, body: object = {}): Promise<string> => {
    const reply = await api("post", path, who.accessToken).send(body);
    expect([200, 201]).toContain(reply.status);
    return reply.body.data._id as string;
  };
  const videos: string[] = [];
  const tweets: string[] = [];
  for (const who of people) {
    videos.push((await publish(who))._id, (await publish(who))._id);
    tweets.push(await post(who, "/tweets", { content: "x" }));
    await post(who, "/tweets", { content: "y" });
    await api("patch", "/users/cover-image", who.accessToken)
      .attach("coverImage", await png(), "c.png")
      .expect(200);
  }
  const threads: string[] = [];
  const replies: string[] = [];
  for (const video of videos) {
    for (const who of people) {
      const thread = await post(who, `/comments/${video}`, { content: "x" });
      threads.push(thread);
      for (const other of people.filter((person) => person !== who).slice(0, 2)) {
        replies.push(await post(other, `/comments/${video}`, { content: "y", parent: thread }));
      }
    }
  }
  for (const who of people) {
    const playlist = await post(who, "/playlist", { name: "x" });
    await post(who, "/playlist", { name: "private", isPublic: false });
    for (const video of videos) {
      await api("patch", `/playlist/add/${video}/${playlist}`, who.accessToken).expect(200);
      await post(who, `/likes/toggle/v/${video}`);
      await post(who, "/users/history", { videoId: video, position: 1 });
      await api("get", `/videos/${video}`, who.accessToken).expect(200);
      await api("get", `/videos/${video}`).expect(200);
    }
    for (const tweet of tweets) {
      await post(who, `/likes/toggle/t/${tweet}`);
    }
    for (const [i, comment] of [...threads, ...replies].entries()) {
      if (i % 3 !== people.indexOf(who) % 3) {
        await post(who, `/likes/toggle/c/${comment}`);
      }
    }
    for (const other of people) {
      if (other !== who) {
        await post(who, `/subscriptions/c/${other._id}`);
      }
    }
  }
  await api("patch", `/videos/toggle/publish/${videos[1]}`, people[0]!.accessToken).expect(200);
  return { people: people as [Person, Person, Person, Person], videos, tweets, threads, replies };
}

const remove = (path: string, who: Person) => api("delete", path, who.accessToken).expect(200);

const removeAccount = (who: Person) =>
  remove("/users/current-user", who).send({ password: who.password });

/** Who wrote the comment. */
async function authorOf(id: string, people: Person[]): Promise<Person> {
  const { owner } = (await Comment.findById(id))!;
  return people.find((person) => owner.equals(person._id))!;
}

describe("whatever is removed", () => {
  // The first test counts everything there is, also when it has to be tried again.
  beforeEach(async () => {
    await Promise.all(Object.values(mongoose.models).map((model) => model.deleteMany()));
    await rm(join(config.dataDir, "media"), { recursive: true, force: true });
  });

  it("in whatever order, leaves no id, no file and no count behind", async () => {
    const { people, videos, tweets, threads, replies } = await denseWorld();
    const [asha, , meera, zoya] = people;
    await expectSoundWorld();
    const full = await census();
    expect(Object.values(full).every((count) => count >= 4)).toBe(true);

    // Replies before and after their thread, a thread by the video's owner, twice the same.
    const reply = replies[0]!;
    await remove(`/comments/c/${reply}`, await authorOf(reply, people));
    await remove(`/comments/c/${threads[0]}`, await authorOf(threads[0]!, people));
    await remove(`/comments/c/${threads[1]}`, asha);
    await api("delete", `/comments/c/${threads[1]}`, asha.accessToken).expect(404);
    await expectSoundWorld();

    await remove(`/tweets/${tweets[0]}`, asha);
    await remove(`/videos/${videos[4]}`, meera);
    await expectSoundWorld();

    // An account with an unpublished video, comments everywhere and followers.
    await removeAccount(asha);
    await expectSoundWorld();
    expect(await User.countDocuments()).toBe(3);
    expect(await Session.countDocuments({ user: asha._id })).toBe(0);
    await api("get", `/videos/${videos[0]}`).expect(404);
    await api("get", `/users/c/${asha.username}`).expect(404);
    await api("get", "/users/current-user", asha.accessToken).expect(401);

    // Two accounts, a video of one and a thread on it, all at once.
    const video = videos.at(-1)!;
    const thread = (await Comment.findOne({ video, parent: null, owner: zoya._id }))!;
    await Promise.all([
      removeAccount(meera).then(),
      removeAccount(zoya).then(),
      api("delete", `/videos/${video}`, zoya.accessToken).then(),
      api("delete", `/comments/c/${thread.id}`, zoya.accessToken).then(),
    ]);
    await expectSoundWorld();

    await removeAccount(people[1]);
    const left = await census();
    expect(left).toEqual(Object.fromEntries(Object.keys(full).map((name) => [name, 0])));
    await expectSoundWorld();
  });

  it("is forgotten by the ledger after its grace, and not before", async () => {
    const asha = await newPerson();
    const { body } = await api("post", "/tweets", asha.accessToken).send({ content: "x" });
    await remove(`/tweets/${body.data._id}`, asha);
    const entry = { target: body.data._id as string };
    await startJobs(0).stop();
    expect(await Removal.countDocuments(entry)).toBe(1);
    await Removal.updateOne(entry, {
      $set: { removedAt: new Date(Date.now() - REMOVAL_GRACE_MS - 1) },
    });
    await startJobs(0).stop();
    expect(await Removal.countDocuments(entry)).toBe(0);
  });

  it("is looked after once more even when the first pass took longer than the grace", async () => {
    const asha = await newPerson();
    const { body } = await api("post", "/tweets", asha.accessToken).send({ content: "x" });
    const target = body.data._id as string;
    const now = jest.spyOn(Date, "now");
    mongoose.set("debug", (collection, method) => {
      if (collection === "likes" && method === "deleteMany") {
        now.mockReturnValue(new Date().getTime() + 2 * REMOVAL_GRACE_MS);
      }
    });
    await removeTweet(new Types.ObjectId(target));
    mongoose.set("debug", false);
    expect(now).toHaveReturned();
    now.mockRestore();
    // Written by a request that began before the removal.
    await Like.create({ kind: "tweet", target, user: asha._id });
    await Removal.updateOne({ target }, { $set: { removedAt: new Date(0) } });
    await startJobs(0).stop();
    expect(await Like.countDocuments({ target })).toBe(0);
    expect(await Removal.countDocuments({ target })).toBe(0);
  });
});
