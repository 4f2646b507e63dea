import { config } from "../../src/config/env";
import { CAPTIONS_PLAYLIST } from "../../src/constants";
import { issueTicket } from "../../src/utils/media-ticket";
import { operations } from "../../src/validations";
import { aliased, aliases } from "../../src/validations/aliases";
import type { Operation } from "../../src/validations/operation";
import { api, useApi } from "../support/api";
import {
  combinations,
  pathOf,
  queryNames,
  send,
  sortKeys,
  validCall,
  type Call,
} from "../support/calls";
import { CAPTIONS, putCaptions } from "../support/captions";
import { mediaPath } from "../support/files";
import { ask, inParallel } from "../support/keep-alive";
import type { Person } from "../support/people";
import { snapshot } from "../support/snapshot";
import { newThings, type Things } from "../support/things";
import { publish, type VideoReply } from "../support/videos";

/*
 * The owner takes a video back that everybody has dealt with, and keeps a playlist to himself. The
 * crawl then visits every GET operation in every way its parameters allow, as somebody who is not
 * signed in and as the stranger who has liked, watched, listed and commented on it all.
 */

useApi();

const CANARY = "quetzalcanary";

/** The operations that show the video, or what hangs on it, while it is published. */
const SHOWING = [
  "getAllVideos",
  "getCaptions",
  "getCommentReplies",
  "getLikedVideos",
  "getPlaylistById",
  "getRelatedVideos",
  "getSubscribedChannels",
  "getSubscribedVideos",
  "getUserPlaylists",
  "getVideoById",
  "getVideoCaptions",
  "getVideoComments",
  "getVideoFile",
  "getVideoFilePart",
  "getWatchHistory",
];

let things: Things;
let owner: Person;
let stranger: Person;
/** The video that is taken back, and what hangs on it. */
let hidden: VideoReply;
/** Paths of its files. */
let files: string[];
let comments: string[];
/** The owner's; it has been private ever since. */
let privatePlaylist: string;
/** Public playlists that begin with the video: the owner's and the stranger's. */
let playlists: string[];

/** Everything published and dealt with by everybody. */
async function arrange(): Promise<void> {
  things = await newThings();
  ({ owner, stranger } = things);
  await patch(`/videos/${things.video._id}`, owner, { tags: ["walk"] });
  hidden = await publish(owner, {
    title: `The ${CANARY} at dawn`,
    description: `Look, a ${CANARY}`,
    tags: `${CANARY},walk`,
  });
  const label = { label: CANARY };
  const captions = await putCaptions(owner, hidden._id, "en", CAPTIONS, label).expect(201);
  files = [hidden.videoFile, hidden.thumbnail, captions.body.data.url as string].map(mediaPath);
  const comment = await post(`/comments/${hidden._id}`, owner, { content: `My ${CANARY}` });
  const reply = { content: `Your ${CANARY}`, parent: comment };
  comments = [comment, await post(`/comments/${hidden._id}`, stranger, reply)];
  privatePlaylist = await post("/playlist", owner, {
    name: `${CANARY} plans`,
    description: `For the ${CANARY}`,
    isPublic: false,
  });
  playlists = [
    await post("/playlist", owner, { name: "Birds" }),
    await post("/playlist", stranger, { name: "Seen" }),
  ];
  for (const video of [hidden, things.video]) {
    await patch(`/playlist/add/${video._id}/${privatePlaylist}`, owner);
    await patch(`/playlist/add/${video._id}/${playlists[0]}`, owner);
    await patch(`/playlist/add/${video._id}/${playlists[1]}`, stranger);
    await post(`/likes/toggle/v/${video._id}`, stranger);
    await api("get", `/videos/${video._id}`, stranger.accessToken).expect(200);
  }
  await Promise.all(comments.map((id) => post(`/likes/toggle/c/${id}`, stranger)));
  await post(`/subscriptions/c/${owner._id}`, stranger);
}

