import {
  Schema,
  model,
  type AggregatePaginateModel,
  type HydratedDocument,
  type PipelineStage,
  type QueryFilter,
  type Types,
  type UpdateQuery,
} from "mongoose";
import mongooseAggregatePaginate from "mongoose-aggregate-paginate-v2";
import { ApiError } from "../utils/ApiError";
import { Counter } from "./counter.model";
import { freshJob, Job, JOB_PRIORITY } from "./job.model";
import { Removal } from "./removal.model";
import { inTransaction } from "./transaction";
import { dropReplaced, type Drop } from "./unclaimed-file.model";
import { Upload } from "./upload.model";
import { User, withRoomFor } from "./user.model";

/** A stream of pictures or sound as it is stored: one fragmented MP4 and the playlist of its parts. */
export interface StoredTrack {
  /** Storage keys. */
  file: string;
  playlist: string;
  /** Bytes of the file. */
  size: number;
  /** RFC 6381, such as `avc1.64001f`. */
  codecs: string;
  /** Bits a second at most and on average (RFC 8216, section 4.3.4.2). */
  bandwidth: number;
  averageBandwidth: number;
}

interface StoredRendition extends StoredTrack {
  /** Such as `720p`. */
  name: string;
  width: number;
  height: number;
  frameRate: number;
}

/** What adaptive playback needs; renditions smallest first, the sound shared by all of them. */
export interface StoredHls {
  renditions: StoredRendition[];
  audio: StoredTrack | null;
}

/** A still picture in one of several widths; its type is the key's extension. */
export interface StoredPoster {
  key: string;
  width: number;
  height: number;
}

/** WebVTT in one language (BCP 47); `label` is what viewers choose it by. */
export interface StoredCaptions {
  language: string;
  label: string;
  key: string;
}

/** Small pictures from all over the video, and the WebVTT that tells what each shows. */
export interface StoredStoryboard {
  index: string;
  sprite: string;
}

interface Video {
  owner: Types.ObjectId;
  title: string;
  description: string;
  tags: string[];
  /** Storage keys, never URLs. */
  videoFile: string;
  thumbnail: string;
  /** Made by processing; null and empty until then. */
  hls: StoredHls | null;
  posters: StoredPoster[];
  storyboard: StoredStoryboard | null;
  captions: StoredCaptions[];
  /** Of the stored file, as served. */
  contentType: string;
  /** Bytes of the original file; counts for its owner's quota. */
  size: number;
  /** Seconds and pixels, as ffprobe read them from the file. */
  duration: number;
  width: number;
  height: number;
  views: number;
  likesCount: number;
  commentsCount: number;
  isPublished: boolean;
  createdAt: Date;
  updatedAt: Date;
}

type Files = Pick<Video, "videoFile" | "thumbnail" | "hls" | "posters" | "storyboard" | "captions">;

export type VideoDocument = HydratedDocument<Video>;

interface VideoModel extends AggregatePaginateModel<Video> {
  /**
   * Saves a new video; it counts for its channel and, when published, for everybody, and it waits
   * to be processed.
   * @throws ApiError INVALID_ACCESS_TOKEN when the owner's account is gone, QUOTA_EXCEEDED, VIDEO_REMOVED
   */
  add(video: VideoDocument, priority?: number): Promise<void>;
  /**
   * Writes to a video; publishing it or taking it back is counted, and `drop` is told which files it
   * lets go of.
   * @throws ApiError VIDEO_NOT_FOUND
   */
  change(
    id: Types.ObjectId,
    update: UpdateQuery<VideoDocument> | PipelineStage[],
    drop?: Drop,
  ): Promise<void>;
}

/** The turn of whoever changes the number of published videos (inTransaction). */
export const PUBLISHED_VIDEOS = "publishedVideos";

const track = {
  file: { type: String, required: true },
  playlist: { type: String, required: true },
  size: { type: Number, required: true },
  codecs: { type: String, required: true },
  bandwidth: { type: Number, required: true },
  averageBandwidth: { type: Number, required: true },
};
const rendition = {
  ...track,
  name: { type: String, required: true },
  width: { type: Number, required: true },
  height: { type: Number, required: true },
  frameRate: { type: Number, required: true },
};
const part = (definition: Record<string, unknown>) => new Schema(definition, { _id: false });

const videoSchema = new Schema<Video, VideoModel>(
  {
    owner: { type: Schema.Types.ObjectId, ref: "User", required: true },
    title: { type: String, required: true },
    description: { type: String, default: "" },
    tags: { type: [String], default: [] },
    videoFile: { type: String, required: true },
    thumbnail: { type: String, required: true },
    hls: {
      type: part({ renditions: [part(rendition)], audio: { type: part(track), default: null } }),
      default: null,
    },
    posters: [part({ key: String, width: Number, height: Number })],
    storyboard: { type: part({ index: String, sprite: String }), default: null },
    captions: [part({ language: String, label: String, key: String })],
    contentType: { type: String, required: true },
    size: { type: Number, default: 0, min: 0 },
    duration: { type: Number, required: true, min: 0 },
    width: { type: Number, required: true },
    height: { type: Number, required: true },
    views: { type: Number, default: 0, min: 0 },
    likesCount: { type: Number, default: 0, min: 0 },
    commentsCount: { type: Number, default: 0, min: 0 },
    isPublished: { type: Boolean, default: true },
  },
  { timestamps: true },
);

