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
import { Video } from "./video.model";

interface Comment {
  content: string;
  video: Types.ObjectId;
  owner: Types.ObjectId;
  /** The comment that this one replies to; null for one on the video itself. Threads have one level. */
  parent: Types.ObjectId | null;
  likesCount: number;
  repliesCount: number;
  createdAt: Date;
  updatedAt: Date;
}

export type CommentDocument = HydratedDocument<Comment>;

interface CommentModel extends AggregatePaginateModel<Comment> {
  /**
   * Saves a comment and counts it on its video and, a reply, on its thread. Answers its id.
   * @throws ApiError VIDEO_NOT_FOUND; COMMENT_NOT_FOUND when the parent is no comment on this video
   */
  add(comment: Pick<Comment, "content" | "video" | "owner" | "parent">): Promise<Types.ObjectId>;
}

const commentSchema = new Schema<Comment, CommentModel>(
  {
    content: { type: String, required: true },
    video: { type: Schema.Types.ObjectId, ref: "Video", required: true },
    owner: { type: Schema.Types.ObjectId, ref: "User", required: true },
    parent: { type: Schema.Types.ObjectId, ref: "Comment", default: null },
    likesCount: { type: Number, default: 0, min: 0 },
    repliesCount: { type: Number, default: 0, min: 0 },
  },
  { timestamps: true },
);

commentSchema.index({ video: 1, parent: 1, createdAt: -1, _id: -1 });
commentSchema.index({ video: 1, parent: 1, likesCount: -1, _id: -1 });
commentSchema.index({ parent: 1, createdAt: 1, _id: 1 });
commentSchema.index({ owner: 1 });

commentSchema.plugin(mongooseAggregatePaginate);

commentSchema.statics.add = function add(
  this: CommentModel,
  { content, video, owner, parent }: Comment,
) {
  return inTransaction([video.toHexString()], async (session) => {
    const thread = parent && (await countReply(parent, video, session));
    const { matchedCount } = await Video.updateOne(
      { _id: video },
      { $inc: { commentsCount: 1 } },
      { session, timestamps: false },
    );
    if (matchedCount === 0) {
      throw new ApiError("VIDEO_NOT_FOUND");
    }
    const [comment] = await this.create([{ content, video, owner, parent: thread }], { session });
    return comment!._id;
  });
};

/** Counts a reply on the comment that its thread began with, and answers that one's id. */
async function countReply(
  parent: Types.ObjectId,
  video: Types.ObjectId,
  session: ClientSession,
): Promise<Types.ObjectId> {
  const answered = await Comment.findOne({ _id: parent, video }).session(session);
  const thread =
    answered &&
    (await Comment.findOneAndUpdate(
      { _id: answered.parent ?? parent },
      { $inc: { repliesCount: 1 } },
      { session, timestamps: false },
    ));
  if (!thread) {
    throw new ApiError("COMMENT_NOT_FOUND");
  }
  return thread._id;
}

export const Comment = model<Comment, CommentModel>("Comment", commentSchema);
