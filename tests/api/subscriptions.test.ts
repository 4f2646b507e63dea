import { Subscription } from "../../src/models/subscription.model";
import { Video } from "../../src/models/video.model";
import { api, useApi } from "../support/api";
import { newCrowd, newPerson, type Member, type Person } from "../support/people";
import {
  BODY_KINDS,
  checkIds,
  checkPaging,
  cursorOf,
  docsOf,
  needNobody,
  needSignIn,
  NO_ID,
  send,
  walk,
} from "../support/rules";
import { addVideo } from "../support/videos";

useApi();

let asha: Person;
let ravi: Member;

beforeAll(async () => {
  asha = await newPerson();
  [ravi] = (await newCrowd(1)) as [Member];
});

function toggle(channel: string, who: Member) {
  return api("post", `/subscriptions/c/${channel}`, who.accessToken);
}

const idsOf = (body: unknown) => docsOf(body).map((doc: { _id: string }) => doc._id);

needSignIn([
  ["post", `/subscriptions/c/${NO_ID}`],
  ["get", "/subscriptions/videos"],
]);

needNobody([
  ["get", `/subscriptions/c/${NO_ID}`],
  ["get", `/subscriptions/u/${NO_ID}`],
]);

checkIds(
  [
    ["post", "/subscriptions/c/:id", "CHANNEL_NOT_FOUND"],
    ["get", "/subscriptions/c/:id", "CHANNEL_NOT_FOUND"],
    ["get", "/subscriptions/u/:id", "CHANNEL_NOT_FOUND"],
  ],
  () => ravi.accessToken,
);

describe("POST /subscriptions/c/:channelId", () => {
  it("answers 404 to the id of another kind of thing", async () => {
    const video = await addVideo(asha);
    await toggle(video, ravi).expect(404);
    await api("get", `/subscriptions/c/${video}`).expect(404);
    await api("get", `/subscriptions/u/${video}`).expect(404);
  });

  it("answers 404 to an unknown id even where it is somebody's username", async () => {
    const [who] = (await newCrowd(1)) as [Member];
    const username = "0123456789abcdef01234567";
    await newPerson({ username });
    await toggle(username, who).expect(404);
    await api("get", `/subscriptions/c/${username}`).expect(404);
    await api("get", `/subscriptions/u/${username}`).expect(404);
  });

  it("answers 400 to oneself and changes nothing", async () => {
    const { body } = await toggle(ravi._id, ravi).expect(400);
    expect(body).toMatchObject({
      code: "SELF_SUBSCRIPTION",
      message: "You cannot subscribe to your own channel",
    });
    expect(await Subscription.countDocuments({ channel: ravi._id })).toBe(0);
  });

  it("is 201 when it goes on, 200 when it goes off, with the channel's count", async () => {
    const [channel, a, b] = (await newCrowd(3)) as [Member, Member, Member];
    const on = await toggle(`${channel._id}/`, a).expect(201);
    expect(on.body).toEqual({
      statusCode: 201,
      data: { isSubscribed: true, subscribersCount: 1 },
      message: "Subscribed successfully",
      success: true,
    });
    const second = await toggle(channel._id.toUpperCase(), b).expect(201);
    expect(second.body.data).toEqual({ isSubscribed: true, subscribersCount: 2 });
    const off = await toggle(channel._id, a).expect(200);
    expect(off.body).toEqual({
      statusCode: 200,
      data: { isSubscribed: false, subscribersCount: 1 },
      message: "Unsubscribed successfully",
      success: true,
    });
  });

  it.each(BODY_KINDS)("does not care for a body (%s)", async (kind) => {
    const [channel] = (await newCrowd(1)) as [Member];
    const fields = { isSubscribed: "false", subscriber: asha._id };
    const path = `/subscriptions/c/${channel._id}`;
    await send("post", path, ravi.accessToken, kind, fields).expect(201);
    expect(await Subscription.countDocuments({ channel: channel._id, subscriber: ravi._id })).toBe(
      1,
    );
  });

  it("shows on the channel's page and on its videos' pages, for the viewer who follows", async () => {
    const [channel, follower, other] = (await newCrowd(3)) as [Member, Member, Member];
    const video = await addVideo(channel);
    await toggle(channel._id, follower).expect(201);
    const seen = async (token?: string) => {
      const page = await api("get", `/users/c/${channel.username}`, token).expect(200);
      const watched = await api("get", `/videos/${video}`, token).expect(200);
      return [page.body.data, watched.body.data.owner].map(
        ({ isSubscribed, subscribersCount }) => [isSubscribed, subscribersCount] as unknown,
      );
    };
    const [yes, no] = [true, false].map((flag) => [
      [flag, 1],
      [flag, 1],
    ]);
    expect(await seen(follower.accessToken)).toEqual(yes);
    expect(await seen(other.accessToken)).toEqual(no);
    expect(await seen()).toEqual(no);
    const own = await api("get", `/users/c/${follower.username}`).expect(200);
    expect(own.body.data.channelsSubscribedToCount).toBe(1);
  });
});

