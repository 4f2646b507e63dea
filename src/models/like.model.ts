import {
  Schema,
  model,
  type AggregatePaginateModel,
  type ClientSession,
  type HydratedDocument,
  type Model,
  type Types,
} from "mongoose";
import mongooseAggregatePaginate from "mongoose-aggregate-paginate-v2";
import { ApiError } from "../utils/ApiError";
import { Comment } from "./comment.model";
import { inTransaction } from "./transaction";
import { Tweet } from "./tweet.model";
import { Video } from "./video.model";

/** What can be liked. */
export type Likeable = "video" | "comment" | "tweet";

interface Like {
  user: Types.ObjectId;
  kind: Likeable;
  target: Types.ObjectId;
  createdAt: Date;
}

type LikeDocument = HydratedDocument<Like>;

interface LikeModel extends AggregatePaginateModel<Like> {
  /**
   * Likes a thing, or takes the like back; the row and the thing's count change together.
   * @throws ApiError VIDEO_NOT_FOUND, COMMENT_NOT_FOUND, TWEET_NOT_FOUND
   */
  toggle(
    kind: Likeable,
    target: Types.ObjectId,
    user: Types.ObjectId,
  ): Promise<{ isLiked: boolean; likesCount: number }>;
  /** Takes a like back, if it is still there. */
  withdraw(like: LikeDocument): Promise<void>;
}

const likeSchema = new Schema<Like, LikeModel>(
  {
    user: { type: Schema.Types.ObjectId, ref: "User", required: true },
    kind: { type: String, enum: ["video", "comment", "tweet"], required: true },
    target: { type: Schema.Types.ObjectId, required: true },
  },
  { timestamps: { createdAt: true, updatedAt: false } },
);

likeSchema.index({ target: 1, kind: 1, user: 1 }, { unique: true });
likeSchema.index({ user: 1, kind: 1, createdAt: -1, _id: -1 });

likeSchema.plugin(mongooseAggregatePaginate);

likeSchema.statics.toggle = function toggle(
  this: LikeModel,
  kind: Likeable,
  target: Types.ObjectId,
  user: Types.ObjectId,
) {
  return inTransaction([target.toHexString()], async (session) => {
    const { deletedCount } = await this.deleteOne({ target, kind, user }, { session });
    const isLiked = deletedCount === 0;
    if (isLiked) {
      await this.create([{ target, kind, user }], { session });
    }
    const liked = await count(kind, target, isLiked ? 1 : -1, session);
    if (!liked) {
      throw new ApiError(NOT_FOUND[kind]);
    }
    return { isLiked, likesCount: liked.likesCount };
  });
};

likeSchema.statics.withdraw = function withdraw(
  this: LikeModel,
  { _id, kind, target }: LikeDocument,
) {
  return inTransaction([target.toHexString()], async (session) => {
    const { deletedCount } = await this.deleteOne({ _id }, { session });
    await count(kind, target, -deletedCount, session);
  });
};

const NOT_FOUND = {
  video: "VIDEO_NOT_FOUND",
  comment: "COMMENT_NOT_FOUND",
  tweet: "TWEET_NOT_FOUND",
} as const;

/** Changes the count that a liked thing carries; answers the thing, null when it is gone. */
function count(kind: Likeable, target: Types.ObjectId, by: number, session: ClientSession) {
  const models = { video: Video, comment: Comment, tweet: Tweet };
  // All three have the counter; as a union their methods cannot be called.
  const liked = models[kind] as unknown as Model<{ likesCount: number }>;
  return liked.findOneAndUpdate(
    { _id: target },
    { $inc: { likesCount: by } },
    { session, timestamps: false, returnDocument: "after" },
  );
}

export const Like = model<Like, LikeModel>("Like", likeSchema);
