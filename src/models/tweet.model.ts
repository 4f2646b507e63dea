import {
  Schema,
  model,
  type AggregatePaginateModel,
  type HydratedDocument,
  type Types,
} from "mongoose";
import mongooseAggregatePaginate from "mongoose-aggregate-paginate-v2";
import { ApiError } from "../utils/ApiError";
import { Counter } from "./counter.model";
import { inTransaction } from "./transaction";
import { User } from "./user.model";

interface Tweet {
  content: string;
  owner: Types.ObjectId;
  likesCount: number;
  createdAt: Date;
  updatedAt: Date;
}

export type TweetDocument = HydratedDocument<Tweet>;

interface TweetModel extends AggregatePaginateModel<Tweet> {
  /**
   * Saves a tweet and counts it, on its channel and among all. Answers its id.
   * @throws ApiError INVALID_ACCESS_TOKEN when the owner's account is gone
   */
  add(tweet: Pick<Tweet, "content" | "owner">): Promise<Types.ObjectId>;
}

/** The turn of whoever changes the number of tweets (inTransaction). */
export const TWEETS = "tweets";

const tweetSchema = new Schema<Tweet, TweetModel>(
  {
    content: { type: String, required: true },
    owner: { type: Schema.Types.ObjectId, ref: "User", required: true },
    likesCount: { type: Number, default: 0, min: 0 },
  },
  { timestamps: true },
);

tweetSchema.index({ createdAt: -1, _id: -1 });
tweetSchema.index({ owner: 1, createdAt: -1, _id: -1 });

tweetSchema.plugin(mongooseAggregatePaginate);

tweetSchema.statics.add = function add(this: TweetModel, { content, owner }: Tweet) {
  return inTransaction([TWEETS, owner.toHexString()], async (session) => {
    const { matchedCount } = await User.updateOne(
      { _id: owner },
      { $inc: { tweetsCount: 1 } },
      { session, timestamps: false },
    );
    if (matchedCount === 0) {
      throw new ApiError("INVALID_ACCESS_TOKEN");
    }
    await Counter.add("tweets", 1, session);
    const [tweet] = await this.create([{ content, owner }], { session });
    return tweet!._id;
  });
};

export const Tweet = model<Tweet, TweetModel>("Tweet", tweetSchema);