async function post(path: string, { accessToken }: Person, body: object = {}): Promise<string> {
  const reply = await api("post", path, accessToken).send(body).expect(201);
  return reply.body.data._id as string;
}

function patch(path: string, { accessToken }: Person, body: object = {}) {
  return api("patch", path, accessToken).send(body).expect(200);
}

interface Visit {
  name: string;
  url: string;
  viewer: string;
  status: number;
  /** Without what differs between two visits that are the same. */
  body: string;
}

/** Visits everything, or one operation, and tells what was answered. */
async function crawl(only?: string): Promise<Visit[]> {
  const visits = readings()
    .filter(({ name }) => only === undefined || name === only)
    .flatMap(({ name, operation }) =>
      callsOf(operation).map((call) => ({ name, url: pathOf(operation.path, call) })),
    );
  const [looks, rest] = [true, false].map((isLook) =>
    visits.filter(({ name }) => (name === "getVideoById") === isLook),
  );
  const found: Visit[] = [];
  for (const [viewer, token] of [["anonymous"], ["stranger", stranger.accessToken]] as const) {
    // One after the other: the last one that was looked at comes first in the history.
    for (const { name, url } of looks!) {
      found.push(...(await visit(name, url, viewer, token)));
    }
    found.push(
      ...(await inParallel(rest!, ({ name, url }) => visit(name, url, viewer, token))).flat(),
    );
  }
  return found;
}

/** One request, and, where the reply has a cursor, all that it leads to. */
async function visit(name: string, url: string, viewer: string, token?: string): Promise<Visit[]> {
  const reply = await ask({ method: "get", path: url, token });
  const cursor = (reply.body.pagination ?? reply.body.data)?.nextCursor as string | undefined;
  const body = reply.text
    .replace(/"(requestId|watchedAt|lastUsedAt|updatedAt)":"[^"]*"/g, "")
    // A cursor is opaque, but not to those who know base64.
    .replace(/"nextCursor":"([^"]*)"/, (_, text: string) =>
      Buffer.from(text, "base64url")
        .toString()
        .replace(/\d{13}/, ""),
    );
  const next = url.replace(/[?&]cursor=.*$/, "");
  const rest = cursor
    ? await visit(name, `${next}${next.includes("?") ? "&" : "?"}cursor=${cursor}`, viewer, token)
    : [];
  return [
    { name, url: url.replace(/cursor=.*$/, "cursor"), viewer, status: reply.status, body },
    ...rest,
  ];
}

/** Every operation that reads, and every other spelling of one. */
function readings(): { name: string; operation: Operation }[] {
  const spelled = aliases.map((alias) => {
    const [name, operation] = aliased(alias);
    return { name, operation: { ...operation, path: alias.path } };
  });
  return [...[...operations].map(([name, operation]) => ({ name, operation })), ...spelled].filter(
    ({ operation }) => operation.method === "get",
  );
}

/** All combinations of what may stand in the operation's path and query. */
function callsOf(operation: Operation): Call[] {
  const names = [...operation.path.matchAll(/:(\w+)/g)].map(([, name]) => name!);
  const query = queryNames(operation).filter((name) => name !== "cursor" && name !== "page");
  const isOwnerFile = operation.path.includes("/media/users/");
  return combinations(names, (name) => pathValues(name, isOwnerFile)).flatMap((params) =>
    combinations(query, (name) => queryValues(name, operation)).map((found) => ({
      params,
      query: found,
    })),
  );
}

