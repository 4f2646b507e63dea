import { Comment } from "../../src/models/comment.model";
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
let meera: Member;
let video: string;

beforeAll(async () => {
  asha = await newPerson();
  [ravi, meera] = (await newCrowd(2)) as [Member, Member];
  video = await addVideo(asha);
});

interface CommentReply {
  _id: string;
  content: string;
  createdAt: string;
}

async function comment(
  who: Member,
  on: string,
  content = "Hello",
  parent?: string,
): Promise<CommentReply> {
  const { body } = await api("post", `/comments/${on}`, who.accessToken)
    .send({ content, parent })
    .expect(201);
  return body.data as CommentReply;
}

async function commentsCount(of: string): Promise<number> {
  return (await Video.findById(of))!.commentsCount;
}

async function contents(path: string, token?: string): Promise<string[]> {
  const { body } = await api("get", path, token).expect(200);
  return docsOf(body).map((doc: CommentReply) => doc.content);
}

needSignIn([
  ["post", `/comments/${NO_ID}`],
  ["patch", `/comments/c/${NO_ID}`],
  ["delete", `/comments/c/${NO_ID}`],
]);

needNobody([
  ["get", `/comments/${NO_ID}`],
  ["get", `/comments/replies/${NO_ID}`],
]);

checkIds(
  [
    ["get", "/comments/:id", "VIDEO_NOT_FOUND"],
    ["post", "/comments/:id", "VIDEO_NOT_FOUND"],
    ["get", "/comments/replies/:id", "COMMENT_NOT_FOUND"],
    ["patch", "/comments/c/:id", "COMMENT_NOT_FOUND"],
    ["delete", "/comments/c/:id", "COMMENT_NOT_FOUND"],
  ],
  () => asha.accessToken,
);

it("answers 404 to the id of another kind of thing", async () => {
  const { _id } = await comment(ravi, video);
  await api("get", `/comments/${_id}`).expect(404);
  await api("post", `/comments/${_id}`, ravi.accessToken).send({ content: "x" }).expect(404);
  for (const id of [video, asha._id]) {
    await api("get", `/comments/replies/${id}`).expect(404);
    await api("patch", `/comments/c/${id}`, asha.accessToken).send({ content: "x" }).expect(404);
    await api("delete", `/comments/c/${id}`, asha.accessToken).expect(404);
  }
});