describe("GET /subscriptions/c/:channelId", () => {
  checkPaging(() => `/subscriptions/c/${asha._id}`, { limit: 50 });

  it("is an empty list for a channel that nobody follows", async () => {
    const [lonely] = (await newCrowd(1)) as [Member];
    const { body } = await api("get", `/subscriptions/c/${lonely._id}`).expect(200);
    expect(body.data).toEqual([]);
    expect(body.pagination).toMatchObject({ totalDocs: 0, page: 1, totalPages: 1 });
  });

  it("has the channel's subscribers, newest first, and whether the viewer follows each", async () => {
    const [channel, a, b, viewer] = (await newCrowd(4)) as [Member, Member, Member, Member];
    for (const who of [a, b, viewer]) {
      await toggle(channel._id, who).expect(201);
    }
    await toggle(a._id, viewer).expect(201);
    const { body } = await api("get", `/subscriptions/c/${channel._id}`, viewer.accessToken);
    expect(body.data).toEqual(
      [viewer, b, a].map((who) => ({
        _id: who._id,
        username: who.username,
        fullName: "Asha Rao",
        avatar: expect.stringContaining(`/api/v1/media/users/${who._id}/`),
        coverImage: "",
        createdAt: expect.any(String),
        subscribersCount: who === a ? 1 : 0,
        isSubscribed: who === a,
        subscribedAt: expect.any(String),
      })),
    );
    expect(body.pagination).toMatchObject({ totalDocs: 3, limit: 50 });
    const anonymous = await api("get", `/subscriptions/c/${channel._id}?limit=2&page=2`);
    expect(anonymous.body.data).toMatchObject([{ _id: a._id, isSubscribed: false }]);
    await toggle(channel._id, b).expect(200);
    expect(idsOf((await api("get", `/subscriptions/c/${channel._id}`)).body)).toEqual([
      viewer._id,
      a._id,
    ]);
  });

  it("is walked by cursor while subscribers come and go, those of one moment by their row", async () => {
    const [channel, late, ...all] = (await newCrowd(9)) as [Member, Member, ...Member[]];
    for (const who of all) {
      await toggle(channel._id, who).expect(201);
    }
    const { channel: stored } = (await Subscription.findOne({ channel: channel._id }))!;
    const moment = { $set: { createdAt: new Date(1e12) } };
    await Subscription.collection.updateMany({ channel: stored }, moment);
    const ids = all.map((who) => who._id).reverse();
    const path = `/subscriptions/c/${channel._id}?limit=2`;
    const seen = await walk(path, undefined, async (page) => {
      if (page === 1) {
        await toggle(channel._id, late).expect(201);
        await toggle(channel._id, all.at(-2)!).expect(200);
        await toggle(channel._id, all.at(-5)!).expect(200);
      }
    });
    expect(seen).toEqual(ids.filter((_, i) => i !== 4));
    const foreign = await cursorOf(`/subscriptions/c/${channel._id}?limit=1`);
    await api("get", `/subscriptions/c/${asha._id}?cursor=${foreign}`).expect(400);
    await api("get", `/subscriptions/u/${channel._id}?cursor=${foreign}`).expect(400);
  });
});

