import { api, useApi } from "../support/api";
import { newCrowd, type Member } from "../support/people";
import { checkIds, docsOf, needNobody, NO_ID } from "../support/rules";
import { addVideo } from "../support/videos";

useApi();

let asha: Member;
let ravi: Member;

beforeAll(async () => {
  [asha, ravi] = (await newCrowd(2)) as [Member, Member];
});

needNobody([["get", `/videos/related/${NO_ID}`]]);

checkIds([["get", "/videos/related/:id", "VIDEO_NOT_FOUND"]], () => asha.accessToken);

const related = async (id: string, query = "", token?: string) =>
  (await api("get", `/videos/related/${id}${query}`, token).expect(200)).body;

const idsOf = (body: unknown) => docsOf(body).map((doc: { _id: string }) => doc._id);

it("is an empty list where there is no other video", async () => {
  const only = await addVideo(asha);
  const body = await related(only, "/");
  expect(body).toEqual({
    statusCode: 200,
    message: "Related videos fetched successfully",
    success: true,
    data: [],
    pagination: {
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

it("has videos with the same tags first, then the channel's, then the newest, never itself", async () => {
  const tags = ["walk", "jaipur"];
  const other = await addVideo(ravi);
  const oneTag = await addVideo(ravi, { tags: ["walk", "delhi"] });
  const channel = await addVideo(asha);
  const bothTags = await addVideo(ravi, { tags: ["jaipur", "walk"] });
  const tagAndChannel = await addVideo(asha, { tags: ["jaipur"] });
  const newest = await addVideo(ravi, { tags: ["delhi"] });
  const draft = await addVideo(asha, { tags, isPublished: false });
  const video = await addVideo(asha, { tags });
  await api("post", `/likes/toggle/v/${oneTag}`, ravi.accessToken).expect(201);

  const body = await related(video, "?limit=6", ravi.accessToken);
  const expected = [bothTags, tagAndChannel, oneTag, channel];
  expect(idsOf(body).slice(0, 4)).toEqual(expected);
  expect(body.data[2]).toMatchObject({ isLiked: true, owner: { _id: ravi._id } });
  expect((await related(video)).data[2].isLiked).toBe(false);
  const all = idsOf(await related(video, "?limit=100", asha.accessToken));
  expect(all.slice(-2)).toEqual([newest, other]);
  expect(all).not.toContain(video);
  expect(all).not.toContain(draft);
  expect(idsOf(await related(video, "?limit=2"))).toEqual(expected.slice(0, 2));
});

it.each([...["limit=0", "limit=-1", "limit=1.5", "limit=abc", "limit=", "limit=1&limit=2"]])(
  "answers 400 for ?%s",
  async (query) => {
    await api("get", `/videos/related/${await addVideo(asha)}?${query}`).expect(400);
  },
);

it("serves a limit above 100 as 100 and drops what it does not know", async () => {
  const video = await addVideo(asha);
  for (const query of ["?limit=101", "?limit=1000000000&sortBy=nothing&page=abc"]) {
    expect((await related(video, query)).pagination.limit).toBe(100);
  }
});

it("is 404 for strangers of an unpublished video, and open to its owner", async () => {
  const draft = await addVideo(asha, { isPublished: false });
  await api("get", `/videos/related/${draft}`).expect(404);
  await api("get", `/videos/related/${draft}`, ravi.accessToken).expect(404);
  await api("get", `/videos/related/${draft}`, asha.accessToken).expect(200);
});
