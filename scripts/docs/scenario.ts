/** One request of the tour through the API. What a row leaves out comes from the OpenAPI document. */
export interface Row {
  operation: string;
  /** What this visit is for, where the operation's summary does not say it. */
  for?: string;
  /** Who asks: the variable with the access token; `accessToken` when left out. */
  as?: string;
  /** Instead of the variables that are named like the path's parameters. */
  path?: Record<string, string>;
  /** The whole address, where a reply has given it. */
  url?: string;
  query?: Record<string, string>;
  /** Optional ones to send beside those that are required. */
  headers?: string[];
  /** Beside or instead of the fields of the documented example; `null` leaves one out. */
  body?: Record<string, unknown>;
  /** Variable -> where its value stands in the reply. */
  capture?: Record<string, string>;
  /** The first documented success when left out. */
  status?: number;
  /** Makes the names of this run, before the request is sent. */
  begins?: true;
}

/** A folder of the collection; its description is the tag's where it is named after one. */
export interface Section {
  title: string;
  about?: string;
  rows: Row[];
}

/** Variables that are there from the start; the user's names are new in each run. */
export const VARIABLES: Record<string, string> = {
  run: "1",
  username: "asha_{{run}}",
  viewerName: "ravi_{{run}}",
  password: "correct horse battery",
  newPassword: "correct horse battery staple",
};

const ID = "data._id";
const asha = { username: "{{username}}", password: "{{password}}" };
const ashaLater = { username: "{{username}}", password: "{{newPassword}}" };
const bothTokens = { accessToken: "data.accessToken", refreshToken: "data.refreshToken" };
const viewer = "viewerToken";
const english = { language: "en" };
const second = { videoId: "{{secondVideoId}}" };

/**
 * The tour, in its order: each operation of the document at least once, removals last. Asha has the
 * channel; Ravi watches it and asks with `viewerToken`.
 */
