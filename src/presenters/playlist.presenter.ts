import type { Types } from "mongoose";
import { videoUrls, type MediaUrls } from "./media-url";
import { owner, type JoinedOwner } from "./user.presenter";
import { video, type JoinedVideo } from "./video.presenter";

interface PlaylistFields {
  _id: Types.ObjectId;
  name: string;
  description: string;
  isPublic: boolean;
  createdAt: Date;
  updatedAt: Date;
}

/** What a playlist's reply needs of a video that is in it. */
export interface PlaylistEntry {
  _id: Types.ObjectId;
  views: number;
  thumbnail: string;
  isPublished: boolean;
}

/** A playlist on its own page, with the videos that the viewer may see in their order. */
export function playlist(
  row: PlaylistFields,
  playlistOwner: JoinedOwner,
  videos: JoinedVideo[],
  url: MediaUrls,
) {
  return {
    ...fields(row, playlistOwner, videos, url),
    videos: videos.map((entry) => video(entry, url)),
  };
}

/** A playlist in a list, with ids and the first thumbnail only. */
export function playlistInList(
  row: PlaylistFields,
  playlistOwner: JoinedOwner,
  videos: PlaylistEntry[],
  url: MediaUrls,
) {
  const [first] = videos;
  return {
    ...fields(row, playlistOwner, videos, url),
    videos: videos.map((entry) => entry._id),
    thumbnail: first ? videoUrls(first, url)(first.thumbnail) : "",
  };
}

function fields(
  row: PlaylistFields,
  playlistOwner: JoinedOwner,
  videos: PlaylistEntry[],
  url: MediaUrls,
) {
  return {
    _id: row._id,
    name: row.name,
    description: row.description,
    owner: owner(playlistOwner, url),
    isPublic: row.isPublic,
    totalVideos: videos.length,
    totalViews: videos.reduce((sum, entry) => sum + entry.views, 0),
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  };
}
