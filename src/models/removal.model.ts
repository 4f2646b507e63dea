import { Schema, model, type HydratedDocument, type Types } from "mongoose";

/**
 * The ledger of what has been removed but not yet cleared away. An entry is written in the same
 * transaction that takes the document itself, and goes when everything that hung on it is gone.
 */
interface Removal {
  kind: "user" | "video" | "comment" | "tweet";
  target: Types.ObjectId;
  /** Storage keys of its files. */
  files: string[];
  removedAt: Date;
}

export type RemovalDocument = HydratedDocument<Removal>;

const removalSchema = new Schema<Removal>({
  kind: { type: String, enum: ["user", "video", "comment", "tweet"], required: true },
  target: { type: Schema.Types.ObjectId, required: true },
  files: { type: [String], default: [] },
  removedAt: { type: Date, required: true },
});

removalSchema.index({ target: 1 }, { unique: true });

export const Removal = model("Removal", removalSchema);
