import { Tweet } from "../../src/models/tweet.model";
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

interface TweetReply {
  _id: string;
  content: string;
  createdAt: string;
}

async function tweet(who: Member, content = "Hello"): Promise<TweetReply> {
  const { body } = await api("post", "/tweets", who.accessToken).send({ content }).expect(201);
  return body.data as TweetReply;
}

const idsOf = (body: unknown) => docsOf(body).map((doc: TweetReply) => doc._id);

async function tweetsCount(who: Member): Promise<number> {
  const { body } = await api("get", `/users/c/${who.username}`).expect(200);
  return body.data.tweetsCount as number;
}

needSignIn([
  ["post", "/tweets"],
  ["patch", `/tweets/${NO_ID}`],
  ["delete", `/tweets/${NO_ID}`],
]);

needNobody([
  ["get", "/tweets"],
  ["get", `/tweets/user/${NO_ID}`],
]);

checkIds(
  [
    ["patch", "/tweets/:id", "TWEET_NOT_FOUND"],
    ["delete", "/tweets/:id", "TWEET_NOT_FOUND"],
  ],
  () => asha.accessToken,
);

describe("POST /tweets", () => {
  it.each([
    {},
    { content: "" },
    { content: "   " },
    { content: null },
    { content: 1 },
    { content: ["a"] },
    { content: { $gt: "" } },
    { content: "x".repeat(281) },
    { content: "\0" },
    [],
  ])("answers 400 for %j and stores nothing", async (body) => {
    const before = await tweetsCount(ravi);
    const reply = await api("post", "/tweets", ravi.accessToken).send(body).expect(400);
    expect(reply.body.errors).toHaveLength(1);
    expect(await tweetsCount(ravi)).toBe(before);
    expect(await Tweet.countDocuments({ owner: ravi._id })).toBe(before);
  });

  it("answers 400 without a body and for JSON that is none", async () => {
    await api("post", "/tweets", ravi.accessToken).expect(400);
    const { body } = await api("post", "/tweets", ravi.accessToken)
      .set("Content-Type", "application/json")
      .send('{"content":')
      .expect(400);
    expect(body.code).toBe("INVALID_JSON");
  });

  it("answers 415 for JSON that is not called so, and says how to send it", async () => {
    for (const type of ["text/plain;charset=UTF-8", "application/octet-stream"]) {
      const { body } = await api("post", "/tweets", ravi.accessToken)
        .set("Content-Type", type)
        .send('{"content":"Hello"}')
        .expect(415);
      expect(body.code).toBe("UNSUPPORTED_MEDIA_TYPE");
      expect(body.message).toContain("application/json");
    }
  });

  it.each(BODY_KINDS)("takes a %s body and answers the tweet with its owner", async (kind) => {
    const before = await tweetsCount(asha);
    const fields = { content: "  50% & more 🎉 ", owner: ravi._id, likesCount: "9", _id: NO_ID };
    const { body } = await send("post", "/tweets/", asha.accessToken, kind, fields).expect(201);
    expect(body.data).toEqual({
      _id: expect.not.stringMatching(NO_ID),
      content: "50% & more 🎉",
      owner: {
        _id: asha._id,
        username: asha.username,
        fullName: "Asha Rao",
        avatar: expect.stringContaining("/api/v1/media/users/"),
      },
      likesCount: 0,
      isLiked: false,
      createdAt: expect.any(String),
      updatedAt: body.data.createdAt,
    });
    expect(await tweetsCount(asha)).toBe(before + 1);
  });

  it("takes 280 characters", async () => {
    expect((await tweet(ravi, "x".repeat(280))).content).toHaveLength(280);
  });
});

describe("GET /tweets", () => {
  checkPaging(() => "/tweets", { limit: 10 });

  it("has the tweets of all, newest first, with their number", async () => {
    const [a, b, c] = [await tweet(asha, "a"), await tweet(ravi, "b"), await tweet(asha, "c")];
    const { body } = await api("get", "/tweets?limit=3").expect(200);
    expect(idsOf(body)).toEqual([c._id, b._id, a._id]);
    expect(body.data.totalDocs).toBe(await Tweet.countDocuments());
    expect(body.data.docs[1]).toMatchObject({ owner: { _id: ravi._id }, isLiked: false });
    const second = await api("get", "/tweets?limit=1&page=2").expect(200);
    expect(idsOf(second.body)).toEqual([b._id]);
    expect(second.body.data).toMatchObject({ page: 2, prevPage: 1, nextPage: 3, pagingCounter: 2 });
  });

  it("is walked by cursor while tweets come and go", async () => {
    await Promise.all(Array.from({ length: 6 }, () => tweet(ravi)));
    const all = await walk("/tweets?limit=100");
    const seen = await walk("/tweets?limit=3", undefined, async (page) => {
      if (page === 1) {
        await tweet(asha);
        const owner = (await Tweet.findById(all[4]))!.owner.toHexString();
        const token = owner === asha._id ? asha.accessToken : ravi.accessToken;
        await api("delete", `/tweets/${all[4]}`, token).expect(200);
      }
    });
    expect(seen).toEqual(all.filter((_, i) => i !== 4));
  });
});