describe("POST /comments/:videoId", () => {
  it.each([
    {},
    { content: "" },
    { content: " \n " },
    { content: null },
    { content: 7 },
    { content: ["a"] },
    { content: { $gt: "" } },
    { content: "x".repeat(2001) },
    { content: "a\0b" },
    { content: "a\ud800" },
    { content: "x", parent: "x" },
    { content: "x", parent: "" },
    { content: "x", parent: { $ne: null } },
    { content: "x", parent: [NO_ID] },
    [],
  ])("answers 400 for %j and counts nothing", async (body) => {
    const before = await commentsCount(video);
    await api("post", `/comments/${video}`, ravi.accessToken).send(body).expect(400);
    expect(await commentsCount(video)).toBe(before);
  });

  it("answers 400 for JSON that is none and for a field given twice", async () => {
    await api("post", `/comments/${video}`, ravi.accessToken)
      .set("Content-Type", "application/json")
      .send("{oops")
      .expect(400);
    await api("post", `/comments/${video}`, ravi.accessToken)
      .type("form")
      .send("content=a&content=b")
      .expect(400);
  });

  it("answers the comment with its owner, trimmed, and drops what it does not know", async () => {
    const { body } = await api("post", `/comments/${video}/`, ravi.accessToken)
      .send({
        content: "  नमस्ते 👋 \n",
        likesCount: 9,
        repliesCount: 9,
        owner: asha._id,
        video: NO_ID,
        createdAt: "2000-01-01",
        _id: NO_ID,
      })
      .expect(201);
    expect(body.data).toEqual({
      _id: expect.not.stringMatching(NO_ID),
      content: "नमस्ते 👋",
      video,
      owner: {
        _id: ravi._id,
        username: ravi.username,
        fullName: "Asha Rao",
        avatar: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/api\/v1\/media\/users\//),
      },
      parent: null,
      likesCount: 0,
      repliesCount: 0,
      isLiked: false,
      createdAt: expect.stringMatching(/^20[2-9]\d-/),
      updatedAt: body.data.createdAt,
    });
  });

  it.each(BODY_KINDS)("takes a %s body, for comments and replies alike", async (kind) => {
    const path = `/comments/${video}`;
    const { body } = await send("post", path, ravi.accessToken, kind, { content: "a & b" });
    expect(body).toMatchObject({ statusCode: 201, data: { content: "a & b", parent: null } });
    const parent = body.data._id as string;
    const reply = await send("post", path, ravi.accessToken, kind, { content: "c", parent });
    expect(reply.body).toMatchObject({ statusCode: 201, data: { parent } });
  });

  it("takes 2,000 characters and an id in capitals", async () => {
    const longest = "x".repeat(2000);
    expect((await comment(ravi, video.toUpperCase(), longest)).content).toBe(longest);
  });

  it("counts on the video, replies too, without touching its date", async () => {
    const own = await addVideo(asha);
    const before = await Video.findById(own);
    const first = await comment(ravi, own);
    await comment(meera, own, "reply", first._id);
    const after = await Video.findById(own);
    expect(after!.commentsCount).toBe(2);
    expect(after!.updatedAt).toEqual(before!.updatedAt);
    const { body } = await api("get", `/videos/${own}`).expect(200);
    expect(body.data.commentsCount).toBe(2);
  });

  it("joins the thread when a reply is replied to", async () => {
    const thread = await comment(ravi, video);
    const reply = await comment(meera, video, "one", thread._id);
    const { body } = await api("post", `/comments/${video}`, ravi.accessToken)
      .send({ content: "two", parent: reply._id })
      .expect(201);
    expect(body.data.parent).toBe(thread._id);
    expect((await Comment.findById(thread._id))!.repliesCount).toBe(2);
    expect((await Comment.findById(reply._id))!.repliesCount).toBe(0);
    expect(await contents(`/comments/replies/${thread._id}`)).toEqual(["one", "two"]);
  });

  it("answers 404 to a parent that is on another video, is none, or is gone", async () => {
    const elsewhere = await comment(ravi, await addVideo(asha));
    const gone = await comment(ravi, video);
    await api("delete", `/comments/c/${gone._id}`, ravi.accessToken).expect(200);
    const before = await commentsCount(video);
    for (const parent of [elsewhere._id, gone._id, video, NO_ID]) {
      const { body } = await api("post", `/comments/${video}`, ravi.accessToken)
        .send({ content: "x", parent })
        .expect(404);
      expect(body.code).toBe("COMMENT_NOT_FOUND");
    }
    expect(await commentsCount(video)).toBe(before);
    expect((await Comment.findById(elsewhere._id))!.repliesCount).toBe(0);
  });
});

describe("comments on an unpublished video", () => {
  it("are invisible to all but the video's owner, on every path", async () => {
    const hidden = await addVideo(asha);
    const thread = await comment(ravi, hidden, "secret");
    await Video.change((await Video.findById(hidden))!._id, { $set: { isPublished: false } });

    for (const token of [undefined, ravi.accessToken, meera.accessToken]) {
      await api("get", `/comments/${hidden}`, token).expect(404);
      await api("get", `/comments/replies/${thread._id}`, token).expect(404);
    }
    for (const { accessToken } of [ravi, meera]) {
      await api("post", `/comments/${hidden}`, accessToken).send({ content: "x" }).expect(404);
      await api("patch", `/comments/c/${thread._id}`, accessToken)
        .send({ content: "x" })
        .expect(404);
      await api("delete", `/comments/c/${thread._id}`, accessToken).expect(404);
      await api("post", `/likes/toggle/c/${thread._id}`, accessToken).expect(404);
    }
    expect(await contents(`/comments/${hidden}`, asha.accessToken)).toEqual(["secret"]);
    expect(await contents(`/comments/replies/${thread._id}`, asha.accessToken)).toEqual([]);
    await comment(asha, hidden, "mine", thread._id);
    await api("patch", `/comments/c/${thread._id}`, asha.accessToken)
      .send({ content: "x" })
      .expect(403);
    await api("delete", `/comments/c/${thread._id}`, asha.accessToken).expect(200);
    expect(await commentsCount(hidden)).toBe(0);
  });
});

