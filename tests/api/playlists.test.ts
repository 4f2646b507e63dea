import { Playlist } from "../../src/models/playlist.model";
import { api, useApi } from "../support/api";
import { newCrowd, newPerson, type Member, type Person } from "../support/people";
import {
  BODY_KINDS,
  checkIds,
  checkPaging,
  cursorOf,
  docsOf,
  MALFORMED_IDS,
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

interface PlaylistReply {
  _id: string;
  name: string;
  createdAt: string;
  updatedAt: string;
}

async function newPlaylist(
  who: Member,
  fields: Record<string, unknown> = {},
): Promise<PlaylistReply> {
  const { body } = await api("post", "/playlist", who.accessToken)
    .send({ name: "Walks", ...fields })
    .expect(201);
  return body.data as PlaylistReply;
}

/** A playlist of asha's with as many videos, oldest first. */
async function filled(size: number, fields: Record<string, unknown> = {}) {
  const { _id } = await newPlaylist(asha, fields);
  const videos: string[] = [];
  for (let i = 0; i < size; i++) {
    videos.push(await addVideo(asha, { title: String(i), views: i + 1 }));
    await edit("add", videos[i]!, _id).expect(200);
  }
  return { _id, videos };
}

function edit(verb: "add" | "remove", video: string, playlist: string, who: Member = asha) {
  return api("patch", `/playlist/${verb}/${video}/${playlist}`, who.accessToken);
}

function order(playlist: string, videos: unknown, who: Member = asha) {
  return api("patch", `/playlist/${playlist}/order`, who.accessToken).send({ videos });
}

async function videosOf(playlist: string, token?: string): Promise<string[]> {
  const { body } = await api("get", `/playlist/${playlist}`, token).expect(200);
  return body.data.videos.map((video: { _id: string }) => video._id) as string[];
}

const togglePublish = (video: string) =>
  api("patch", `/videos/toggle/publish/${video}`, asha.accessToken).expect(200);

needSignIn([
  ["post", "/playlist"],
  ["patch", `/playlist/${NO_ID}`],
  ["delete", `/playlist/${NO_ID}`],
  ["patch", `/playlist/add/${NO_ID}/${NO_ID}`],
  ["patch", `/playlist/remove/${NO_ID}/${NO_ID}`],
  ["patch", `/playlist/${NO_ID}/order`],
]);

needNobody([
  ["get", `/playlist/${NO_ID}`],
  ["get", `/playlist/user/${NO_ID}`],
]);

checkIds(
  [
    ["get", "/playlist/:id", "PLAYLIST_NOT_FOUND"],
    ["patch", "/playlist/:id", "PLAYLIST_NOT_FOUND"],
    ["delete", "/playlist/:id", "PLAYLIST_NOT_FOUND"],
    ["patch", `/playlist/add/${NO_ID}/:id`, "PLAYLIST_NOT_FOUND"],
    ["patch", `/playlist/remove/${NO_ID}/:id`, "PLAYLIST_NOT_FOUND"],
    ["patch", "/playlist/:id/order", "PLAYLIST_NOT_FOUND"],
  ],
  () => asha.accessToken,
);

it("answers 404 to the id of another kind of thing", async () => {
  const video = await addVideo(asha);
  const { _id } = await newPlaylist(asha);
  for (const id of [video, asha._id]) {
    await api("get", `/playlist/${id}`).expect(404);
    await api("patch", `/playlist/${id}`, asha.accessToken).send({ name: "x" }).expect(404);
    await api("delete", `/playlist/${id}`, asha.accessToken).expect(404);
    await edit("add", video, id).expect(404);
    await order(id, []).expect(404);
  }
  await edit("add", _id, _id).expect(404);
  await api("get", `/playlist/user/${_id}`).expect(404);
});

describe("POST /playlist", () => {
  it.each([
    {},
    { name: "" },
    { name: "  " },
    { name: null },
    { name: 1 },
    { name: ["x"] },
    { name: { $gt: "" } },
    { name: "x".repeat(151) },
    { name: "x", description: 7 },
    { name: "x", description: null },
    { name: "x", description: "x".repeat(5001) },
    { name: "x", isPublic: "perhaps" },
    { name: "x", isPublic: null },
    { name: "x", isPublic: 0 },
    [],
  ])("answers 400 for %j and makes nothing", async (body) => {
    const before = await Playlist.countDocuments();
    await api("post", "/playlist", asha.accessToken).send(body).expect(400);
    expect(await Playlist.countDocuments()).toBe(before);
  });

  it.each(BODY_KINDS)("makes an empty, public one of a name in a %s body", async (kind) => {
    const fields = { name: " Sunday walks ", owner: ravi._id, videos: NO_ID, totalViews: "9" };
    const { body } = await send("post", "/playlist/", asha.accessToken, kind, fields).expect(201);
    expect(body).toEqual({
      statusCode: 201,
      message: "Playlist created successfully",
      success: true,
      data: {
        _id: expect.any(String),
        name: "Sunday walks",
        description: "",
        owner: {
          _id: asha._id,
          username: asha.username,
          fullName: "Asha Rao",
          avatar: expect.stringContaining("/api/v1/media/users/"),
        },
        isPublic: true,
        totalVideos: 0,
        totalViews: 0,
        videos: [],
        createdAt: expect.any(String),
        updatedAt: body.data.createdAt,
      },
    });
  });

  it.each(BODY_KINDS)("takes all fields from a %s body", async (kind) => {
    const fields = { name: "n", description: " d ", isPublic: "false" };
    const { body } = await send("post", "/playlist", asha.accessToken, kind, fields).expect(201);
    expect(body.data).toMatchObject({ name: "n", description: "d", isPublic: false });
  });
});

describe("a private playlist", () => {
  it("is 404 for strangers on every path and in no list of theirs", async () => {
    const { _id } = await filled(1, { isPublic: false, name: "secret" });
    const video = await addVideo(ravi);
    await api("get", `/playlist/${_id}`).expect(404);
    await api("get", `/playlist/${_id}`, ravi.accessToken).expect(404);
    await api("patch", `/playlist/${_id}`, ravi.accessToken).send({ name: "x" }).expect(404);
    await api("delete", `/playlist/${_id}`, ravi.accessToken).expect(404);
    await edit("add", video, _id, ravi).expect(404);
    await edit("remove", video, _id, ravi).expect(404);
    await order(_id, [], ravi).expect(404);
    for (const token of [undefined, ravi.accessToken]) {
      const { text } = await api("get", `/playlist/user/${asha._id}`, token).expect(200);
      expect(text).not.toContain("secret");
    }
    await api("get", `/playlist/${_id}`, asha.accessToken).expect(200);
    const own = await api("get", `/playlist/user/${asha._id}`, asha.accessToken).expect(200);
    expect(own.text).toContain("secret");
  });
});

describe("someone else's public playlist", () => {
  it("is 403 for whoever wants to change it, and stays as it is", async () => {
    const { _id, videos } = await filled(2);
    const video = await addVideo(ravi);
    const before = await Playlist.findById(_id).lean();
    for (const reply of [
      await api("patch", `/playlist/${_id}`, ravi.accessToken).send({ name: "x" }),
      await api("delete", `/playlist/${_id}`, ravi.accessToken),
      await edit("add", video, _id, ravi),
      await edit("remove", videos[0]!, _id, ravi),
      await order(_id, [...videos].reverse(), ravi),
    ]) {
      expect(reply.status).toBe(403);
      expect(reply.body).toMatchObject({
        code: "FORBIDDEN",
        message: "This playlist belongs to someone else",
      });
    }
    expect(await Playlist.findById(_id).lean()).toEqual(before);
  });
});

describe("GET /playlist/:playlistId", () => {
  it("has the videos in order with owner and totals, for the viewer", async () => {
    const { _id, videos } = await filled(3);
    await api("post", `/likes/toggle/v/${videos[1]}`, ravi.accessToken).expect(201);
    const { body } = await api("get", `/playlist/${_id}/`, ravi.accessToken).expect(200);
    expect(body.data).toMatchObject({
      totalVideos: 3,
      totalViews: 6,
      videos: [
        { _id: videos[0], views: 1, isLiked: false, owner: { _id: asha._id } },
        { _id: videos[1], views: 2, isLiked: true, likesCount: 1 },
        { _id: videos[2], views: 3, isLiked: false },
      ],
    });
    const anonymous = await api("get", `/playlist/${_id}`).expect(200);
    expect(anonymous.body.data.videos[1]).toMatchObject({ isLiked: false, likesCount: 1 });
  });

  it("leaves out what the viewer may not see, totals included; the owner of the video sees it", async () => {
    const { _id, videos } = await filled(3);
    await togglePublish(videos[1]!);
    for (const token of [undefined, ravi.accessToken]) {
      const { body } = await api("get", `/playlist/${_id}`, token).expect(200);
      expect(body.data).toMatchObject({ totalVideos: 2, totalViews: 4 });
      expect(await videosOf(_id, token)).toEqual([videos[0], videos[2]]);
    }
    expect(await videosOf(_id, asha.accessToken)).toEqual(videos);
    await togglePublish(videos[1]!);
    expect(await videosOf(_id)).toEqual(videos);
    await api("delete", `/videos/${videos[0]}`, asha.accessToken).expect(200);
    expect(await videosOf(_id)).toEqual([videos[1], videos[2]]);
    expect((await Playlist.findById(_id))!.videos).toHaveLength(2);
  });
});

describe("PATCH /playlist/:playlistId", () => {
  it.each([
    { name: "" },
    { name: null },
    { name: "x".repeat(151) },
    { description: 1 },
    { isPublic: "yes" },
    { isPublic: null },
    [],
  ])("answers 400 for %j", async (body) => {
    const { _id } = await newPlaylist(asha);
    await api("patch", `/playlist/${_id}`, asha.accessToken).send(body).expect(400);
  });

  it.each(BODY_KINDS)("changes what is given and nothing else, from a %s body", async (kind) => {
    const { _id, videos } = await filled(1, { description: "kept" });
    const before = await api("get", `/playlist/${_id}`).expect(200);
    const fields = { name: "New", isPublic: "false", videos: NO_ID, owner: ravi._id };
    const path = `/playlist/${_id}/`;
    const { body } = await send("patch", path, asha.accessToken, kind, fields).expect(200);
    expect(body.data).toEqual({
      ...before.body.data,
      name: "New",
      isPublic: false,
      updatedAt: expect.any(String),
    });
    expect(await videosOf(_id, asha.accessToken)).toEqual(videos);
    const emptied = await send("patch", path, asha.accessToken, kind, { description: "" });
    expect(emptied.body.data).toMatchObject({ name: "New", description: "", isPublic: false });
    await send("patch", path, asha.accessToken, kind, { isPublic: "true" }).expect(200);
    await api("get", `/playlist/${_id}`).expect(200);
  });

  it("changes nothing when nothing is given", async () => {
    const { _id } = await newPlaylist(asha, { description: "d" });
    const { body } = await api("patch", `/playlist/${_id}`, asha.accessToken).send({}).expect(200);
    expect(body.data).toMatchObject({ name: "Walks", description: "d", isPublic: true });
  });
});

describe("DELETE /playlist/:playlistId", () => {
  it("takes the playlist and leaves its videos", async () => {
    const { _id, videos } = await filled(1);
    const { body } = await api("delete", `/playlist/${_id}/`, asha.accessToken).expect(200);
    expect(body.data).toEqual({});
    await api("get", `/playlist/${_id}`, asha.accessToken).expect(404);
    await api("delete", `/playlist/${_id}`, asha.accessToken).expect(404);
    await edit("add", videos[0]!, _id).expect(404);
    await api("get", `/videos/${videos[0]}`).expect(200);
  });
});

describe("PATCH /playlist/add/:videoId/:playlistId", () => {
  it("answers 400 and 404 to bad ids of videos", async () => {
    const { _id } = await newPlaylist(asha);
    for (const id of MALFORMED_IDS) {
      await edit("add", id, _id).expect(400);
      await edit("remove", id, _id).expect(400);
    }
    const { body } = await edit("add", NO_ID, _id).expect(404);
    expect(body.code).toBe("VIDEO_NOT_FOUND");
  });

  it("answers 404 to a video that one may not see, and takes one's own unpublished", async () => {
    const { _id } = await newPlaylist(asha);
    await edit("add", await addVideo(ravi, { isPublished: false }), _id).expect(404);
    const own = await addVideo(asha, { isPublished: false });
    await edit("add", own, _id).expect(200);
    expect(await videosOf(_id, asha.accessToken)).toEqual([own]);
    expect(await videosOf(_id)).toEqual([]);
  });

  it("puts a video at the end; one that is in it stays where it is and nothing changes", async () => {
    const { _id, videos } = await filled(2);
    const foreign = await addVideo(ravi);
    const { body } = await edit("add", foreign.toUpperCase(), `${_id}/`).expect(200);
    expect(body.data).toMatchObject({ totalVideos: 3, videos: [{}, {}, { _id: foreign }] });
    const again = await edit("add", videos[0]!, _id).expect(200);
    expect(again.body.data).toEqual(body.data);
  });

  it("refuses more than 1,000, but not one that is in it already", async () => {
    const { _id, videos } = await filled(1);
    const filler = Array.from({ length: 999 }, (_, i) => i.toString(16).padStart(24, "0"));
    await Playlist.updateOne({ _id }, { $push: { videos: { $each: filler } } });
    const { body } = await edit("add", await addVideo(asha), _id).expect(400);
    expect(body.code).toBe("PLAYLIST_FULL");
    await edit("add", videos[0]!, _id).expect(200);
    await edit("remove", filler[0]!, _id).expect(200);
    await edit("add", await addVideo(asha), _id).expect(200);
  });
});

describe("PATCH /playlist/remove/:videoId/:playlistId", () => {
  it("takes a video out; one that is not in it is no error and changes nothing", async () => {
    const { _id, videos } = await filled(3);
    const { body } = await edit("remove", videos[1]!.toUpperCase(), `${_id}/`).expect(200);
    expect(body.data).toMatchObject({ totalVideos: 2, totalViews: 4 });
    expect(await videosOf(_id)).toEqual([videos[0], videos[2]]);
    for (const id of [videos[1]!, NO_ID]) {
      const again = await edit("remove", id, _id).expect(200);
      expect(again.body.data).toEqual(body.data);
    }
    await edit("add", videos[1]!, _id).expect(200);
    expect(await videosOf(_id)).toEqual([videos[0], videos[2], videos[1]]);
  });

  it("takes out what one may not see any more", async () => {
    const { _id } = await newPlaylist(ravi);
    const video = await addVideo(asha);
    await edit("add", video, _id, ravi).expect(200);
    await togglePublish(video);
    await edit("remove", video, _id, ravi).expect(200);
    await togglePublish(video);
    expect(await videosOf(_id)).toEqual([]);
  });
});

describe("PATCH /playlist/:playlistId/order", () => {
  it("answers 400 for all that is not its videos, each once", async () => {
    const { _id, videos } = await filled(3);
    const [a, b, c] = videos as [string, string, string];
    const other = await addVideo(asha);
    const wrong = [[], [a], [a, b], [a, b, c, c], [a, b, b], [a, b, c, other], [a, b, other]];
    for (const list of wrong) {
      const { body } = await order(_id, list).expect(400);
      expect(body.code).toBe("PLAYLIST_ORDER_MISMATCH");
    }
    const invalid = [undefined, null, 1, "", "x", [1], ["x"], [null], { 0: a }, [[a, b, c]]];
    for (const list of [...invalid, Array.from({ length: 1001 }, () => a)]) {
      const { body } = await order(_id, list).expect(400);
      expect(body.code).toBe("VALIDATION_FAILED");
    }
    expect(await videosOf(_id)).toEqual(videos);
  });

  it.each(BODY_KINDS)("puts the videos into the order of a %s body", async (kind) => {
    const { _id, videos } = await filled(3);
    const [a, b, c] = videos as [string, string, string];
    const path = `/playlist/${_id}/order/`;
    const joined = { videos: [b, c, a.toUpperCase()].join(",") };
    const { body } = await send("patch", path, asha.accessToken, kind, joined).expect(200);
    expect(body.data.videos.map((video: PlaylistReply) => video._id)).toEqual([b, c, a]);
    expect(await videosOf(_id)).toEqual([b, c, a]);
    const repeated = api("patch", path, asha.accessToken);
    const list = [c, b, a];
    await (
      kind === "json"
        ? repeated.send({ videos: list, name: "dropped" })
        : kind === "urlencoded"
          ? repeated.send(list.map((id) => `videos=${id}`).join("&"))
          : list.reduce((request, id) => request.field("videos", id), repeated)
    ).expect(200);
    expect(await videosOf(_id)).toEqual(list);
    expect((await Playlist.findById(_id))!.name).toBe("Walks");
  });

  it("keeps at the end what its owner cannot see just now", async () => {
    const { _id } = await newPlaylist(ravi);
    const [hidden, a, b] = [await addVideo(asha), await addVideo(asha), await addVideo(ravi)];
    for (const video of [hidden, a, b]) {
      await edit("add", video, _id, ravi).expect(200);
    }
    await togglePublish(hidden);
    await order(_id, [hidden, b, a], ravi).expect(400);
    await order(_id, [b, a], ravi).expect(200);
    await togglePublish(hidden);
    expect(await videosOf(_id)).toEqual([b, a, hidden]);
  });

  it("takes the empty order of an empty playlist", async () => {
    const { _id } = await newPlaylist(asha);
    const { body } = await order(_id, []).expect(200);
    expect(body.data.videos).toEqual([]);
  });
});

describe("GET /playlist/user/:userId", () => {
  checkPaging(() => `/playlist/user/${asha._id}`, { limit: 50 });

  it.each([
    ["%20", 400],
    ["%00", 400],
    ["x".repeat(51), 400],
    ["nobody-at-all", 404],
    [NO_ID, 404],
  ])("answers %s with %d", async (name, status) => {
    await api("get", `/playlist/user/${name}`).expect(status);
  });

  it("is an empty list for whoever has none", async () => {
    const [nobody] = (await newCrowd(1)) as [Member];
    const { body } = await api("get", `/playlist/user/${nobody._id}`).expect(200);
    expect(body.data).toEqual([]);
    expect(body.pagination.totalDocs).toBe(0);
  });

  it("has a channel's playlists, newest first, with totals, ids and the first thumbnail", async () => {
    const [who] = (await newCrowd(1)) as [Member];
    const empty = await newPlaylist(who, { name: "empty" });
    const hidden = await newPlaylist(who, { name: "hidden", isPublic: false });
    const full = await newPlaylist(who, { name: "full" });
    const videos = [await addVideo(asha, { views: 5 }), await addVideo(asha, { views: 7 })];
    for (const video of videos) {
      await edit("add", video, full._id, who).expect(200);
    }
    const expected = [
      {
        ...full,
        owner: expect.objectContaining({ _id: who._id, username: who.username }),
        totalVideos: 2,
        totalViews: 12,
        videos,
        thumbnail: expect.stringContaining(videos[0]!),
        updatedAt: expect.any(String),
      },
      { ...empty, videos: [], thumbnail: "" },
    ];
    for (const name of [who._id, who.username.toUpperCase()]) {
      const { body } = await api("get", `/playlist/user/${name}/`).expect(200);
      expect(body.data).toEqual(expected);
      expect(body.pagination.totalDocs).toBe(2);
    }
    const own = await api("get", `/playlist/user/${who._id}`, who.accessToken).expect(200);
    expect(docsOf(own.body).map((row) => row._id)).toEqual([full._id, hidden._id, empty._id]);
    expect(own.body.pagination.totalDocs).toBe(3);

    await togglePublish(videos[0]!);
    const { body } = await api("get", `/playlist/user/${who._id}?limit=1`).expect(200);
    expect(body.data).toMatchObject([{ totalVideos: 1, totalViews: 7, videos: [videos[1]] }]);
    expect(body.data[0].thumbnail).toContain(videos[1]);
  });

  it("is walked by cursor while playlists come and go, those of one moment by id", async () => {
    const [who, other] = (await newCrowd(2)) as [Member, Member];
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) {
      ids.unshift((await newPlaylist(who))._id);
    }
    const { owner } = (await Playlist.findById(ids[0]))!;
    await Playlist.collection.updateMany({ owner }, { $set: { createdAt: new Date(1e12) } });
    const path = `/playlist/user/${who._id}?limit=2`;
    const seen = await walk(path, undefined, async (page) => {
      if (page === 1) {
        await newPlaylist(who);
        await api("delete", `/playlist/${ids[1]}`, who.accessToken).expect(200);
        await api("delete", `/playlist/${ids[4]}`, who.accessToken).expect(200);
      }
    });
    expect(seen).toEqual(ids.filter((_, i) => i !== 4));
    await newPlaylist(other);
    await newPlaylist(other);
    const foreign = await cursorOf(`/playlist/user/${other._id}?limit=1`);
    await api("get", `${path}&cursor=${foreign}`).expect(400);
  });
});
