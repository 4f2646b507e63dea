import { Like } from "../../src/models/like.model";
import { api, useApi } from "../support/api";
import { newCrowd, newPerson, type Member, type Person } from "../support/people";
import {
  BODY_KINDS,
  checkIds,
  checkPaging,
  cursorOf,
  docsOf,
  needSignIn,
  NO_ID,
  send,
  walk,
} from "../support/rules";
import { addVideo } from "../support/videos";

useApi();

let asha: Person;
let ravi: Member;
let meera: Member;

beforeAll(async () => {
  asha = await newPerson();
  [ravi, meera] = (await newCrowd(2)) as [Member, Member];
});

/** Ids of one liked thing of each kind, all asha's. */
async function things() {
  const video = await addVideo(asha);
  const comment = await api("post", `/comments/${video}`, asha.accessToken)
    .send({ content: "x" })
    .expect(201);
  const tweet = await api("post", "/tweets", asha.accessToken).send({ content: "x" }).expect(201);
  return { v: video, c: comment.body.data._id as string, t: tweet.body.data._id as string };
}

function toggle(kind: string, id: string, who: Member) {
  return api("post", `/likes/toggle/${kind}/${id}`, who.accessToken);
}

needSignIn([
  ["post", `/likes/toggle/v/${NO_ID}`],
  ["post", `/likes/toggle/c/${NO_ID}`],
  ["post", `/likes/toggle/t/${NO_ID}`],
  ["get", "/likes/videos"],
]);

checkIds(
  [
    ["post", "/likes/toggle/v/:id", "VIDEO_NOT_FOUND"],
    ["post", "/likes/toggle/c/:id", "COMMENT_NOT_FOUND"],
    ["post", "/likes/toggle/t/:id", "TWEET_NOT_FOUND"],
  ],
  () => ravi.accessToken,
);

describe("POST /likes/toggle", () => {
  it("answers 404 to the id of another kind of thing, and stores nothing", async () => {
    const ids = await things();
    for (const kind of ["v", "c", "t"] as const) {
      const others = Object.entries(ids).filter(([other]) => other !== kind);
      for (const [, id] of [...others, ["", asha._id]]) {
        await toggle(kind, id!, ravi).expect(404);
      }
    }
    expect(await Like.countDocuments({ user: ravi._id })).toBe(0);
  });

  it.each([
    ["v", "Video"],
    ["c", "Comment"],
    ["t", "Tweet"],
  ] as const)("/%s is 201 when it goes on, 200 when it goes off", async (kind, name) => {
    const ids = await things();
    const id = ids[kind];
    const on = await toggle(kind, id, ravi).expect(201);
    expect(on.body).toEqual({
      statusCode: 201,
      data: { isLiked: true, likesCount: 1 },
      message: `${name} liked successfully`,
      success: true,
    });
    const second = await toggle(kind, id.toUpperCase(), meera).expect(201);
    expect(second.body.data).toEqual({ isLiked: true, likesCount: 2 });
    const own = await toggle(kind, `${id}/`, asha).expect(201);
    expect(own.body.data).toEqual({ isLiked: true, likesCount: 3 });
    const off = await toggle(kind, id, ravi).expect(200);
    expect(off.body).toEqual({
      statusCode: 200,
      data: { isLiked: false, likesCount: 2 },
      message: `${name} unliked successfully`,
      success: true,
    });
    const rows = await Like.find({ target: id }).sort({ _id: 1 });
    expect(rows.map((row) => row.user.toHexString())).toEqual([meera._id, asha._id]);
  });

  it.each(BODY_KINDS)("does not care for a body (%s)", async (kind) => {
    const id = await addVideo(asha);
    const fields = { isLiked: "false", user: asha._id };
    const path = `/likes/toggle/v/${id}`;
    const { body } = await send("post", path, ravi.accessToken, kind, fields).expect(201);
    expect(body.data).toEqual({ isLiked: true, likesCount: 1 });
    expect((await Like.findOne({ target: id }))!.user.toHexString()).toBe(ravi._id);
  });

  it("answers 404 to strangers of an unpublished video, and 404 when the thing is deleted", async () => {
    const hidden = await addVideo(asha, { isPublished: false });
    await toggle("v", hidden, ravi).expect(404);
    await toggle("v", hidden, asha).expect(201);
    const ids = await things();
    await api("delete", `/tweets/${ids.t}`, asha.accessToken).expect(200);
    await toggle("t", ids.t, ravi).expect(404);
    await api("delete", `/videos/${ids.v}`, asha.accessToken).expect(200);
    await toggle("v", ids.v, ravi).expect(404);
    await toggle("c", ids.c, ravi).expect(404);
  });

  it("shows on the thing, for the viewer who likes it", async () => {
    const ids = await things();
    for (const kind of ["v", "c", "t"] as const) {
      await toggle(kind, ids[kind], ravi).expect(201);
    }
    const seen = async (token?: string) => {
      const replies = await Promise.all([
        api("get", `/videos/${ids.v}`, token).expect(200),
        api("get", `/videos?userId=${asha._id}`, token).expect(200),
        api("get", `/comments/${ids.v}`, token).expect(200),
        api("get", `/tweets/user/${asha._id}`, token).expect(200),
      ]);
      return replies.map(({ body }) => {
        const { isLiked, likesCount } = body.data._id ? body.data : docsOf(body)[0];
        return [isLiked, likesCount];
      });
    };
    expect(await seen(ravi.accessToken)).toEqual(Array.from({ length: 4 }, () => [true, 1]));
    expect(await seen(meera.accessToken)).toEqual(Array.from({ length: 4 }, () => [false, 1]));
    expect(await seen()).toEqual(Array.from({ length: 4 }, () => [false, 1]));
  });
});