describe("GET /comments/:videoId", () => {
  checkPaging(() => `/comments/${video}`, { limit: 10 });

  it.each(["sortBy=content", "sortBy=$where", "sortBy=createdAt&sortBy=likesCount"])(
    "answers 400 for ?%s",
    async (query) => {
      await api("get", `/comments/${video}?${query}`).expect(400);
    },
  );

  it.each(["sortType=up", "sortType=1", "sortType=asc&sortType=desc"])(
    "answers 400 for ?%s",
    async (query) => {
      await api("get", `/comments/${video}?${query}`).expect(400);
    },
  );

  it("is an empty page where nobody has commented", async () => {
    const { body } = await api("get", `/comments/${await addVideo(asha)}`).expect(200);
    expect(body).toEqual({
      statusCode: 200,
      message: "Comments fetched successfully",
      success: true,
      data: {
        docs: [],
        totalDocs: 0,
        limit: 10,
        page: 1,
        totalPages: 1,
        pagingCounter: 1,
        hasPrevPage: false,
        hasNextPage: false,
        prevPage: null,
        nextPage: null,
        nextCursor: null,
      },
    });
  });

  it("has the top-level comments, newest first, and counts only them", async () => {
    const own = await addVideo(asha);
    const first = await comment(ravi, own, "1");
    await comment(ravi, own, "2");
    await comment(ravi, own, "reply", first._id);
    await comment(ravi, own, "3");
    expect(await contents(`/comments/${own}`)).toEqual(["3", "2", "1"]);
    expect(await contents(`/comments/${own}?sortType=asc`)).toEqual(["1", "2", "3"]);
    const { body } = await api("get", `/comments/${own}?limit=2&page=2`).expect(200);
    expect(body.data).toMatchObject({
      docs: [{ content: "1", repliesCount: 1 }],
      totalDocs: 3,
      totalPages: 2,
      page: 2,
      pagingCounter: 3,
      hasPrevPage: true,
      hasNextPage: false,
      prevPage: 1,
      nextPage: null,
      nextCursor: null,
    });
  });

  it("is sorted by likes when asked, ties by id", async () => {
    const own = await addVideo(asha);
    const rows = [];
    for (const content of ["a", "b", "c", "d"]) {
      rows.push(await comment(ravi, own, content));
    }
    await api("post", `/likes/toggle/c/${rows[1]!._id}`, ravi.accessToken).expect(201);
    await api("post", `/likes/toggle/c/${rows[1]!._id}`, meera.accessToken).expect(201);
    await api("post", `/likes/toggle/c/${rows[0]!._id}`, meera.accessToken).expect(201);
    const list = `/comments/${own}?sortBy=likesCount`;
    expect(await contents(list)).toEqual(["b", "a", "d", "c"]);
    expect(await contents(`${list}&sortType=asc`)).toEqual(["c", "d", "a", "b"]);
    for (const sortType of ["asc", "desc"]) {
      const walked = await walk(`${list}&limit=1&sortType=${sortType}`);
      const { body } = await api("get", `${list}&sortType=${sortType}`);
      expect(walked).toEqual(docsOf(body).map((doc: CommentReply) => doc._id));
    }
  });

  it("orders comments of one moment by id", async () => {
    const own = await addVideo(asha);
    const ids = [];
    for (let i = 0; i < 5; i++) {
      ids.push((await comment(ravi, own))._id);
    }
    const { video: stored } = (await Comment.findById(ids[0]))!;
    await Comment.collection.updateMany({ video: stored }, { $set: { createdAt: new Date(1e12) } });
    expect(await walk(`/comments/${own}?limit=2&sortType=asc`)).toEqual(ids);
    expect(await walk(`/comments/${own}?limit=2`)).toEqual([...ids].reverse());
    const pages = [];
    for (const page of [1, 2, 3]) {
      const { body } = await api("get", `/comments/${own}?limit=2&page=${page}`).expect(200);
      pages.push(...docsOf(body).map((doc: CommentReply) => doc._id));
    }
    expect(pages).toEqual([...ids].reverse());
  });

  it("is walked by cursor without skipping or repeating while comments come and go", async () => {
    const own = await addVideo(asha);
    const rows: CommentReply[] = [];
    for (let i = 0; i < 7; i++) {
      rows.push(await comment(ravi, own, String(i)));
    }
    const ids = rows.map((row) => row._id).reverse();
    const seen = await walk(`/comments/${own}?limit=2`, undefined, async (page) => {
      await comment(ravi, own, "new");
      // The last one that was seen, and one that is still to come.
      if (page === 1) {
        await api("delete", `/comments/c/${ids[1]}`, ravi.accessToken).expect(200);
        await api("delete", `/comments/c/${ids[4]}`, ravi.accessToken).expect(200);
      }
    });
    expect(seen).toEqual(ids.filter((_, i) => i !== 4));
  });

  it("takes the cursors of its own list only", async () => {
    const [own, other] = [await addVideo(asha), await addVideo(asha)];
    for (const on of [own, own, other, other]) {
      const { _id } = await comment(ravi, on);
      await comment(ravi, on, "1", _id);
      await comment(ravi, on, "2", _id);
    }
    const list = `/comments/${own}?limit=1`;
    const { body } = await api("get", list);
    const good = `${list}&cursor=${body.data.nextCursor}`;
    await api("get", good).expect(200);
    await api("get", good.replace("limit=1", "limit=5")).expect(200);
    await api("get", `${good}&sortType=desc`).expect(200);
    const foreign = [
      await cursorOf(`/comments/${other}?limit=1`),
      await cursorOf(`/comments/${own}?limit=1&sortBy=likesCount`),
      await cursorOf(`/comments/${own}?limit=1&sortType=asc`),
      await cursorOf(`/comments/replies/${docsOf(body)[0]._id}?limit=1`),
      await cursorOf("/videos?limit=1"),
    ];
    for (const cursor of foreign) {
      const refused = await api("get", `${list}&cursor=${cursor}`).expect(400);
      expect(refused.body.code).toBe("INVALID_CURSOR");
    }
  });

  it("says what the viewer likes, and that nobody likes anything for anonymous visitors", async () => {
    const own = await addVideo(asha);
    const liked = await comment(asha, own, "liked");
    await comment(asha, own, "other");
    await api("post", `/likes/toggle/c/${liked._id}`, ravi.accessToken).expect(201);
    const flags = async (token?: string) => {
      const { body } = await api("get", `/comments/${own}`, token).expect(200);
      return docsOf(body).map((doc) => [doc.content, doc.isLiked, doc.likesCount]);
    };
    const counts = [
      ["other", false, 0],
      ["liked", false, 1],
    ];
    expect(await flags()).toEqual(counts);
    expect(await flags(meera.accessToken)).toEqual(counts);
    expect(await flags(ravi.accessToken)).toEqual([
      ["other", false, 0],
      ["liked", true, 1],
    ]);
  });
});