describe("GET /subscriptions/u/:subscriberId", () => {
  checkPaging(() => `/subscriptions/u/${asha._id}`, { limit: 50 });

  it("has the channels that a user follows, newest first, each with its newest published video", async () => {
    const [who, a, b, c] = (await newCrowd(4)) as [Member, Member, Member, Member];
    for (const channel of [a, b, c]) {
      await toggle(channel._id, who).expect(201);
    }
    await toggle(b._id, a).expect(201);
    await addVideo(a, { title: "old" });
    const newest = await addVideo(a, { title: "new" });
    await addVideo(a, { title: "draft", isPublished: false });
    await addVideo(c, { isPublished: false });
    await api("post", `/likes/toggle/v/${newest}`, who.accessToken).expect(201);

    const path = `/subscriptions/u/${who._id}`;
    const { body } = await api("get", `${path}/`, who.accessToken).expect(200);
    expect(idsOf(body)).toEqual([c._id, b._id, a._id]);
    expect(body.data[2]).toEqual({
      _id: a._id,
      username: a.username,
      fullName: "Asha Rao",
      avatar: expect.any(String),
      coverImage: "",
      createdAt: expect.any(String),
      subscribersCount: 1,
      subscribedAt: expect.any(String),
      latestVideo: expect.objectContaining({ _id: newest, title: "new", isLiked: true }),
    });
    expect(body.data.map((row: { latestVideo: unknown }) => row.latestVideo === null)).toEqual([
      true,
      true,
      false,
    ]);
    expect(body.data[1].subscribersCount).toBe(2);
    const anonymous = await api("get", `${path}?limit=1&page=3`).expect(200);
    expect(anonymous.body.data[0].latestVideo).toMatchObject({ _id: newest, isLiked: false });
    expect(anonymous.body.pagination).toMatchObject({ totalDocs: 3, prevPage: 2, nextPage: null });
    const none = await api("get", `/subscriptions/u/${c._id}`).expect(200);
    expect(none.body.data).toEqual([]);
  });

  it("is walked by cursor while one follows and leaves", async () => {
    const [who, late, ...all] = (await newCrowd(7)) as [Member, Member, ...Member[]];
    for (const channel of all) {
      await toggle(channel._id, who).expect(201);
    }
    const ids = all.map((channel) => channel._id).reverse();
    const seen = await walk(`/subscriptions/u/${who._id}?limit=2`, undefined, async (page) => {
      if (page === 1) {
        await toggle(late._id, who).expect(201);
        await toggle(ids[1]!, who).expect(200);
        await toggle(ids[3]!, who).expect(200);
      }
    });
    expect(seen).toEqual(ids.filter((_, i) => i !== 3));
  });
});

describe("GET /subscriptions/videos", () => {
  checkPaging(() => "/subscriptions/videos", { token: () => ravi.accessToken, limit: 10 });

  const feed = async (who: Member, query = "") =>
    (await api("get", `/subscriptions/videos${query}`, who.accessToken).expect(200)).body;

  it("is an empty page for whoever follows nobody", async () => {
    const [nobody] = (await newCrowd(1)) as [Member];
    await addVideo(nobody);
    const { data } = await feed(nobody);
    expect(data).toMatchObject({ docs: [], totalDocs: 0, totalPages: 1, nextCursor: null });
  });

  it("has the published videos of the channels one follows, newest first, with owner and flag", async () => {
    const [who, a, b, stranger] = (await newCrowd(4)) as [Member, Member, Member, Member];
    await toggle(a._id, who).expect(201);
    await toggle(b._id, who).expect(201);
    const videos = [await addVideo(a), await addVideo(b), await addVideo(a)].reverse();
    await addVideo(stranger);
    await addVideo(who);
    const draft = await addVideo(b, { isPublished: false });
    await api("post", `/likes/toggle/v/${videos[1]}`, who.accessToken).expect(201);
    const { data } = await feed(who);
    expect(data.docs).toMatchObject([
      { _id: videos[0], owner: { _id: a._id }, isLiked: false },
      { _id: videos[1], owner: { _id: b._id }, isLiked: true, likesCount: 1 },
      { _id: videos[2], owner: { _id: a._id, username: a.username } },
    ]);
    expect(data.totalDocs).toBe(3);
    await api("patch", `/videos/toggle/publish/${draft}`, b.accessToken).expect(200);
    expect((await feed(who)).data.docs[0]._id).toBe(draft);
    await toggle(b._id, who).expect(200);
    expect(idsOf(await feed(who))).toEqual([videos[0], videos[2]]);
  });

  it("is walked by cursor while videos come and go and while one follows more", async () => {
    const [who, a, b] = (await newCrowd(3)) as [Member, Member, Member];
    await toggle(a._id, who).expect(201);
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) {
      ids.unshift(await addVideo(a));
    }
    const { owner } = (await Video.findById(ids[0]))!;
    await Video.collection.updateMany({ owner }, { $set: { createdAt: new Date(1e12) } });
    const seen = await walk("/subscriptions/videos?limit=2", who.accessToken, async (page) => {
      if (page === 1) {
        await addVideo(a);
        await api("delete", `/videos/${ids[1]}`, a.accessToken).expect(200);
        await api("delete", `/videos/${ids[4]}`, a.accessToken).expect(200);
        await toggle(b._id, who).expect(201);
        await addVideo(b);
      }
    });
    expect(seen).toEqual(ids.filter((_, i) => i !== 4));
    const cursor = await cursorOf("/subscriptions/videos?limit=1", who.accessToken);
    await api("get", `/subscriptions/videos?cursor=${cursor}`, ravi.accessToken).expect(400);
  });
});
