import type { Test } from "supertest";
import { config } from "../../src/config/env";
import { CAPTIONS_PLAYLIST } from "../../src/constants";
import { Job } from "../../src/models/job.model";
import { Video } from "../../src/models/video.model";
import { issueTicket } from "../../src/utils/media-ticket";
import { operations } from "../../src/validations";
import { openApiDocument } from "../../src/validations/openapi";
import type { Operation } from "../../src/validations/operation";
import { api } from "./api";
import { CAPTIONS } from "./captions";
import { makeClip } from "./clips";
import { newAccount, png, type Person } from "./people";
import type { Things } from "./things";
import { metadata, PIECE, TUS } from "./tus";

/** What an operation is called with. */
export interface Call {
  params?: Record<string, string>;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: Record<string, unknown>;
  files?: Record<string, string | Buffer>;
  /** A piece of a file as the body. */
  piece?: Buffer;
}

type Maker = (things: Things, caller?: Person) => Call | Promise<Call>;

const onVideo: Maker = ({ video }) => ({ params: { videoId: video._id } });
const onCaptions: Maker = ({ video }) => ({ params: { videoId: video._id, language: "en" } });
const onComment: Maker = ({ comment }) => ({ params: { commentId: comment } });
const onTweet: Maker = ({ tweet }) => ({ params: { tweetId: tweet } });
const onPlaylist: Maker = ({ playlist }) => ({ params: { playlistId: playlist } });
const onChannel: Maker = ({ owner }) => ({ params: { channelId: owner._id } });
const onUpload: Maker = ({ upload }) => ({ params: { uploadId: upload }, headers: TUS });
const plain: Maker = () => ({});

/** A valid request of every operation, upon the owner's things; `caller` sends his own credentials in it. */
const CALLS: Record<string, Maker> = {
  registerUser: async () => ({ body: newAccount(), files: { avatar: await png() } }),
  loginUser: ({ owner }, caller = owner) => ({
    body: { username: caller.username, password: caller.password },
  }),
  logoutUser: plain,
  refreshAccessToken: (_things, caller) => ({
    body: caller ? { refreshToken: caller.refreshToken } : {},
  }),
  changePassword: ({ owner }) => ({
    body: { oldPassword: owner.password, newPassword: "another battery" },
  }),
  getCurrentUser: plain,
  deleteCurrentUser: ({ owner }) => ({ body: { password: owner.password } }),
  updateAccount: () => ({ body: { fullName: "Asha R." } }),
  updateAvatar: async () => ({ files: { avatar: await png() } }),
  updateCoverImage: async () => ({ files: { coverImage: await png() } }),
  getChannel: ({ owner }) => ({ params: { username: owner.username } }),
  getSessions: plain,
  deleteSession: ({ session }) => ({ params: { sessionId: session } }),
  getWatchHistory: plain,
  addToWatchHistory: ({ video }) => ({ body: { videoId: video._id, position: 3 } }),
  clearWatchHistory: plain,
  removeFromWatchHistory: onVideo,
  getAllVideos: plain,
  publishVideo: async () => ({ body: { title: "A walk" }, files: { videoFile: await makeClip() } }),
  getVideoById: onVideo,
  updateVideo: ({ video }) => ({ params: { videoId: video._id }, body: { title: "Another walk" } }),
  deleteVideo: onVideo,
  togglePublishStatus: onVideo,
  getRelatedVideos: onVideo,
  recordView: ({ video }) => ({ params: { videoId: video._id }, body: { position: 1 } }),
  getProcessing: onVideo,
  getProcessingEvents: (things) => onEnded(things, "ready"),
  retryProcessing: (things) => onEnded(things, "failed"),
  cancelProcessing: onVideo,
  createUpload: () => ({
    headers: { ...TUS, "Upload-Length": "100", "Upload-Metadata": metadata({ title: "A walk" }) },
  }),
  getUploadOffset: onUpload,
  resumeUpload: ({ upload }) => ({
    params: { uploadId: upload },
    headers: { ...TUS, "Upload-Offset": "0" },
    piece: Buffer.alloc(10),
  }),
  terminateUpload: onUpload,
  getVideoCaptions: onVideo,
  getCaptions: onCaptions,
  putCaptions: ({ video }) => ({
    params: { videoId: video._id, language: "en" },
    body: { label: "English" },
    files: { captions: Buffer.from(CAPTIONS) },
  }),
  deleteCaptions: onCaptions,
  getVideoComments: onVideo,
  addComment: ({ video, comment }) => ({
    params: { videoId: video._id },
    body: { content: "Where is this?", parent: comment },
  }),
  getCommentReplies: onComment,
  updateComment: ({ comment }) => ({
    params: { commentId: comment },
    body: { content: "What a colour!" },
  }),
  deleteComment: onComment,
  toggleVideoLike: onVideo,
  toggleCommentLike: onComment,
  toggleTweetLike: onTweet,
  getLikedVideos: plain,
  getAllTweets: plain,
  createTweet: () => ({ body: { content: "Hello" } }),
  getUserTweets: ({ owner }) => ({ params: { userId: owner.username } }),
  updateTweet: ({ tweet }) => ({ params: { tweetId: tweet }, body: { content: "On Saturday" } }),
  deleteTweet: onTweet,
  createPlaylist: () => ({ body: { name: "Evening walks" } }),
  getPlaylistById: onPlaylist,
  updatePlaylist: ({ playlist }) => ({
    params: { playlistId: playlist },
    body: { name: "Monday walks" },
  }),
  deletePlaylist: onPlaylist,
  addVideoToPlaylist: ({ spare, playlist }) => ({
    params: { videoId: spare._id, playlistId: playlist },
  }),
  removeVideoFromPlaylist: ({ video, playlist }) => ({
    params: { videoId: video._id, playlistId: playlist },
  }),
  reorderPlaylist: ({ video, second, playlist }) => ({
    params: { playlistId: playlist },
    body: { videos: [second._id, video._id] },
  }),
  getUserPlaylists: ({ owner }) => ({ params: { userId: owner.username } }),
  toggleSubscription: onChannel,
  getUserChannelSubscribers: onChannel,
  getSubscribedChannels: ({ owner }) => ({ params: { subscriberId: owner._id } }),
  getSubscribedVideos: plain,
  getChannelStats: plain,
  getChannelVideos: plain,
  getUserFile: ({ avatar }) => fileParams("userId", avatar),
  getVideoFile: ({ video }) => fileParams("videoId", video.videoFile),
  getVideoFilePart: async ({ video }) => partParams(await captionsKey(video._id)),
  getSignedVideoFile: ({ video }) => withTicket(fileParams("videoId", video.videoFile)),
  getSignedVideoFilePart: async ({ video }) => withTicket(partParams(await captionsKey(video._id))),
  healthcheck: plain,
  readiness: plain,
  getOpenApi: plain,
  getDocs: plain,
};

