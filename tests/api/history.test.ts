import { Video } from "../../src/models/video.model";
import { WatchHistory } from "../../src/models/watch-history.model";
import { api, useApi } from "../support/api";
import { newCrowd, type Member } from "../support/people";
import {
  BODY_KINDS,
  checkPaging,
  cursorOf,
  docsOf,
  MALFORMED_IDS,
  needSignIn,
  NO_ID,
  send,
  walk,
} from "../support/rules";
import { addVideo } from "../support/videos";

useApi();

let asha: Member;
let ravi: Member;

beforeAll(async () => {
  [asha, ravi] = (await newCrowd(2)) as [Member, Member];
});

function watch(who: Member, videoId: unknown, position?: unknown) {
  return api("post", "/users/history", who.accessToken).send({ videoId, position });
}

async function history(who: Member, query = "") {
  const { body } = await api("get", `/users/history${query}`, who.accessToken).expect(200);
  return body;
}

const ids = async (who: Member, query = "") =>
  docsOf(await history(who, query)).map((doc: { _id: string }) => doc._id);

needSignIn([
  ["get", "/users/history"],
  ["post", "/users/history"],
  ["delete", "/users/history"],
  ["delete", `/users/history/${NO_ID}`],
]);

describe("POST /users/history", () => {
  it.each([
    [{}, 400],
    [{ videoId: null }, 400],
    [{ videoId: 7 }, 400],
    [{ videoId: "" }, 400],
    [{ videoId: [NO_ID] }, 400],
    [{ videoId: { $ne: null } }, 400],
    [{ videoId: NO_ID, position: -1 }, 400],
    [{ videoId: NO_ID, position: "soon" }, 400],
    [{ videoId: NO_ID, position: "" }, 400],
    [{ videoId: NO_ID, position: null }, 400],
    [{ videoId: NO_ID, position: "Infinity" }, 400],
    [{ videoId: NO_ID, position: 1e9 }, 400],
    [[], 400],
    [{ videoId: NO_ID }, 404],
  ])("answers %j with %d", async (body, status) => {
    await api("post", "/users/history", ravi.accessToken).send(body).expect(status);
    expect(await WatchHistory.countDocuments({ user: ravi._id })).toBe(0);
  });

  it("answers 400 to what is no id, 404 to another kind of thing and to what one may not see", async () => {
    for (const id of MALFORMED_IDS) {
      await watch(ravi, id).expect(400);
    }
    const hidden = await addVideo(asha, { isPublished: false });
    for (const id of [asha._id, hidden]) {
      const { body } = await watch(ravi, id).expect(404);
      expect(body.code).toBe("VIDEO_NOT_FOUND");
    }
    await watch(asha, hidden).expect(200);
    await api("delete", `/videos/${hidden}`, asha.accessToken).expect(200);
    await watch(asha, hidden).expect(404);
  });

  it.each(BODY_KINDS)("takes a %s body; a position that is not given stays", async (kind) => {
    const [who] = (await newCrowd(1)) as [Member];
    const video = await addVideo(asha);
    const post = async (fields: Record<string, string>) => {
      const all = { videoId: video.toUpperCase(), user: asha._id, watchedAt: "2000", ...fields };
      const path = "/users/history/";
      const { body } = await send("post", path, who.accessToken, kind, all).expect(200);
      return body;
    };
    const first = await post({});
    expect(first).toEqual({
      statusCode: 200,
      message: "Video added to watch history",
      success: true,
      data: { videoId: video, watchedAt: expect.stringMatching(/^20[2-9]\d-/), position: 0 },
    });
    expect((await post({ position: "12.5" })).data.position).toBe(12.5);
    expect((await post({})).data.position).toBe(12.5);
    expect((await post({ position: "0" })).data.position).toBe(0);
    expect(await ids(who)).toEqual([video]);
    expect(await WatchHistory.countDocuments({ user: asha._id, video })).toBe(0);
  });

  it("does not count a view", async () => {
    const video = await addVideo(asha);
    await watch(ravi, video, 3).expect(200);
    expect((await Video.findById(video))!.views).toBe(0);
    await api("delete", "/users/history", ravi.accessToken).expect(200);
  });
});

