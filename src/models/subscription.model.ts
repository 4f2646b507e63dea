import { Schema, model, type Types } from "mongoose";

interface Subscription {
  subscriber: Types.ObjectId;
  channel: Types.ObjectId;
  createdAt: Date;
}

const subscriptionSchema = new Schema<Subscription>(
  {
    subscriber: { type: Schema.Types.ObjectId, ref: "User", required: true },
    channel: { type: Schema.Types.ObjectId, ref: "User", required: true },
  },
  { timestamps: { createdAt: true, updatedAt: false } },
);

subscriptionSchema.index({ subscriber: 1, channel: 1 }, { unique: true });
subscriptionSchema.index({ channel: 1, createdAt: -1, _id: -1 });

export const Subscription = model("Subscription", subscriptionSchema);
