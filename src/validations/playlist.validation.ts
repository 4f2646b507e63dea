import { PLAYLIST_MAX } from "../constants";
import {
  channelName,
  EXAMPLE_IDS,
  count,
  empty,
  formBoolean,
  idOf,
  listQuery,
  mediaUrl,
  objectId,
  objectIdOf,
  text,
  timestamp,
} from "./common.validation";
import { operation } from "./operation";
import { owner } from "./user.validation";
import { videoSchema } from "./video.validation";
import { z } from "./zod";

const name = text({ max: 150 }).openapi({ example: "Sunday walks" });
const description = text({ min: 0, max: 5000 }).openapi({ example: "Slow ones, with sound" });
const playlistParams = z.object({ playlistId: objectIdOf("playlist") });
const entryParams = z.object({ videoId: objectIdOf("video"), playlistId: objectIdOf("playlist") });

const playlistFields = {
  _id: idOf("playlist"),
  name: z.string().openapi({ example: "Sunday walks" }),
  description: z.string().openapi({ example: "Slow ones, with sound" }),
  owner,
  isPublic: z.boolean(),
  totalVideos: count,
  totalViews: count,
  createdAt: timestamp,
  updatedAt: timestamp,
};

const playlist = z
  .strictObject({ ...playlistFields, videos: z.array(videoSchema) })
  .openapi("Playlist");

const playlistInList = z
  .strictObject({
    ...playlistFields,
    videos: z
      .array(idOf("video"))
      .openapi({ description: "Ids only; the playlist itself has the videos" }),
    thumbnail: z
      .union([mediaUrl("video", "webp"), z.literal("")])
      .openapi({ description: "Of the first video; empty when there is none" }),
  })
  .openapi("PlaylistInList");

export const createPlaylist = operation({
  method: "post",
  path: "/playlist",
  tag: "Playlists",
  summary: "Make a playlist",
  access: "required",
  body: z.object({
    name,
    description: description.default(""),
    isPublic: formBoolean.default(true),
  }),
  status: 201,
  message: "Playlist created successfully",
  data: playlist,
});

export const getPlaylistById = operation({
  method: "get",
  path: "/playlist/:playlistId",
  tag: "Playlists",
  summary: "A playlist with its videos in order",
  description: "Videos that the viewer may not see are left out, and out of the totals too.",
  access: "optional",
  params: playlistParams,
  status: 200,
  message: "Playlist fetched successfully",
  data: playlist,
  errors: ["PLAYLIST_NOT_FOUND"],
});

export const updatePlaylist = operation({
  method: "patch",
  path: "/playlist/:playlistId",
  tag: "Playlists",
  summary: "Change a playlist's details",
  access: "required",
  params: playlistParams,
  body: z.object({
    name: name.optional(),
    description: description.optional(),
    isPublic: formBoolean.optional(),
  }),
  status: 200,
  message: "Playlist updated successfully",
  data: playlist,
  errors: ["FORBIDDEN", "PLAYLIST_NOT_FOUND"],
});

export const deletePlaylist = operation({
  method: "delete",
  path: "/playlist/:playlistId",
  tag: "Playlists",
  summary: "Delete a playlist; its videos stay",
  access: "required",
  params: playlistParams,
  status: 200,
  message: "Playlist deleted successfully",
  data: empty,
  errors: ["FORBIDDEN", "PLAYLIST_NOT_FOUND"],
});

export const addVideoToPlaylist = operation({
  method: "patch",
  path: "/playlist/add/:videoId/:playlistId",
  tag: "Playlists",
  summary: "Put a video at the end of a playlist; one that is in it stays where it is",
  access: "required",
  params: entryParams,
  status: 200,
  message: "Video added to playlist successfully",
  data: playlist,
  errors: ["FORBIDDEN", "PLAYLIST_NOT_FOUND", "VIDEO_NOT_FOUND", "PLAYLIST_FULL"],
});

export const removeVideoFromPlaylist = operation({
  method: "patch",
  path: "/playlist/remove/:videoId/:playlistId",
  tag: "Playlists",
  summary: "Take a video out of a playlist; one that is not in it is no error",
  access: "required",
  params: entryParams,
  status: 200,
  message: "Video removed from playlist successfully",
  data: playlist,
  errors: ["FORBIDDEN", "PLAYLIST_NOT_FOUND"],
});

export const reorderPlaylist = operation({
  method: "patch",
  path: "/playlist/:playlistId/order",
  tag: "Playlists",
  summary: "Put a playlist's videos into another order",
  access: "required",
  params: playlistParams,
  body: z.object({
    videos: z
      .preprocess(
        (value) => (typeof value === "string" ? value.split(",") : value),
        z.array(objectId).max(PLAYLIST_MAX),
      )
      .openapi({
        type: "array",
        example: [EXAMPLE_IDS.video],
        items: { type: "string", pattern: "^[0-9a-fA-F]{24}$" },
        maxItems: PLAYLIST_MAX,
        description: "The ids of all its videos, each once; in forms repeated, or between commas",
      }),
  }),
  status: 200,
  message: "Playlist order updated successfully",
  data: playlist,
  errors: ["FORBIDDEN", "PLAYLIST_NOT_FOUND", "PLAYLIST_ORDER_MISMATCH"],
});

export const getUserPlaylists = operation({
  method: "get",
  path: "/playlist/user/:userId",
  tag: "Playlists",
  summary: "The playlists of a channel, newest first; one's own private ones too",
  access: "optional",
  params: z.object({ userId: channelName }),
  query: z.object(listQuery),
  status: 200,
  message: "Playlists fetched successfully",
  data: z.array(playlistInList),
  list: true,
  errors: ["CHANNEL_NOT_FOUND", "INVALID_CURSOR"],
});