function fileParams(id: string, key: string): Call {
  const [, owner = "", file = ""] = key.split("/");
  return { params: { [id]: owner, file } };
}

function partParams(key: string): Call {
  const { params } = fileParams("videoId", key);
  return { params: { ...params, part: CAPTIONS_PLAYLIST } };
}

async function captionsKey(video: string): Promise<string> {
  const found = await Video.findById(video);
  return found?.captions[0]?.key ?? "";
}

function withTicket({ params = {} }: Call): Call {
  const { urlTtl } = config.media;
  const ticket = issueTicket(`videos/${params.videoId}`, urlTtl, config.auth.accessTokenSecret);
  return { params: { ...params, ticket } };
}

/** On a video whose processing has come to that end. */
async function onEnded({ video }: Things, state: "ready" | "failed"): Promise<Call> {
  await Job.updateOne({ target: video._id }, { $set: { state, availableAt: null, lease: null } });
  return { params: { videoId: video._id } };
}

/** Names of the operations that the table above lacks, and of those that only the table knows. */
export function unmatched(table: object): { missing: string[]; unknown: string[] } {
  const names = Object.keys(table);
  return {
    missing: [...operations.keys()].filter((name) => !names.includes(name)),
    unknown: names.filter((name) => !operations.has(name)),
  };
}

/** The operation of that name. */
export function operationNamed(name: string): Operation {
  const operation = operations.get(name);
  if (!operation) {
    throw new Error(`there is no operation ${name}`);
  }
  return operation;
}

/** A valid request of the operation; a new endpoint needs a line in the table. */
export async function validCall(name: string, things: Things, caller?: Person): Promise<Call> {
  const maker = CALLS[name];
  if (!maker) {
    throw new Error(`tests/support/calls.ts has no request for ${name}`);
  }
  return maker(things, caller);
}

/** An operation's path with its parameters filled in and the query behind it. */
export function pathOf(path: string, { params = {}, query }: Call): string {
  const filled = path.replace(/:(\w+)/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ""),
  );
  return query === undefined ? filled : `${filled}?${new URLSearchParams(query).toString()}`;
}

/** Sends the call to the operation, or to another spelling of its path. */
export function send(
  { method, path }: Pick<Operation, "method" | "path">,
  call: Call,
  token?: string,
): Test {
  const test = api(method, pathOf(path, call), token);
  test.set(call.headers ?? {});
  if (call.piece) {
    return test.type(PIECE).send(call.piece);
  }
  if (call.files === undefined) {
    return call.body === undefined ? test : test.send(call.body);
  }
  test.field((call.body ?? {}) as Record<string, string>);
  for (const [name, file] of Object.entries(call.files)) {
    test.attach(name, file, typeof file === "string" ? {} : { filename: `${name}.png` });
  }
  return test;
}

/** Names of the parameters that the operation takes in its query. */
export function queryNames({ query }: Operation): string[] {
  return Object.keys((query as { shape?: object } | undefined)?.shape ?? {});
}

/** What the list can be sorted by, as the OpenAPI document has it; nothing for one that has a fixed order. */
export function sortKeys({ method, path }: Operation): string[] {
  const item = openApiDocument().paths?.[path.replace(/:(\w+)/g, "{$1}")] as
    Record<string, { parameters?: { name: string; schema: { enum: string[] } }[] }> | undefined;
  const parameters = item?.[method]?.parameters ?? [];
  return parameters.find(({ name }) => name === "sortBy")?.schema.enum ?? [];
}

/** Every choice of one value for each name; undefined leaves the name out. */
export function combinations(
  names: string[],
  valuesOf: (name: string) => (string | undefined)[],
): Record<string, string>[] {
  return names.reduce<Record<string, string>[]>(
    (all, name) =>
      all.flatMap((chosen) =>
        valuesOf(name).map((value) =>
          value === undefined ? chosen : { ...chosen, [name]: value },
        ),
      ),
    [{}],
  );
}
