import { api, useApi } from "../support/api";
import { newCrowd, type Member } from "../support/people";
import { checkPaging, cursorOf, docsOf, needSignIn, walk } from "../support/rules";
import { addVideo } from "../support/videos";

useApi();

let asha: Member;
let ravi: Member;

beforeAll(async () => {
  [asha, ravi] = (await newCrowd(2)) as [Member, Member];
});

needSignIn([
  ["get", "/dashboard/stats"],
  ["get", "/dashboard/videos"],
]);

describe("GET /dashboard/stats", () => {
  const stats = async (who: Member) =>
    (await api("get", "/dashboard/stats/", who.accessToken).expect(200)).body.data;

  it("is all zeros for a new channel", async () => {
    const [fresh] = (await newCrowd(1)) as [Member];
    expect(await stats(fresh)).toEqual({
      totalVideos: 0,
      totalViews: 0,
      totalSubscribers: 0,
      totalLikes: 0,
      totalComments: 0,
      totalTweets: 0,
      totalPlaylists: 0,
    });
  });

  it("has the totals of one's own channel, unpublished videos and private playlists included", async () => {
    const [who, fan] = (await newCrowd(2)) as [Member, Member];
    const post = async (by: Member, path: string, body: object = {}) => {
      const reply = await api("post", path, by.accessToken).send(body);
      expect([200, 201]).toContain(reply.status);
      return reply.body.data._id as string;
    };
    const video = await addVideo(who, { views: 5 });
    const draft = await addVideo(who, { views: 2, isPublished: false });
    const foreign = await addVideo(fan, { views: 100 });
    for (const by of [who, fan]) {
      await post(by, `/likes/toggle/v/${video}`);
      await post(by, `/likes/toggle/v/${foreign}`);
      const thread = await post(by, `/comments/${video}`, { content: "x" });
      await post(by, `/comments/${video}`, { content: "x", parent: thread });
      await post(by, `/comments/${foreign}`, { content: "x" });
      await post(by, `/likes/toggle/c/${thread}`);
    }
    await post(who, `/comments/${draft}`, { content: "x" });
    await post(fan, `/subscriptions/c/${who._id}`);
    await post(who, `/subscriptions/c/${fan._id}`);
    await post(who, `/subscriptions/c/${asha._id}`);
    const tweet = await post(who, "/tweets", { content: "x" });
    await post(fan, `/likes/toggle/t/${tweet}`);
    await post(who, "/playlist", { name: "x" });
    await post(who, "/playlist", { name: "y", isPublic: false });
    await post(fan, "/playlist", { name: "z" });
    expect(await stats(who)).toEqual({
      totalVideos: 2,
      totalViews: 7,
      totalSubscribers: 1,
      totalLikes: 2,
      totalComments: 5,
      totalTweets: 1,
      totalPlaylists: 2,
    });

    await api("delete", `/videos/${video}`, who.accessToken).expect(200);
    await api("delete", `/tweets/${tweet}`, who.accessToken).expect(200);
    await post(fan, `/subscriptions/c/${who._id}`);
    expect(await stats(who)).toEqual({
      totalVideos: 1,
      totalViews: 2,
      totalSubscribers: 0,
      totalLikes: 0,
      totalComments: 1,
      totalTweets: 0,
      totalPlaylists: 2,
    });
  });
});

describe("GET /dashboard/videos", () => {
  checkPaging(() => "/dashboard/videos", { token: () => asha.accessToken, limit: 50 });

  it.each(["sortBy=password", "sortBy=relevance", "sortBy=views&sortBy=title", "sortType=up"])(
    "answers 400 for ?%s",
    async (query) => {
      await api("get", `/dashboard/videos?${query}`, asha.accessToken).expect(400);
    },
  );

  const list = async (who: Member, query = "") =>
    (await api("get", `/dashboard/videos${query}`, who.accessToken).expect(200)).body;
  const titles = async (who: Member, query = "") =>
    docsOf(await list(who, query)).map((doc: { title: string }) => doc.title);

  it("is an empty list for a channel without videos", async () => {
    const [fresh] = (await newCrowd(1)) as [Member];
    const body = await list(fresh);
    expect(body.data).toEqual([]);
    expect(body.pagination).toMatchObject({ totalDocs: 0, totalPages: 1 });
  });

  it("has one's own videos with owner, unpublished ones too, newest first or as asked", async () => {
    const [who] = (await newCrowd(1)) as [Member];
    await addVideo(ravi);
    await addVideo(who, { title: "b", views: 3, duration: 9 });
    const draft = await addVideo(who, { title: "c", views: 1, duration: 7, isPublished: false });
    await addVideo(who, { title: "a", views: 2, duration: 8 });
    await api("post", `/likes/toggle/v/${draft}`, who.accessToken).expect(201);

    expect(await titles(who)).toEqual(["a", "c", "b"]);
    expect(await titles(who, "?sortType=asc")).toEqual(["b", "c", "a"]);
    expect(await titles(who, "?sortBy=createdAt&sortType=desc")).toEqual(["a", "c", "b"]);
    expect(await titles(who, "?sortBy=title&sortType=asc")).toEqual(["a", "b", "c"]);
    expect(await titles(who, "?sortBy=views")).toEqual(["b", "a", "c"]);
    expect(await titles(who, "?sortBy=duration&sortType=asc")).toEqual(["c", "a", "b"]);
    const body = await list(who, "?limit=1&page=2");
    expect(body.data).toMatchObject([
      { _id: draft, isPublished: false, isLiked: true, likesCount: 1, owner: { _id: who._id } },
    ]);
    expect(body.pagination).toMatchObject({
      totalDocs: 3,
      totalPages: 3,
      prevPage: 1,
      nextPage: 3,
    });
  });

  it("is walked by cursor in every order while videos come and go, equal ones by id", async () => {
    const [who] = (await newCrowd(1)) as [Member];
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) {
      ids.unshift(await addVideo(who, { views: Math.floor(i / 4) }));
    }
    const walked = (query: string, between?: (page: number) => Promise<unknown>) =>
      walk(`/dashboard/videos?limit=2${query}`, who.accessToken, between);
    for (const query of ["", "&sortBy=views", "&sortBy=title", "&sortBy=duration"]) {
      expect(await walked(query)).toEqual(ids);
      expect(await walked(`${query}&sortType=asc`)).toEqual([...ids].reverse());
    }
    const cursor = await cursorOf("/dashboard/videos?limit=1", who.accessToken);
    await api("get", `/dashboard/videos?cursor=${cursor}`, ravi.accessToken).expect(400);
    await api("get", `/dashboard/videos?sortType=asc&cursor=${cursor}`, who.accessToken).expect(
      400,
    );
    const seen = await walked("", async (page) => {
      if (page === 1) {
        await addVideo(who);
        await api("delete", `/videos/${ids[1]}`, who.accessToken).expect(200);
        await api("delete", `/videos/${ids[4]}`, who.accessToken).expect(200);
      }
    });
    expect(seen).toEqual(ids.filter((_, i) => i !== 4));
  });
});