describe("GET /tweets/user/:userId", () => {
  checkPaging(() => `/tweets/user/${asha._id}`, { limit: 50 });

  it.each([
    ["%20", 400],
    ["%00", 400],
    ["x".repeat(51), 400],
    ["nobody-at-all", 404],
    [NO_ID, 404],
  ])("answers %s with %d", async (name, status) => {
    await api("get", `/tweets/user/${name}`).expect(status);
  });

  it("answers 404 to the id of another kind of thing", async () => {
    const { _id } = await tweet(asha);
    for (const id of [_id, await addVideo(asha)]) {
      const { body } = await api("get", `/tweets/user/${id}`).expect(404);
      expect(body.code).toBe("CHANNEL_NOT_FOUND");
    }
  });

  it("is an empty list for whoever has not tweeted", async () => {
    const [quiet] = (await newCrowd(1)) as [Member];
    const { body } = await api("get", `/tweets/user/${quiet._id}`).expect(200);
    expect(body.data).toEqual([]);
    expect(body.pagination).toEqual({
      totalDocs: 0,
      limit: 50,
      page: 1,
      totalPages: 1,
      pagingCounter: 1,
      hasPrevPage: false,
      hasNextPage: false,
      prevPage: null,
      nextPage: null,
      nextCursor: null,
    });
  });

  it("has one channel's tweets, newest first, by id or username in any case", async () => {
    const [who] = (await newCrowd(1)) as [Member];
    const tweets = [await tweet(who, "1"), await tweet(who, "2"), await tweet(who, "3")];
    await tweet(ravi);
    const expected = tweets.map((row) => row._id).reverse();
    for (const name of [who._id, who._id.toUpperCase(), who.username, who.username.toUpperCase()]) {
      const { body } = await api("get", `/tweets/user/${name}/`).expect(200);
      expect(idsOf(body)).toEqual(expected);
      expect(body.pagination.totalDocs).toBe(3);
    }
    const { body } = await api("get", `/tweets/user/${who._id}?limit=2&page=2`).expect(200);
    expect(idsOf(body)).toEqual([tweets[0]!._id]);
  });

  it("orders tweets of one moment by id, in pages and by cursor; another's cursor is refused", async () => {
    const [who] = (await newCrowd(1)) as [Member];
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      ids.unshift((await tweet(who))._id);
    }
    const { owner } = (await Tweet.findById(ids[0]))!;
    await Tweet.collection.updateMany({ owner }, { $set: { createdAt: new Date(1e12) } });
    const path = `/tweets/user/${who.username}?limit=2`;
    expect(await walk(path)).toEqual(ids);
    for (const foreign of ["/tweets?limit=1", `/tweets/user/${asha._id}?limit=1`]) {
      await api("get", `${path}&cursor=${await cursorOf(foreign)}`).expect(400);
    }
    await api("get", `/tweets?cursor=${await cursorOf(path)}`).expect(400);
  });

  it("says what the viewer likes", async () => {
    const [who] = (await newCrowd(1)) as [Member];
    const { _id } = await tweet(who);
    await api("post", `/likes/toggle/t/${_id}`, ravi.accessToken).expect(201);
    const flag = async (token?: string) =>
      docsOf((await api("get", `/tweets/user/${who._id}`, token)).body)[0].isLiked;
    expect([await flag(), await flag(asha.accessToken), await flag(ravi.accessToken)]).toEqual([
      false,
      false,
      true,
    ]);
  });
});

describe("PATCH /tweets/:tweetId", () => {
  it("is for its owner alone", async () => {
    const { _id } = await tweet(asha, "before");
    const { body } = await api("patch", `/tweets/${_id}`, ravi.accessToken)
      .send({ content: "after" })
      .expect(403);
    expect(body).toMatchObject({
      code: "FORBIDDEN",
      message: "This tweet belongs to someone else",
    });
    expect((await Tweet.findById(_id))!.content).toBe("before");
    await api("patch", `/tweets/${asha._id}`, asha.accessToken).send({ content: "x" }).expect(404);
  });

  it.each([{}, { content: "" }, { content: "x".repeat(281) }, { content: [] }])(
    "answers 400 for %j",
    async (body) => {
      const { _id } = await tweet(asha);
      await api("patch", `/tweets/${_id}`, asha.accessToken).send(body).expect(400);
    },
  );

  it.each(BODY_KINDS)("changes the content and nothing else, from a %s body", async (kind) => {
    const before = await tweet(asha, "before");
    await api("post", `/likes/toggle/t/${before._id}`, asha.accessToken).expect(201);
    const fields = { content: "after", owner: ravi._id, createdAt: "2000-01-01" };
    const path = `/tweets/${before._id}/`;
    const { body } = await send("patch", path, asha.accessToken, kind, fields).expect(200);
    expect(body.data).toEqual({
      ...before,
      content: "after",
      likesCount: 1,
      isLiked: true,
      updatedAt: expect.any(String),
    });
    expect(body.data.updatedAt).not.toBe(before.createdAt);
  });
});

describe("DELETE /tweets/:tweetId", () => {
  it("is for its owner alone; then the tweet is gone and counted off", async () => {
    const { _id } = await tweet(asha);
    const before = await tweetsCount(asha);
    await api("delete", `/tweets/${_id}`, ravi.accessToken).expect(403);
    const { body } = await api("delete", `/tweets/${_id}/`, asha.accessToken).expect(200);
    expect(body.data).toEqual({ tweetId: _id });
    expect(await tweetsCount(asha)).toBe(before - 1);
    await api("delete", `/tweets/${_id}`, asha.accessToken).expect(404);
    await api("patch", `/tweets/${_id}`, asha.accessToken).send({ content: "x" }).expect(404);
    expect(await walk("/tweets?limit=100")).not.toContain(_id);
  });
});