export const SCENARIO: Section[] = [
  { title: "Health", rows: [{ operation: "healthcheck" }, { operation: "readiness" }] },
  { title: "Docs", rows: [{ operation: "getOpenApi" }, { operation: "getDocs" }] },
  {
    title: "Users",
    rows: [
      {
        operation: "registerUser",
        for: "Asha",
        begins: true,
        body: {
          username: "{{username}}",
          email: "{{username}}@example.com",
          password: "{{password}}",
        },
        capture: { userId: ID },
      },
      {
        operation: "registerUser",
        for: "Ravi",
        body: {
          fullName: "Ravi Menon",
          username: "{{viewerName}}",
          email: "{{viewerName}}@example.com",
          password: "{{password}}",
          coverImage: null,
        },
        capture: { viewerId: ID },
      },
      { operation: "loginUser", for: "Asha", body: asha, capture: bothTokens },
      {
        operation: "loginUser",
        for: "Ravi",
        body: { username: "{{viewerName}}", password: "{{password}}" },
        capture: { viewerToken: "data.accessToken" },
      },
      {
        operation: "refreshAccessToken",
        body: { refreshToken: "{{refreshToken}}" },
        capture: bothTokens,
      },
      { operation: "getCurrentUser" },
      {
        operation: "updateAccount",
        body: { fullName: "Asha R. Rao", email: "{{username}}@example.org" },
      },
      { operation: "updateAvatar" },
      { operation: "updateAvatarAlias", capture: { avatarUrl: "data.avatar" } },
      { operation: "updateCoverImage" },
      { operation: "updateCoverImageAlias" },
      {
        operation: "changePassword",
        body: { oldPassword: "{{password}}", newPassword: "{{newPassword}}" },
      },
      { operation: "loginUser", for: "Asha on her phone", body: ashaLater },
      { operation: "getSessions", capture: { sessionId: "data[0]._id" } },
      { operation: "deleteSession", for: "the phone's" },
      {
        operation: "loginUser",
        for: "Asha on her tablet",
        body: ashaLater,
        capture: { tabletToken: "data.accessToken" },
      },
      {
        operation: "logoutUser",
        for: "the tablet's",
        as: "tabletToken",
        body: { refreshToken: null },
      },
      { operation: "getChannel", as: viewer },
      { operation: "getChannelAlias", as: viewer },
    ],
  },
  {
    title: "Videos",
    rows: [
      { operation: "publishVideo", capture: { videoId: ID, videoUrl: "data.videoFile" } },
      {
        operation: "publishVideo",
        for: "a second one, its thumbnail taken from the clip",
        body: { title: "The bazaar at night", thumbnail: null },
        capture: { secondVideoId: ID },
      },
      { operation: "cancelProcessing", path: { videoId: "{{secondVideoId}}" } },
      { operation: "retryProcessing", path: { videoId: "{{secondVideoId}}" } },
      { operation: "getProcessing" },
      { operation: "getProcessingEvents", for: "up to the end" },
      { operation: "getAllVideos", query: { query: "jaipur", sortBy: "relevance" } },
      { operation: "getAllVideosAlias" },
      { operation: "getVideoById", as: viewer },
      { operation: "recordView", as: viewer },
      { operation: "getRelatedVideos", as: viewer },
      { operation: "updateVideo", body: { title: "A walk through Jaipur, at dawn" } },
      { operation: "togglePublishStatus", for: "takes it back" },
      { operation: "togglePublishStatus", for: "publishes it again" },
    ],
  },
  {
    title: "Uploads",
    rows: [
      { operation: "createUpload", headers: ["Upload-Metadata"], capture: { uploadId: ID } },
      { operation: "getUploadOffset" },
      { operation: "resumeUpload", for: "the whole file in one piece" },
      {
        operation: "createUpload",
        headers: ["Upload-Metadata"],
        for: "another one, to be given up",
        capture: { secondUploadId: ID },
      },
      { operation: "terminateUpload", path: { uploadId: "{{secondUploadId}}" } },
    ],
  },
  {
    title: "Captions",
    rows: [
      { operation: "putCaptions", path: english },
      {
        operation: "putCaptions",
        for: "replaces them",
        path: english,
        body: { label: "English (CC)" },
        status: 200,
      },
      { operation: "getVideoCaptions", as: viewer },
      {
        operation: "getCaptions",
        as: viewer,
        path: english,
        capture: { captionsUrl: "data.url" },
      },
      { operation: "getVideoFilePart", url: "{{captionsUrl}}/playlist.m3u8" },
      { operation: "togglePublishStatus", for: "takes the video back" },
      {
        operation: "getCaptions",
        for: "their address is a signed one now",
        path: english,
        capture: { signedUrl: "data.url" },
      },
      { operation: "getSignedVideoFile", url: "{{signedUrl}}" },
      { operation: "getSignedVideoFilePart", url: "{{signedUrl}}/playlist.m3u8" },
      { operation: "togglePublishStatus", for: "publishes the video once more" },
      { operation: "deleteCaptions", path: english },
    ],
  },
  {
    title: "Media",
    rows: [
      { operation: "getUserFile", url: "{{avatarUrl}}" },
      { operation: "getVideoFile", url: "{{videoUrl}}" },
    ],
  },
  {
    title: "Watch history",
    about: "What the viewer has watched",
    rows: [
      { operation: "addToWatchHistory", as: viewer, body: { videoId: "{{videoId}}" } },
      { operation: "getWatchHistory", as: viewer },
      { operation: "getWatchHistoryAlias", as: viewer },
    ],
  },
  {
    title: "Comments",
    rows: [
      { operation: "addComment", as: viewer, capture: { commentId: ID } },
      {
        operation: "addComment",
        for: "a reply",
        body: { content: "Thank you!", parent: "{{commentId}}" },
      },
      { operation: "getVideoComments", query: { sortBy: "likesCount" } },
      { operation: "getCommentReplies" },
      { operation: "updateComment", as: viewer, body: { content: "What a morning light!" } },
    ],
  },
  {
    title: "Tweets",
    rows: [
      { operation: "createTweet", capture: { tweetId: ID } },
      { operation: "getAllTweets" },
      { operation: "getUserTweets" },
      { operation: "getUserTweetsAlias" },
      { operation: "updateTweet", body: { content: "New walk on Saturday" } },
    ],
  },
  {
    title: "Likes",
    rows: [
      { operation: "toggleVideoLike", as: viewer },
      { operation: "toggleCommentLike" },
      { operation: "toggleTweetLike", as: viewer },
      { operation: "getLikedVideos", as: viewer },
    ],
  },
  {
    title: "Playlists",
    rows: [
      { operation: "createPlaylist", capture: { playlistId: ID } },
      { operation: "createPlaylistAlias", capture: { secondPlaylistId: ID } },
      { operation: "addVideoToPlaylist" },
      { operation: "addVideoToPlaylistAlias", path: second },
      {
        operation: "reorderPlaylist",
        body: { videos: ["{{secondVideoId}}", "{{videoId}}"] },
      },
      {
        operation: "reorderPlaylistAlias",
        body: { videos: ["{{videoId}}", "{{secondVideoId}}"] },
      },
      { operation: "updatePlaylist", body: { name: "Sunday walks, in order" } },
      { operation: "updatePlaylistAlias", body: { name: "Sunday walks" } },
      { operation: "getPlaylistById", as: viewer },
      { operation: "getPlaylistByIdAlias", as: viewer },
      { operation: "getUserPlaylists", as: viewer },
      { operation: "getUserPlaylistsAlias", as: viewer },
    ],
  },
  {
    title: "Subscriptions",
    rows: [
      { operation: "toggleSubscription", as: viewer, path: { channelId: "{{userId}}" } },
      { operation: "getUserChannelSubscribers", path: { channelId: "{{userId}}" } },
      { operation: "getSubscribedChannels", path: { subscriberId: "{{viewerId}}" } },
      { operation: "getSubscribedVideos", as: viewer },
    ],
  },
  {
    title: "Dashboard",
    rows: [
      { operation: "getChannelStats" },
      { operation: "getChannelVideos", query: { sortBy: "views" } },
    ],
  },
  {
    title: "Taking it all back",
    about: "Likes and subscriptions go off, then everything is deleted, the accounts last",
    rows: [
      { operation: "toggleVideoLike", for: "off", as: viewer, status: 200 },
      { operation: "toggleCommentLike", for: "off", status: 200 },
      { operation: "toggleTweetLike", for: "off", as: viewer, status: 200 },
      {
        operation: "toggleSubscription",
        for: "off",
        as: viewer,
        path: { channelId: "{{userId}}" },
        status: 200,
      },
      { operation: "deleteComment", as: viewer },
      { operation: "deleteTweet" },
      { operation: "removeVideoFromPlaylist" },
      { operation: "removeVideoFromPlaylistAlias", path: second },
      { operation: "deletePlaylist" },
      { operation: "deletePlaylistAlias", path: { playlistId: "{{secondPlaylistId}}" } },
      { operation: "removeFromWatchHistory", as: viewer },
      { operation: "clearWatchHistory", as: viewer },
      { operation: "deleteVideo" },
      {
        operation: "deleteCurrentUser",
        for: "Ravi's",
        as: viewer,
        body: { password: "{{password}}" },
      },
      { operation: "deleteCurrentUser", for: "Asha's", body: { password: "{{newPassword}}" } },
    ],
  },
];