// One index for each filter and order of GET /videos, ending in _id so that pages can be walked by keyset.
const ORDERS: Record<string, -1>[] = [
  { createdAt: -1 },
  { views: -1 },
  { duration: -1 },
  { title: -1 },
];
for (const order of ORDERS) {
  videoSchema.index({ isPublished: 1, ...order, _id: -1 });
  // A channel as its owner sees it, and as everybody else does; the latter serves the newest of many
  // channels too: one ordered run of keys for each of them.
  videoSchema.index({ owner: 1, ...order, _id: -1 });
  videoSchema.index({ owner: 1, isPublished: 1, ...order, _id: -1 });
  videoSchema.index({ tags: 1, isPublished: 1, ...order, _id: -1 });
}
videoSchema.index(
  { title: "text", description: "text", tags: "text" },
  { weights: { title: 10, tags: 5, description: 1 }, name: "search" },
);

videoSchema.plugin(mongooseAggregatePaginate);

videoSchema.statics.add = function add(
  this: VideoModel,
  video: VideoDocument,
  priority: number = JOB_PRIORITY.publish,
) {
  return inTransaction([PUBLISHED_VIDEOS], async (session) => {
    // Writing to the owner makes this and the removal of the account exclude each other.
    const { matchedCount } = await User.updateOne(
      { _id: video.owner, ...withRoomFor(video.size) },
      {
        $inc: {
          uploadsCount: 1,
          videosCount: Number(video.isPublished),
          storedBytes: video.size,
        },
      },
      { session, timestamps: false },
    );
    if (matchedCount === 0) {
      const exists = await User.exists({ _id: video.owner }).session(session);
      throw new ApiError(exists ? "QUOTA_EXCEEDED" : "INVALID_ACCESS_TOKEN");
    }
    // What hung on the removed one is still being cleared away, by this id.
    if (await Removal.exists({ target: video._id }).session(session)) {
      throw new ApiError("VIDEO_REMOVED");
    }
    // A copy: a document that was saved once is not saved again when the transaction is repeated.
    await this.create([video.toObject()], { session });
    await Upload.settle(video._id, session);
    await Counter.add("publishedVideos", Number(video.isPublished), session);
    const { _id: target, owner } = video;
    const job = {
      type: "process-video" as const,
      target,
      owner,
      revision: 1,
      ...freshJob(priority),
    };
    await Job.create([job], { session });
  });
};

videoSchema.statics.change = function change(
  this: VideoModel,
  id: Types.ObjectId,
  update: UpdateQuery<VideoDocument> | PipelineStage[],
  drop?: Drop,
) {
  return inTransaction([PUBLISHED_VIDEOS], async (session) => {
    // Answered by the write itself: what was read before it may have been replaced meanwhile.
    const before = await this.findOneAndUpdate({ _id: id }, update, {
      session,
      updatePipeline: Array.isArray(update),
      returnDocument: "before",
    });
    const after = await this.findById(id).session(session);
    if (!before || !after) {
      throw new ApiError("VIDEO_NOT_FOUND");
    }
    if (drop) {
      await dropReplaced({ before: filesOf(before), after: filesOf(after) }, drop, session);
    }
    const published = Number(after.isPublished) - Number(before.isPublished);
    if (published !== 0) {
      await User.updateOne(
        { _id: after.owner },
        { $inc: { videosCount: published } },
        { session, timestamps: false },
      );
      await Counter.add("publishedVideos", published, session);
    }
  });
};

export const Video = model<Video, VideoModel>("Video", videoSchema);

/** The stored streams of a video: its renditions and the sound they share. */
export function tracksOf(hls: StoredHls | null | undefined): StoredTrack[] {
  return hls ? [...hls.renditions, ...(hls.audio ? [hls.audio] : [])] : [];
}

/** The storage keys of what processing has made of a video. */
export function outputsOf({ hls, posters, storyboard }: Partial<Files>): string[] {
  return [
    ...tracksOf(hls).flatMap(({ file, playlist }) => [file, playlist]),
    ...(posters ?? []).map(({ key }) => key),
    ...(storyboard ? [storyboard.index, storyboard.sprite] : []),
  ];
}

/** The storage keys of all files that a video owns; those of a time before processing own fewer. */
export function filesOf(video: Partial<Files> & Pick<Files, "videoFile" | "thumbnail">): string[] {
  const captions = (video.captions ?? []).map(({ key }) => key);
  return [video.videoFile, video.thumbnail, ...outputsOf(video), ...captions];
}

/**
 * The videos that a viewer may know of: the published ones and his own. Every read path goes
 * through this filter, files included.
 */
export function visibleTo(viewer: Types.ObjectId | undefined): QueryFilter<Video> {
  return viewer === undefined
    ? { isPublished: true }
    : { $or: [{ isPublished: true }, { owner: viewer }] };
}