/** A parameter that the crawl does not know makes it fail: it may lead to what is hidden. */
function pathValues(name: string, isOwnerFile: boolean): string[] {
  const values: Record<string, string[]> = {
    videoId: [hidden._id, things.video._id],
    commentId: comments,
    playlistId: [privatePlaylist, ...playlists, things.playlist],
    userId: isOwnerFile ? [owner._id] : [owner._id, stranger._id],
    channelId: [owner._id, stranger._id],
    subscriberId: [owner._id, stranger._id],
    username: [owner.username, stranger.username],
    language: ["en"],
    part: [CAPTIONS_PLAYLIST, "0-9.m4s"],
    // A genuine one, for another video's folder.
    ticket: [ticketFor(things.video._id)],
    file: isOwnerFile ? [fileOf(things.avatar)] : files.map(fileOf),
  };
  return known(values, name);
}

function queryValues(name: string, operation: Operation): (string | undefined)[] {
  const values: Record<string, (string | undefined)[]> = {
    // Small pages, so that there are cursors to follow.
    limit: sortKeys(operation).length > 0 ? ["2"] : [undefined, "1"],
    sortBy: sortKeys(operation),
    sortType: ["asc", "desc"],
    query: [undefined, CANARY],
    tag: [undefined, CANARY],
    // An alias has it in its path.
    userId: operation.path.includes(":userId") ? [undefined] : [undefined, owner._id],
  };
  return known(values, name);
}

function known<T>(values: Record<string, T[]>, name: string): T[] {
  const found = values[name];
  if (!found) {
    throw new Error(`the crawl does not know what to put into ${name}`);
  }
  return found;
}

function ticketFor(video: string): string {
  return issueTicket(`videos/${video}`, config.media.urlTtl, config.auth.accessTokenSecret);
}

function fileOf(key: string): string {
  return key.split("/").at(-1)!;
}

/** The visits that tell of the video or of what hangs on it. */
function leaks(visits: Visit[]): Visit[] {
  const secrets = [CANARY, hidden._id, ...comments, ...files.map(fileOf)];
  return visits.filter(
    ({ name, status, body }) =>
      secrets.some((secret) => body.toLowerCase().includes(secret)) ||
      (name.startsWith("getVideoFile") && status < 400),
  );
}

/** Where two crawls were answered differently. */
function differences(a: Visit[], b: Visit[]): Visit[][] {
  expect(a).toHaveLength(b.length);
  return a
    .map((seen, i) => [seen, b[i]!])
    .filter(([one, other]) => JSON.stringify(one) !== JSON.stringify(other));
}

const namesOf = (visits: Visit[]) => [...new Set(visits.map(({ name }) => name))].sort();

describe("an unpublished video", () => {
  const visits: Record<"published" | "hidden" | "republished" | "removed", Visit[]> = {
    published: [],
    hidden: [],
    republished: [],
    removed: [],
  };
  const toOwner: Record<string, boolean> = {};
  const statuses = new Set<number>();

  beforeAll(async () => {
    await arrange();
    // The first look is one that counts as a view.
    await crawl("getVideoById");
    visits.published = await crawl();
    await patch(`/videos/toggle/publish/${hidden._id}`, owner);
    visits.hidden = await crawl();
    await showOwner();
    await askForFiles();
    await patch(`/videos/toggle/publish/${hidden._id}`, owner);
    visits.republished = await crawl();
    await patch(`/videos/${hidden._id}`, owner, { isPublished: false });
    await api("delete", `/videos/${hidden._id}`, owner.accessToken).expect(200);
    await api("delete", `/playlist/${privatePlaylist}`, owner.accessToken).expect(200);
    visits.removed = await crawl();
  }, 300_000);

  async function showOwner(): Promise<void> {
    for (const path of [
      `/videos?userId=${owner._id}`,
      `/videos/user/${owner._id}`,
      "/dashboard/videos",
      `/videos/${hidden._id}`,
      `/comments/${hidden._id}`,
      `/playlist/${privatePlaylist}`,
      `/playlist/user/${owner._id}`,
    ]) {
      const { text } = await api("get", path, owner.accessToken).expect(200);
      toOwner[path] = text.includes(CANARY);
    }
  }

  async function askForFiles(): Promise<void> {
    for (const file of files) {
      for (const token of [undefined, stranger.accessToken]) {
        const asked = [
          await api("head", file, token),
          await api("get", file, token).set("Range", "bytes=0-9"),
          await api("get", file, token).set("If-None-Match", "*"),
        ];
        asked.forEach(({ status }) => statuses.add(status));
      }
    }
  }

  it("was shown by every list and page while it was published, and the private playlist by none", () => {
    expect(namesOf(visits.published)).toEqual(
      [...new Set(readings().map(({ name }) => name))].sort(),
    );
    expect(namesOf(leaks(visits.published))).toEqual(SHOWING);
    const told = visits.published.filter(
      ({ body }) => body.includes(privatePlaylist) || body.includes(`${CANARY} plans`),
    );
    expect(told).toEqual([]);
  });

  it("vanishes at once from everywhere: its words, its ids, its comments and its files", () => {
    expect(leaks(visits.hidden)).toEqual([]);
  });

  it("has no file for any method, whole or in part", () => {
    expect([...statuses]).toEqual([404]);
  });

  it("comes back everywhere as it was when it is published again", () => {
    expect(differences(visits.republished, visits.published)).toEqual([]);
  });

  it("cannot be told from one that is not there by any reply, total or count", () => {
    expect(differences(visits.removed, visits.hidden)).toEqual([]);
  });

  it("shows itself to its owner in his own lists", () => {
    expect(Object.keys(toOwner).filter((path) => !toOwner[path])).toEqual([]);
  });
});

