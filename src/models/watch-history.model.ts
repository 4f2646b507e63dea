import { Schema, model, type AggregatePaginateModel, type Types } from "mongoose";
import mongooseAggregatePaginate from "mongoose-aggregate-paginate-v2";
import { isDuplicateKey } from "../utils/duplicate-key";

interface WatchHistory {
  user: Types.ObjectId;
  video: Types.ObjectId;
  watchedAt: Date;
  /** Seconds into the video. */
  position: number;
}

interface WatchHistoryModel extends AggregatePaginateModel<WatchHistory> {
  /** Puts the video at the front of the user's history; a position that is not given stays. */
  record(user: Types.ObjectId, video: Types.ObjectId, position?: number): Promise<WatchHistory>;
}

const watchHistorySchema = new Schema<WatchHistory, WatchHistoryModel>({
  user: { type: Schema.Types.ObjectId, ref: "User", required: true },
  video: { type: Schema.Types.ObjectId, ref: "Video", required: true },
  watchedAt: { type: Date, required: true },
  position: { type: Number, default: 0, min: 0 },
});

watchHistorySchema.index({ user: 1, video: 1 }, { unique: true });
watchHistorySchema.index({ user: 1, watchedAt: -1, _id: -1 });
watchHistorySchema.index({ video: 1 });

watchHistorySchema.plugin(mongooseAggregatePaginate);

watchHistorySchema.statics.record = async function record(
  this: WatchHistoryModel,
  user: Types.ObjectId,
  video: Types.ObjectId,
  position?: number,
) {
  const set = { watchedAt: new Date(), ...(position === undefined ? {} : { position }) };
  const write = () =>
    this.findOneAndUpdate(
      { user, video },
      { $set: set },
      { upsert: true, returnDocument: "after" },
    );
  try {
    return await write();
  } catch (error) {
    // Of parallel first ones all but one insert in vain; then there is a row to update.
    if (isDuplicateKey(error)) {
      return write();
    }
    throw error;
  }
};

export const WatchHistory = model<WatchHistory, WatchHistoryModel>(
  "WatchHistory",
  watchHistorySchema,
);