describe("GET /comments/replies/:commentId", () => {
  let thread: CommentReply;

  beforeAll(async () => {
    thread = await comment(ravi, video, "thread");
    for (const content of ["1", "2", "3", "4", "5"]) {
      await comment(meera, video, content, thread._id);
    }
  });

  checkPaging(() => `/comments/replies/${thread._id}`, { limit: 10 });

  it("has the replies in the order they were written, with owner and thread", async () => {
    const path = `/comments/replies/${thread._id}`;
    expect(await contents(path)).toEqual(["1", "2", "3", "4", "5"]);
    const { body } = await api("get", `${path}?limit=2&page=2`, ravi.accessToken).expect(200);
    expect(body.data).toMatchObject({ totalDocs: 5, totalPages: 3, page: 2, nextPage: 3 });
    expect(body.data.docs[0]).toMatchObject({
      content: "3",
      parent: thread._id,
      video,
      owner: { _id: meera._id },
      isLiked: false,
    });
  });

  it("is empty for a reply, whose replies are in its thread", async () => {
    const { body } = await api("get", `/comments/replies/${thread._id}`);
    expect(await contents(`/comments/replies/${body.data.docs[0]._id}`)).toEqual([]);
  });

  it("is walked by cursor while replies come and go", async () => {
    const own = await comment(ravi, video);
    const ids: string[] = [];
    for (let i = 0; i < 6; i++) {
      ids.push((await comment(meera, video, String(i), own._id))._id);
    }
    const late: string[] = [];
    const path = `/comments/replies/${own._id}?limit=2`;
    const seen = await walk(path, undefined, async (page) => {
      if (page === 1) {
        await api("delete", `/comments/c/${ids[1]}`, meera.accessToken).expect(200);
        await api("delete", `/comments/c/${ids[3]}`, meera.accessToken).expect(200);
        late.push((await comment(meera, video, "late", own._id))._id);
      }
    });
    expect(seen).toEqual([...ids.filter((_, i) => i !== 3), ...late]);
  });
});

