import { aliases } from "../../src/validations/aliases";
import { api, browser, useApi } from "../support/api";
import { newCrowd, newPerson, png, type Member, type Person } from "../support/people";
import { expiredToken, NO_ID } from "../support/rules";
import { addVideo } from "../support/videos";

useApi();

let asha: Person;
let ravi: Member;
let video: string;
let playlist: string;

beforeAll(async () => {
  asha = await newPerson();
  [ravi] = (await newCrowd(1)) as [Member];
  video = await addVideo(asha);
  await api("get", `/videos/${video}`, asha.accessToken).expect(200);
  await api("post", "/tweets", asha.accessToken).send({ content: "x" }).expect(201);
  const { body } = await api("post", "/playlists", asha.accessToken)
    .send({ name: "x" })
    .expect(201);
  playlist = body.data._id;
});

/** Both spellings as the viewer gets them, without what differs in every reply. */
async function both(alias: string, path: string, token?: string) {
  const replies = await Promise.all([api("get", alias, token), api("get", path, token)]);
  return replies.map(({ status, body }) => ({ status, ...body, requestId: "" }));
}

it("are the ones that the contract names", () => {
  const names = aliases.map(({ method, path }) => `${method} ${path}`);
  expect(names.filter((name) => !name.includes("/playlists"))).toEqual([
    "get /users/watch-history",
    "patch /users/update-avatar",
    "patch /users/update-cover-image",
    "get /users/channel/:username",
    "get /videos/user/:userId",
    "get /tweets/u/:userId",
  ]);
  expect(names.filter((name) => name.includes("/playlists")).sort()).toEqual([
    "delete /playlists/:playlistId",
    "get /playlists/:playlistId",
    "get /playlists/user/:userId",
    "patch /playlists/:playlistId",
    "patch /playlists/:playlistId/order",
    "patch /playlists/add/:videoId/:playlistId",
    "patch /playlists/remove/:videoId/:playlistId",
    "post /playlists",
  ]);
});

it("answer as the endpoints they mean, whoever asks", async () => {
  const pairs = [
    ["/users/watch-history", "/users/history"],
    ["/users/watch-history?limit=1", "/users/history?limit=1"],
    ["/users/watch-history/?limit=0", "/users/history?limit=0"],
    [`/users/channel/${asha.username}`, `/users/c/${asha.username}`],
    [`/users/channel/${asha.username.toUpperCase()}/`, `/users/c/${asha.username}`],
    ["/users/channel/nobody-at-all", "/users/c/nobody-at-all"],
    [`/videos/user/${asha._id}`, `/videos?userId=${asha._id}`],
    [`/videos/user/${asha._id}/?limit=1&sortBy=views`, `/videos?userId=${asha._id}&limit=1`],
    [`/videos/user/${NO_ID}`, `/videos?userId=${NO_ID}`],
    ["/videos/user/x", "/videos?userId=x"],
    [
      `/videos/user/${asha._id}?query=who?&limit=0`,
      `/videos?userId=${asha._id}&query=who?&limit=0`,
    ],
    [`/videos/user/${asha._id}?limit=0`, `/videos?userId=${asha._id}&limit=0`],
    [`/tweets/u/${asha._id}`, `/tweets/user/${asha._id}`],
    [`/tweets/u/${asha.username}?limit=1`, `/tweets/user/${asha.username}?limit=1`],
    [`/tweets/u/${NO_ID}`, `/tweets/user/${NO_ID}`],
    [`/playlists/${playlist}`, `/playlist/${playlist}`],
    [`/playlists/user/${asha._id}`, `/playlist/user/${asha._id}`],
    ["/playlists/x", "/playlist/x"],
  ] as const;
  for (const token of [undefined, asha.accessToken, ravi.accessToken, expiredToken()]) {
    for (const [alias, path] of pairs) {
      const [aliased, canonical] = await both(alias, path, token);
      expect(aliased).toEqual(canonical);
    }
  }
});

it("take no parameter for a piece of the address", async () => {
  for (const name of ["a%2Fb", "x%3Flimit=1", "x%26userId=y", "..%2Flogin", "%25", "a%23b"]) {
    await api("get", `/videos/user/${name}`).expect(400);
    const { body } = await api("get", `/users/channel/${name}`);
    expect(["VALIDATION_FAILED", "CHANNEL_NOT_FOUND"]).toContain(body.code);
  }
  await api("get", "/videos/user/%E0%A4%A").expect(400);
  await api("get", `/videos/user/${asha._id}?userId=${ravi._id}`).expect(400);
});

it("take files and fields as their endpoints do", async () => {
  await api("patch", "/users/update-avatar").expect(401);
  await api("patch", "/users/update-avatar", asha.accessToken).expect(400);
  const before = await api("get", "/users/current-user", asha.accessToken);
  const avatar = await api("patch", "/users/update-avatar", asha.accessToken)
    .attach("avatar", await png(), "a.png")
    .expect(200);
  expect(avatar.body.data.avatar).not.toBe(before.body.data.avatar);
  const cover = await api("patch", "/users/update-cover-image/", asha.accessToken)
    .attach("coverImage", await png(), "c.png")
    .expect(200);
  expect(cover.body.data.coverImage).toContain("/api/v1/media/users/");
});

it("/playlists does all that /playlist does", async () => {
  const path = `/playlists/${playlist}`;
  await api("post", "/playlists").send({ name: "x" }).expect(401);
  await api("patch", path, ravi.accessToken).send({ name: "x" }).expect(403);
  await api("patch", path, asha.accessToken).field("name", "renamed").expect(200);
  await api("patch", `/playlists/add/${video}/${playlist}`, asha.accessToken).expect(200);
  const { body } = await api("patch", `${path}/order`, asha.accessToken)
    .type("form")
    .send({ videos: video })
    .expect(200);
  expect(body.data).toMatchObject({ name: "renamed", totalVideos: 1 });
  await api("patch", `/playlists/remove/${video}/${playlist}`, asha.accessToken).expect(200);
  await api("delete", `${path}/`, asha.accessToken).expect(200);
  await api("get", path, asha.accessToken).expect(404);
});

it("name the methods they know, answer HEAD, and are deprecated in the document", async () => {
  const refused = await api("delete", "/users/watch-history", asha.accessToken).expect(405);
  expect(refused.get("Allow")).toBe("GET");
  expect((await api("put", "/playlists").expect(405)).get("Allow")).toBe("POST");
  await api("head", `/videos/user/${asha._id}`).expect(200);
  const { body } = await browser().get("/api/v1/openapi.json").expect(200);
  for (const { method, path } of aliases) {
    const documented = body.paths[path.replace(/:(\w+)/g, "{$1}")][method];
    expect(documented.deprecated).toBe(true);
  }
});
