import type { Types } from "mongoose";
import type { JobDocument } from "../models/job.model";
import type {
  StoredCaptions,
  StoredHls,
  StoredPoster,
  StoredStoryboard,
} from "../models/video.model";
import { MEDIA_TYPES } from "../services/media-type";
import { chaptersOf } from "../utils/chapters";
import { captions } from "./captions.presenter";
import { masterFile } from "./hls.presenter";
import { videoUrls, type MediaUrls } from "./media-url";
import { owner, type JoinedOwner } from "./user.presenter";

/** A video as the pipelines read it, with its owner joined. */
export interface JoinedVideo {
  _id: Types.ObjectId;
  videoFile: string;
  thumbnail: string;
  /** Absent in documents of a time before processing. */
  hls?: StoredHls | null;
  posters?: StoredPoster[];
  storyboard?: StoredStoryboard | null;
  captions?: StoredCaptions[];
  title: string;
  description: string;
  duration: number;
  views: number;
  isPublished: boolean;
  likesCount: number;
  commentsCount: number;
  isLiked: boolean;
  tags: string[];
  createdAt: Date;
  updatedAt: Date;
  owner: JoinedOwner;
}

/** A video with the channel fields of its own page. */
export interface JoinedVideoPage extends JoinedVideo {
  owner: JoinedOwner & { subscribersCount: number; isSubscribed: boolean };
}

/** A video in a list. */
export function video(row: JoinedVideo, url: MediaUrls) {
  const file = videoUrls(row, url);
  return {
    _id: row._id,
    videoFile: file(row.videoFile),
    thumbnail: file(row.thumbnail),
    hls: row.hls ? file(masterFile(row._id, row.hls, row.captions ?? [])) : null,
    posters: (row.posters ?? []).map(({ key, width, height }) => ({
      url: file(key),
      type: MEDIA_TYPES[key.slice(key.lastIndexOf(".") + 1)]!,
      width,
      height,
    })),
    storyboard: row.storyboard ? file(row.storyboard.index) : null,
    title: row.title,
    description: row.description,
    duration: row.duration,
    views: row.views,
    isPublished: row.isPublished,
    likesCount: row.likesCount,
    commentsCount: row.commentsCount,
    isLiked: row.isLiked,
    tags: row.tags,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    owner: owner(row.owner, url),
  };
}

/** How far processing is; a video of a time before there was any has nothing to wait for. */
export function processing(job: JobDocument | null) {
  const { state, steps, error } = job ?? { state: "ready" as const, steps: [], error: null };
  return {
    state,
    steps: steps.map(({ name, state: stepState, progress }) => ({
      name,
      state: stepState,
      progress: Math.round(1000 * progress) / 1000,
    })),
    // Of an attempt that will be repeated it is nobody's concern.
    error: state === "failed" && error ? { code: error.code, message: error.message } : null,
  };
}

/** A video on its own page; its owner also sees how far processing is. */
export function videoPage(
  row: JoinedVideoPage,
  url: MediaUrls,
  job: JobDocument | null | undefined,
) {
  const { subscribersCount, isSubscribed } = row.owner;
  const file = videoUrls(row, url);
  return {
    ...video(row, url),
    owner: { ...owner(row.owner, url), subscribersCount, isSubscribed },
    ...(job === undefined ? {} : { processing: processing(job) }),
    captions: (row.captions ?? []).map((entry) => captions(entry, file)),
    chapters: chaptersOf(row.description, row.duration),
  };
}
