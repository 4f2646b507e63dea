import { Schema, model, type Types } from "mongoose";

interface Like {
  user: Types.ObjectId;
  kind: "video" | "comment" | "tweet";
  target: Types.ObjectId;
  createdAt: Date;
}

const likeSchema = new Schema<Like>(
  {
    user: { type: Schema.Types.ObjectId, ref: "User", required: true },
    kind: { type: String, enum: ["video", "comment", "tweet"], required: true },
    target: { type: Schema.Types.ObjectId, required: true },
  },
  { timestamps: { createdAt: true, updatedAt: false } },
);

likeSchema.index({ target: 1, kind: 1, user: 1 }, { unique: true });
likeSchema.index({ user: 1, kind: 1, createdAt: -1, _id: -1 });

export const Like = model("Like", likeSchema);
