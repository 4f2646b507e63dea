import {
  Schema,
  model,
  type AggregatePaginateModel,
  type HydratedDocument,
  type QueryFilter,
  type Types,
} from "mongoose";
import mongooseAggregatePaginate from "mongoose-aggregate-paginate-v2";

interface Video {
  owner: Types.ObjectId;
  title: string;
  description: string;
  tags: string[];
  /** Storage keys, never URLs. */
  videoFile: string;
  thumbnail: string;
  /** Of the stored file, as served. */
  contentType: string;
  /** Seconds and pixels, as ffprobe read them from the file. */
  duration: number;
  width: number;
  height: number;
  views: number;
  likesCount: number;
  commentsCount: number;
  isPublished: boolean;
  /** Set while the video is being removed: it is gone for everybody, its things are being cleared. */
  deletedAt?: Date;
  createdAt: Date;
  updatedAt: Date;
}

type VideoModel = AggregatePaginateModel<Video>;
export type VideoDocument = HydratedDocument<Video>;

const videoSchema = new Schema<Video, VideoModel>(
  {
    owner: { type: Schema.Types.ObjectId, ref: "User", required: true },
    title: { type: String, required: true },
    description: { type: String, default: "" },
    tags: { type: [String], default: [] },
    videoFile: { type: String, required: true },
    thumbnail: { type: String, required: true },
    contentType: { type: String, required: true },
    duration: { type: Number, required: true, min: 0 },
    width: { type: Number, required: true },
    height: { type: Number, required: true },
    views: { type: Number, default: 0, min: 0 },
    likesCount: { type: Number, default: 0, min: 0 },
    commentsCount: { type: Number, default: 0, min: 0 },
    isPublished: { type: Boolean, default: true },
    deletedAt: { type: Date },
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
  videoSchema.index({ owner: 1, ...order, _id: -1 });
  videoSchema.index({ tags: 1, isPublished: 1, ...order, _id: -1 });
}
videoSchema.index(
  { title: "text", description: "text", tags: "text" },
  { weights: { title: 10, tags: 5, description: 1 }, name: "search" },
);
// The cleaner looks for videos whose removal was cut short.
videoSchema.index({ deletedAt: 1 }, { sparse: true });

videoSchema.plugin(mongooseAggregatePaginate);

export const Video = model<Video, VideoModel>("Video", videoSchema);

/**
 * The videos that a viewer may know of: the published ones and his own. Every read path goes
 * through this filter, files included.
 */
export function visibleTo(viewer: Types.ObjectId | undefined): QueryFilter<Video> {
  // A removed video is unpublished in the same write, so the public filter needs one field only.
  return viewer === undefined
    ? { isPublished: true }
    : { deletedAt: null, $or: [{ isPublished: true }, { owner: viewer }] };
}
