import { aliased, aliases } from "../../src/validations/aliases";
import { useApi, api } from "../support/api";
import { operationNamed, send, unmatched, validCall } from "../support/calls";
import type { Person } from "../support/people";
import { emptyDatabase, snapshot } from "../support/snapshot";
import { newThings, removedPerson, type Things } from "../support/things";

useApi();

type Caller = "anonymous" | "removed" | "stranger" | "owner";
const CALLERS = ["anonymous", "removed", "stranger", "owner"] as const;

/** The status that each caller gets for the same request upon the owner's things. */
type Row = readonly [anonymous: number, removed: number, stranger: number, owner: number];

/** For everybody; a token of a removed account is no token. */
const ANYBODY: Row = [200, 200, 200, 200];
/** For whoever is signed in: upon what is his own, or upon what all may use. */
const SIGNED_IN: Row = [401, 401, 200, 200];
const SIGNED_IN_MAKES: Row = [401, 401, 201, 201];
/** For the owner alone. */
const OWNER: Row = [401, 401, 403, 200];

const POLICY: Record<string, Row> = {
  registerUser: [201, 201, 201, 201],
  // Each with his own password; the anonymous visitor with the owner's.
  loginUser: [200, 401, 200, 200],
  logoutUser: SIGNED_IN,
  refreshAccessToken: SIGNED_IN,
  // The stranger sends the owner's password, which is not his.
  changePassword: [401, 401, 400, 200],
  getCurrentUser: SIGNED_IN,
  deleteCurrentUser: [401, 401, 400, 200],
  updateAccount: SIGNED_IN,
  updateAvatar: SIGNED_IN,
  updateCoverImage: SIGNED_IN,
  getChannel: ANYBODY,
  getSessions: SIGNED_IN,
  // Nobody may know of someone else's sessions.
  deleteSession: [401, 401, 404, 200],
  getWatchHistory: SIGNED_IN,
  addToWatchHistory: SIGNED_IN,
  clearWatchHistory: SIGNED_IN,
  removeFromWatchHistory: SIGNED_IN,
  getAllVideos: ANYBODY,
  publishVideo: SIGNED_IN_MAKES,
  getVideoById: ANYBODY,
  updateVideo: OWNER,
  deleteVideo: OWNER,
  togglePublishStatus: OWNER,
  getRelatedVideos: ANYBODY,
  recordView: ANYBODY,
  getProcessing: OWNER,
  getProcessingEvents: OWNER,
  retryProcessing: OWNER,
  cancelProcessing: OWNER,
  createUpload: SIGNED_IN_MAKES,
  // Nobody may know of someone else's upload.
  getUploadOffset: [401, 401, 404, 200],
  resumeUpload: [401, 401, 404, 204],
  terminateUpload: [401, 401, 404, 204],
  getVideoCaptions: ANYBODY,
  getCaptions: ANYBODY,
  putCaptions: OWNER,
  deleteCaptions: OWNER,
  getVideoComments: ANYBODY,
  addComment: SIGNED_IN_MAKES,
  getCommentReplies: ANYBODY,
  updateComment: OWNER,
  deleteComment: OWNER,
  toggleVideoLike: SIGNED_IN_MAKES,
  toggleCommentLike: SIGNED_IN_MAKES,
  toggleTweetLike: SIGNED_IN_MAKES,
  getLikedVideos: SIGNED_IN,
  getAllTweets: ANYBODY,
  createTweet: SIGNED_IN_MAKES,
  getUserTweets: ANYBODY,
  updateTweet: OWNER,
  deleteTweet: OWNER,
  createPlaylist: SIGNED_IN_MAKES,
  getPlaylistById: ANYBODY,
  updatePlaylist: OWNER,
  deletePlaylist: OWNER,
  addVideoToPlaylist: OWNER,
  removeVideoFromPlaylist: OWNER,
  reorderPlaylist: OWNER,
  getUserPlaylists: ANYBODY,
  // Nobody follows himself.
  toggleSubscription: [401, 401, 201, 400],
  getUserChannelSubscribers: ANYBODY,
  getSubscribedChannels: ANYBODY,
  getSubscribedVideos: SIGNED_IN,
  getChannelStats: SIGNED_IN,
  getChannelVideos: SIGNED_IN,
  getUserFile: ANYBODY,
  getVideoFile: ANYBODY,
  getVideoFilePart: ANYBODY,
  // Whoever was told the address.
  getSignedVideoFile: ANYBODY,
  getSignedVideoFilePart: ANYBODY,
  healthcheck: ANYBODY,
  readiness: ANYBODY,
  getOpenApi: ANYBODY,
  getDocs: ANYBODY,
};

