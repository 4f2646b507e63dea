import {
  Schema,
  model,
  type AggregatePaginateModel,
  type HydratedDocument,
  type QueryFilter,
  type Types,
} from "mongoose";
import mongooseAggregatePaginate from "mongoose-aggregate-paginate-v2";

interface Playlist {
  name: string;
  description: string;
  owner: Types.ObjectId;
  isPublic: boolean;
  /** In the owner's order, each once; some may not be visible to everybody. */
  videos: Types.ObjectId[];
  createdAt: Date;
  updatedAt: Date;
}

export type PlaylistDocument = HydratedDocument<Playlist>;
type PlaylistModel = AggregatePaginateModel<Playlist>;

const playlistSchema = new Schema<Playlist, PlaylistModel>(
  {
    name: { type: String, required: true },
    description: { type: String, default: "" },
    owner: { type: Schema.Types.ObjectId, ref: "User", required: true },
    isPublic: { type: Boolean, default: true },
    videos: { type: [{ type: Schema.Types.ObjectId, ref: "Video" }], default: [] },
  },
  { timestamps: true },
);

playlistSchema.index({ owner: 1, createdAt: -1, _id: -1 });
playlistSchema.index({ owner: 1, isPublic: 1, createdAt: -1, _id: -1 });
// A removed video leaves the playlists it is in.
playlistSchema.index({ videos: 1 });

playlistSchema.plugin(mongooseAggregatePaginate);

export const Playlist = model<Playlist, PlaylistModel>("Playlist", playlistSchema);

/** The playlists that a viewer may know of: the public ones and his own. */
export function playlistsVisibleTo(viewer: Types.ObjectId | undefined): QueryFilter<Playlist> {
  return viewer === undefined
    ? { isPublic: true }
    : { $or: [{ isPublic: true }, { owner: viewer }] };
}