describe("GET /users/history", () => {
  checkPaging(() => "/users/history", { token: () => ravi.accessToken, limit: 50 });

  it("is an empty list for whoever has watched nothing", async () => {
    const [fresh] = (await newCrowd(1)) as [Member];
    const body = await history(fresh);
    expect(body.data).toEqual([]);
    expect(body.pagination).toMatchObject({ totalDocs: 0, totalPages: 1, nextCursor: null });
  });

  it("has each video once with owner, moment and position, last watched first", async () => {
    const [who, other] = (await newCrowd(2)) as [Member, Member];
    const [a, b, c] = [await addVideo(asha), await addVideo(asha), await addVideo(asha)];
    await watch(who, a, 4).expect(200);
    await api("get", `/videos/${b}`, who.accessToken).expect(200);
    await watch(who, c).expect(200);
    expect(await ids(who)).toEqual([c, b, a]);
    await api("get", `/videos/${a}`, who.accessToken).expect(200);
    await api("post", `/likes/toggle/v/${a}`, who.accessToken).expect(201);
    const body = await history(who, "/");
    expect(body.data).toMatchObject([
      { _id: a, position: 4, isLiked: true, owner: { _id: asha._id, username: asha.username } },
      { _id: c, position: 0, isLiked: false },
      { _id: b, position: 0 },
    ]);
    expect(body.pagination.totalDocs).toBe(3);
    await api("post", `/videos/${b}/view`, who.accessToken)
      .send({ position: 7, watched: 2 })
      .expect(200);
    const page = await history(who, "?limit=1");
    expect(page.data).toMatchObject([{ _id: b, position: 7 }]);
    expect(page.pagination).toMatchObject({ totalPages: 3, nextPage: 2 });
    expect(await ids(who, "?limit=1&page=3")).toEqual([c]);
    await watch(other, c).expect(200);
    expect(await ids(other)).toEqual([c]);
  });

  it("is not touched by a HEAD, a prefetch or an anonymous look", async () => {
    const [who] = (await newCrowd(1)) as [Member];
    const video = await addVideo(asha);
    await api("head", `/videos/${video}`, who.accessToken).expect(200);
    await api("get", `/videos/${video}`, who.accessToken).set("Sec-Purpose", "prefetch");
    await api("get", `/videos/${video}`).expect(200);
    expect(await ids(who)).toEqual([]);
  });

  it("leaves out what is not visible any more, also from the count", async () => {
    const [who] = (await newCrowd(1)) as [Member];
    const videos: string[] = [];
    for (let i = 0; i < 4; i++) {
      videos.unshift(await addVideo(asha));
      await watch(who, videos[0]).expect(200);
    }
    await api("patch", `/videos/toggle/publish/${videos[0]}`, asha.accessToken).expect(200);
    await api("delete", `/videos/${videos[2]}`, asha.accessToken).expect(200);
    expect(await ids(who)).toEqual([videos[1], videos[3]]);
    expect((await history(who, "?limit=1")).pagination).toMatchObject({
      totalDocs: 2,
      totalPages: 2,
    });
    expect(await ids(who, "?limit=1&page=2")).toEqual([videos[3]]);
    await api("patch", `/videos/toggle/publish/${videos[0]}`, asha.accessToken).expect(200);
    expect(await ids(who)).toEqual([videos[0], videos[1], videos[3]]);
  });

  it("is walked by cursor while one watches on, things of one moment by their row", async () => {
    const [who] = (await newCrowd(1)) as [Member];
    for (let i = 0; i < 7; i++) {
      await watch(who, await addVideo(asha)).expect(200);
    }
    const { user } = (await WatchHistory.findOne({ user: who._id }))!;
    await WatchHistory.collection.updateMany({ user }, { $set: { watchedAt: new Date(1e12) } });
    // A server that makes the ids of upserted rows need not make them in their order.
    const rows = await WatchHistory.find({ user }).sort({ _id: -1 });
    const videos = rows.map((row) => row.video.toHexString());
    const seen = await walk("/users/history?limit=2", who.accessToken, async (page) => {
      if (page === 1) {
        await watch(who, videos[0]).expect(200);
        await watch(who, await addVideo(asha)).expect(200);
        await api("delete", `/users/history/${videos[1]}`, who.accessToken).expect(200);
        await api("delete", `/users/history/${videos[4]}`, who.accessToken).expect(200);
      }
    });
    expect(seen).toEqual(videos.filter((_, i) => i !== 4));
    const cursor = await cursorOf("/users/history?limit=1", who.accessToken);
    await api("get", `/users/history?cursor=${cursor}`, ravi.accessToken).expect(400);
  });
});

describe("DELETE /users/history", () => {
  it("forgets one video of one's own, or all; what is not there is no error", async () => {
    const [who, other] = (await newCrowd(2)) as [Member, Member];
    const [a, b] = [await addVideo(asha), await addVideo(asha)];
    for (const video of [a, b]) {
      await watch(who, video).expect(200);
      await watch(other, video).expect(200);
    }
    for (const id of MALFORMED_IDS) {
      await api("delete", `/users/history/${id}`, who.accessToken).expect(400);
    }
    for (const id of [a.toUpperCase(), a, NO_ID]) {
      const one = await api("delete", `/users/history/${id}/`, who.accessToken).expect(200);
      expect(one.body.data).toEqual({});
    }
    expect(await ids(who)).toEqual([b]);
    for (let i = 0; i < 2; i++) {
      const all = await api("delete", "/users/history/", who.accessToken).expect(200);
      expect(all.body.data).toEqual({});
    }
    expect(await ids(who)).toEqual([]);
    expect(await ids(other)).toEqual([b, a]);
    await watch(who, b).expect(200);
    expect(await ids(who)).toEqual([b]);
  });
});