/** The read that counts a view. */
const WRITING_READS = ["getVideoById"];
/** A failed login is counted, which is the point of it. */
const COUNTED = ["loginattempts"];

/** Every operation at its own path, and at those that lead to it. */
const endpoints = [
  ...Object.keys(POLICY).map((name) => ({ title: name, name, path: undefined })),
  ...aliases.map((alias) => {
    const [name] = aliased(alias);
    return { title: `${name} as ${alias.path}`, name, path: alias.path };
  }),
];

describe("the policy", () => {
  it("has a row for every operation, and an operation for every row", () => {
    expect(unmatched(POLICY)).toEqual({ missing: [], unknown: [] });
  });
});

describe("every operation answers each caller as the policy says, and a refusal changes nothing", () => {
  afterEach(emptyDatabase);

  it.each(endpoints)("$title", async ({ name, path }) => {
    const { method, path: ownPath } = operationNamed(name);
    const people = await freshPeople();
    const statuses: number[] = [];
    for (const [i, caller] of CALLERS.entries()) {
      const things = await people.things();
      const person = people.named(caller, things);
      // An alias may take in its path what its endpoint takes in the query.
      const call = {
        params: { userId: things.owner._id },
        ...(await validCall(name, things, person)),
      };
      const before = await snapshot(COUNTED);
      const reply = await send({ method, path: path ?? ownPath }, call, person?.accessToken);
      statuses.push(reply.status);
      const isRefused = POLICY[name]![i]! >= 400;
      const isRead = method === "get" && !WRITING_READS.includes(name);
      if (isRefused || isRead) {
        expect({ caller, ...(await snapshot(COUNTED)) }).toEqual({ caller, ...before });
      } else {
        people.spend();
      }
    }
    expect(statuses).toEqual(POLICY[name]);
  });
});

/** Things for each call in turn; they are fresh until a call that may change them spends them. */
async function freshPeople() {
  const removed = await removedPerson();
  let current: Things | undefined;
  return {
    async things(): Promise<Things> {
      current ??= await newThings();
      return current;
    },
    named: (caller: Caller, { owner, stranger }: Things): Person | undefined =>
      ({ anonymous: undefined, removed, stranger, owner })[caller],
    spend() {
      current = undefined;
    },
  };
}

describe("a video's owner", () => {
  it("may delete a stranger's comment under it, but not rewrite it", async () => {
    const { owner, stranger, video } = await newThings();
    const { body } = await api("post", `/comments/${video._id}`, stranger.accessToken)
      .send({ content: "First" })
      .expect(201);
    const path = `/comments/c/${body.data._id}`;
    const before = await snapshot();
    await api("patch", path, owner.accessToken).send({ content: "I am wrong" }).expect(403);
    expect(await snapshot()).toEqual(before);
    await api("delete", path, owner.accessToken).expect(200);
  });

  it("has no say over a comment under someone else's", async () => {
    const [mine, theirs] = [await newThings(), await newThings()];
    await api("delete", `/comments/c/${theirs.comment}`, mine.owner.accessToken).expect(403);
    await api("delete", `/comments/c/${theirs.reply}`, mine.owner.accessToken).expect(403);
  });
});