describe("GET /likes/videos", () => {
  checkPaging(() => "/likes/videos", { token: () => ravi.accessToken, limit: 50 });

  const list = (who: Member, query = "") => api("get", `/likes/videos${query}`, who.accessToken);
  const ids = async (who: Member, query = "") =>
    docsOf((await list(who, query).expect(200)).body).map((doc: { _id: string }) => doc._id);

  it("is an empty list for whoever likes nothing", async () => {
    const [nobody] = (await newCrowd(1)) as [Member];
    const { body } = await list(nobody).expect(200);
    expect(body.data).toEqual([]);
    expect(body.pagination).toMatchObject({ totalDocs: 0, totalPages: 1, nextCursor: null });
  });

  it("has one's own liked videos with owner, last liked first, and nothing else one likes", async () => {
    const [who] = (await newCrowd(1)) as [Member];
    const { v, c, t } = await things();
    const other = await addVideo(ravi, { title: "Other" });
    await toggle("v", v, meera).expect(201);
    await toggle("v", other, who).expect(201);
    await toggle("v", v, who).expect(201);
    await toggle("c", c, who).expect(201);
    await toggle("t", t, who).expect(201);
    const { body } = await list(who).expect(200);
    expect(body.data).toMatchObject([
      { _id: v, owner: { _id: asha._id, username: asha.username }, isLiked: true, likesCount: 2 },
      { _id: other, owner: { _id: ravi._id }, isLiked: true, likesCount: 1 },
    ]);
    expect(body.pagination).toMatchObject({ totalDocs: 2, page: 1, limit: 50 });
    await toggle("v", other, who).expect(200);
    await toggle("v", other, who).expect(201);
    expect(await ids(who)).toEqual([other, v]);
  });

  it("leaves out what is not visible any more, also from the count, and has it again later", async () => {
    const [who] = (await newCrowd(1)) as [Member];
    const videos: string[] = [];
    for (let i = 0; i < 4; i++) {
      videos.unshift(await addVideo(asha));
      await toggle("v", videos[0]!, who).expect(201);
    }
    const publish = (i: number) =>
      api("patch", `/videos/toggle/publish/${videos[i]}`, asha.accessToken).expect(200);
    await publish(0);
    await publish(2);
    expect(await ids(who)).toEqual([videos[1], videos[3]]);
    expect(await ids(who, "?limit=1")).toEqual([videos[1]]);
    expect(await ids(who, "?limit=1&page=2")).toEqual([videos[3]]);
    expect(await walk("/likes/videos?limit=1", who.accessToken)).toEqual([videos[1], videos[3]]);
    expect((await list(who, "?limit=1")).body.pagination).toMatchObject({
      totalDocs: 2,
      totalPages: 2,
    });
    await publish(0);
    await api("delete", `/videos/${videos[1]}`, asha.accessToken).expect(200);
    expect(await ids(who)).toEqual([videos[0], videos[3]]);
  });

  it("has one's own unpublished videos", async () => {
    const [who] = (await newCrowd(1)) as [Member];
    const hidden = await addVideo(who, { isPublished: false });
    await toggle("v", hidden, who).expect(201);
    expect(await ids(who)).toEqual([hidden]);
  });

  it("is walked by cursor while likes come and go, and likes of one moment go by id", async () => {
    const [who, stranger] = (await newCrowd(2)) as [Member, Member];
    const videos: string[] = [];
    for (let i = 0; i < 7; i++) {
      videos.unshift(await addVideo(asha));
      await toggle("v", videos[0]!, who).expect(201);
    }
    const user = (await Like.findOne({ target: videos[0] }))!.user;
    await Like.collection.updateMany({ user }, { $set: { createdAt: new Date(1e12) } });
    expect(await ids(who)).toEqual(videos);
    const seen = await walk("/likes/videos?limit=2", who.accessToken, async (page) => {
      if (page === 1) {
        await toggle("v", videos[1]!, who).expect(200);
        await toggle("v", videos[4]!, who).expect(200);
        await toggle("v", await addVideo(asha), who).expect(201);
      }
    });
    expect(seen).toEqual(videos.filter((_, i) => i !== 4));

    await toggle("v", videos[0]!, stranger).expect(201);
    await toggle("v", videos[2]!, stranger).expect(201);
    const cursor = await cursorOf("/likes/videos?limit=1", stranger.accessToken);
    await list(stranger, `?limit=1&cursor=${cursor}`).expect(200);
    await list(who, `?limit=1&cursor=${cursor}`).expect(400);
  });
});
