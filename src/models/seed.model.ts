import { Schema, model, type Types } from "mongoose";

/**
 * The ledger of what `npm run seed` has made: the accounts, entered before they exist, so that all
 * of it can be taken away again and nothing else. What they own goes with them.
 */
interface SeededUser {
  _id: Types.ObjectId;
  /** The small world that people look at, or the crowd that measurements need. */
  part: SeedPart;
}

export type SeedPart = "world" | "crowd";

const seededUserSchema = new Schema<SeededUser>({
  _id: { type: Schema.Types.ObjectId, required: true },
  part: { type: String, enum: ["world", "crowd"], required: true },
});

export const SeededUser = model("SeededUser", seededUserSchema);
