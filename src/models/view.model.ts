import { Schema, model, trusted, type Model, type Types } from "mongoose";
import { VIEW_WINDOW_MS } from "../constants";
import { isDuplicateKey } from "../utils/duplicate-key";

interface View {
  video: Types.ObjectId;
  /** A user's id, or a hash that stands for an anonymous visitor. */
  viewer: string;
  countedAt: Date;
}

interface ViewModel extends Model<View> {
  /** Claims this viewer's view of the video for the window; false when it was claimed already. */
  claim(video: Types.ObjectId, viewer: string): Promise<boolean>;
}

const viewSchema = new Schema<View, ViewModel>({
  video: { type: Schema.Types.ObjectId, ref: "Video", required: true },
  viewer: { type: String, required: true },
  countedAt: { type: Date, required: true },
});

viewSchema.index({ video: 1, viewer: 1 }, { unique: true });
viewSchema.index({ viewer: 1 });
viewSchema.index({ countedAt: 1 }, { expireAfterSeconds: VIEW_WINDOW_MS / 1000 });

viewSchema.statics.claim = async function claim(
  this: ViewModel,
  video: Types.ObjectId,
  viewer: string,
) {
  const now = new Date();
  const windowStart = new Date(now.getTime() - VIEW_WINDOW_MS);
  try {
    // Inside the window the filter finds nothing, the upsert inserts, and the unique index refuses:
    // of any number of parallel calls exactly one counts.
    await this.updateOne(
      { video, viewer, countedAt: trusted({ $lte: windowStart }) },
      { $set: { countedAt: now } },
      { upsert: true },
    );
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) {
      return false;
    }
    throw error;
  }
};

export const View = model<View, ViewModel>("View", viewSchema);