describe("PATCH /comments/c/:commentId", () => {
  it("is for the comment's owner alone, not for the video's", async () => {
    const { _id } = await comment(ravi, video, "before");
    for (const { accessToken } of [asha, meera]) {
      const { body } = await api("patch", `/comments/c/${_id}`, accessToken)
        .send({ content: "after" })
        .expect(403);
      expect(body).toMatchObject({
        code: "FORBIDDEN",
        message: "This comment belongs to someone else",
      });
    }
    expect((await Comment.findById(_id))!.content).toBe("before");
  });

  it.each([{}, { content: "" }, { content: null }, { content: "x".repeat(2001) }, []])(
    "answers 400 for %j",
    async (body) => {
      const { _id } = await comment(ravi, video);
      await api("patch", `/comments/c/${_id}`, ravi.accessToken).send(body).expect(400);
    },
  );

  it.each(BODY_KINDS)("changes the content and nothing else, from a %s body", async (kind) => {
    const before = await comment(ravi, video, "before");
    await api("post", `/likes/toggle/c/${before._id}`, ravi.accessToken).expect(201);
    const fields = { content: " after ", parent: before._id, owner: asha._id, likesCount: "77" };
    const path = `/comments/c/${before._id}/`;
    const { body } = await send("patch", path, ravi.accessToken, kind, fields).expect(200);
    expect(body.data).toEqual({
      ...before,
      content: "after",
      likesCount: 1,
      isLiked: true,
      updatedAt: expect.any(String),
    });
    expect(Date.parse(body.data.updatedAt)).toBeGreaterThan(Date.parse(before.createdAt));
  });
});

describe("DELETE /comments/c/:commentId", () => {
  it("is for the comment's owner and the video's, and for nobody else", async () => {
    const [mine, his] = [await comment(ravi, video), await comment(ravi, video)];
    const refused = await api("delete", `/comments/c/${mine._id}`, meera.accessToken).expect(403);
    expect(refused.body.code).toBe("FORBIDDEN");
    const before = await commentsCount(video);
    const { body } = await api("delete", `/comments/c/${mine._id}/`, ravi.accessToken).expect(200);
    expect(body.data).toEqual({ commentId: mine._id });
    await api("delete", `/comments/c/${his._id}`, asha.accessToken).expect(200);
    expect(await commentsCount(video)).toBe(before - 2);
    for (const { _id } of [mine, his]) {
      await api("delete", `/comments/c/${_id}`, ravi.accessToken).expect(404);
      await api("patch", `/comments/c/${_id}`, ravi.accessToken).send({ content: "x" }).expect(404);
      await api("get", `/comments/replies/${_id}`).expect(404);
      await api("post", `/likes/toggle/c/${_id}`, ravi.accessToken).expect(404);
    }
  });

  it("takes the replies along and counts them off; the owner of a thread cannot delete single replies", async () => {
    const own = await addVideo(asha);
    const thread = await comment(ravi, own);
    const replies = [
      await comment(meera, own, "1", thread._id),
      await comment(meera, own, "2", thread._id),
    ];
    await comment(meera, own, "stays");
    await api("delete", `/comments/c/${replies[0]!._id}`, ravi.accessToken).expect(403);
    await api("delete", `/comments/c/${replies[0]!._id}`, meera.accessToken).expect(200);
    expect((await Comment.findById(thread._id))!.repliesCount).toBe(1);
    expect(await commentsCount(own)).toBe(3);
    await api("delete", `/comments/c/${thread._id}`, ravi.accessToken).expect(200);
    expect(await commentsCount(own)).toBe(1);
    expect(await contents(`/comments/${own}`)).toEqual(["stays"]);
    await api("post", `/likes/toggle/c/${replies[1]!._id}`, ravi.accessToken).expect(404);
  });
});