/** Removing what is not there is no error, so whoever removes it learns nothing. */
const BLIND = ["removeFromWatchHistory", "removeVideoFromPlaylist"];

const writes = [...operations]
  .filter(([, { method, path }]) => method !== "get" && /:(video|comment|playlist)Id/.test(path))
  .map(([name, operation]) => ({ name, operation }));

describe("whoever writes to a thing that he may not see is told that there is none", () => {
  let invisible: Things;

  beforeAll(async () => {
    await arrange();
    await patch(`/videos/toggle/publish/${hidden._id}`, owner);
    invisible = { ...things, video: hidden, spare: hidden, comment: comments[1]! };
  });

  it.each(writes)("$name", async ({ name, operation }) => {
    const call = await validCall(name, { ...invisible, playlist: playlists[1]! }, stranger);
    const isOnPlaylist = operation.path === "/playlist/:playlistId" || name === "reorderPlaylist";
    const params = { ...call.params, ...(isOnPlaylist ? { playlistId: privatePlaylist } : {}) };
    const before = await snapshot();
    if (!BLIND.includes(name)) {
      const reply = await send(operation, { ...call, params }, stranger.accessToken);
      expect(reply.status).toBe(404);
    }
    const anonymous = await send(operation, { ...call, params });
    expect(anonymous.status).toBe(operation.access === "required" ? 401 : 404);
    expect(await snapshot()).toEqual(before);
  });

  it.each(writes.filter(({ operation }) => operation.path.includes(":playlistId")))(
    "$name, of someone's private playlist",
    async ({ name, operation }) => {
      const call = await validCall(name, { ...things, playlist: privatePlaylist }, stranger);
      const before = await snapshot();
      expect((await send(operation, call, stranger.accessToken)).status).toBe(404);
      expect(await snapshot()).toEqual(before);
    },
  );

  it("when the body names it, too", async () => {
    const before = await snapshot();
    const { accessToken } = stranger;
    await api("post", "/users/history", accessToken).send({ videoId: hidden._id }).expect(404);
    for (const parent of comments) {
      await api("post", `/comments/${things.video._id}`, accessToken)
        .send({ content: "hm", parent })
        .expect(404);
    }
    await api("patch", `/playlist/${playlists[1]}/order`, accessToken)
      .send({ videos: [things.video._id, hidden._id] })
      .expect(400);
    expect(await snapshot()).toEqual(before);
  });
});
