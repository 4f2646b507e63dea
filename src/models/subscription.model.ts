import {
  Schema,
  model,
  type AggregatePaginateModel,
  type ClientSession,
  type HydratedDocument,
  type Types,
} from "mongoose";
import mongooseAggregatePaginate from "mongoose-aggregate-paginate-v2";
import { ApiError } from "../utils/ApiError";
import { inTransaction } from "./transaction";
import { User } from "./user.model";

interface Subscription {
  subscriber: Types.ObjectId;
  channel: Types.ObjectId;
  createdAt: Date;
}

type SubscriptionDocument = HydratedDocument<Subscription>;

interface SubscriptionModel extends AggregatePaginateModel<Subscription> {
  /**
   * Follows a channel, or stops following it; the row and the counts of both users change together.
   * @throws ApiError CHANNEL_NOT_FOUND
   */
  toggle(
    subscriber: Types.ObjectId,
    channel: Types.ObjectId,
  ): Promise<{ isSubscribed: boolean; subscribersCount: number }>;
  /** Ends a subscription, if it is still there. */
  withdraw(subscription: SubscriptionDocument): Promise<void>;
}

const subscriptionSchema = new Schema<Subscription, SubscriptionModel>(
  {
    subscriber: { type: Schema.Types.ObjectId, ref: "User", required: true },
    channel: { type: Schema.Types.ObjectId, ref: "User", required: true },
  },
  { timestamps: { createdAt: true, updatedAt: false } },
);

subscriptionSchema.index({ subscriber: 1, channel: 1 }, { unique: true });
subscriptionSchema.index({ subscriber: 1, createdAt: -1, _id: -1 });
subscriptionSchema.index({ channel: 1, createdAt: -1, _id: -1 });

subscriptionSchema.plugin(mongooseAggregatePaginate);

subscriptionSchema.statics.toggle = function toggle(
  this: SubscriptionModel,
  subscriber: Types.ObjectId,
  channel: Types.ObjectId,
) {
  return inTransaction(keysOf({ subscriber, channel }), async (session) => {
    const { deletedCount } = await this.deleteOne({ subscriber, channel }, { session });
    const isSubscribed = deletedCount === 0;
    if (isSubscribed) {
      await this.create([{ subscriber, channel }], { session });
    }
    const followed = await count({ subscriber, channel }, isSubscribed ? 1 : -1, session);
    if (!followed) {
      throw new ApiError("CHANNEL_NOT_FOUND");
    }
    return { isSubscribed, subscribersCount: followed.subscribersCount };
  });
};

subscriptionSchema.statics.withdraw = function withdraw(
  this: SubscriptionModel,
  { _id, subscriber, channel }: SubscriptionDocument,
) {
  return inTransaction(keysOf({ subscriber, channel }), async (session) => {
    const { deletedCount } = await this.deleteOne({ _id }, { session });
    await count({ subscriber, channel }, -deletedCount, session);
  });
};

type Pair = Pick<Subscription, "subscriber" | "channel">;

function keysOf({ subscriber, channel }: Pair): string[] {
  return [subscriber.toHexString(), channel.toHexString()];
}

/** Changes the counts of both sides; answers the channel, null when it is gone. */
async function count({ subscriber, channel }: Pair, by: number, session: ClientSession) {
  await User.updateOne(
    { _id: subscriber },
    { $inc: { subscriptionsCount: by } },
    { session, timestamps: false },
  );
  return User.findOneAndUpdate(
    { _id: channel },
    { $inc: { subscribersCount: by } },
    { session, timestamps: false, returnDocument: "after" },
  );
}

export const Subscription = model<Subscription, SubscriptionModel>(
  "Subscription",
  subscriptionSchema,
);
