import {
  count,
  idOf,
  objectId,
  objectIdOf,
  pageOf,
  pageQuery,
  choice,
  sortType,
  text,
  timestamp,
} from "./common.validation";
import { operation } from "./operation";
import { owner } from "./user.validation";
import { videoParams } from "./video.validation";
import { z } from "./zod";

const content = text({ max: 2000 }).openapi({ example: "What a light!" });
const commentParams = z.object({ commentId: objectIdOf("comment") });

const comment = z
  .strictObject({
    _id: idOf("comment"),
    content: z.string().openapi({ example: "What a light!" }),
    video: idOf("video"),
    owner,
    parent: idOf("comment").nullable().openapi({ example: null }),
    likesCount: count,
    repliesCount: count,
    isLiked: z.boolean(),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .openapi("Comment");

export const getVideoComments = operation({
  method: "get",
  path: "/comments/:videoId",
  tag: "Comments",
  summary: "The comments on a video; replies are read by thread",
  access: "optional",
  params: videoParams,
  query: z.object({
    ...pageQuery,
    sortBy: choice(z.enum(["createdAt", "likesCount"]))
      .transform((value) => value ?? "createdAt")
      .openapi({ type: "string", enum: ["createdAt", "likesCount"], default: "createdAt" }),
    sortType,
  }),
  status: 200,
  message: "Comments fetched successfully",
  data: pageOf(comment),
  errors: ["VIDEO_NOT_FOUND", "INVALID_CURSOR"],
});

export const addComment = operation({
  method: "post",
  path: "/comments/:videoId",
  tag: "Comments",
  summary: "Comment on a video, or reply to a comment",
  description: "A reply to a reply joins the thread: `parent` is then the comment it began with.",
  access: "required",
  params: videoParams,
  body: z.object({
    content,
    parent: objectId.nullish().openapi({ type: ["string", "null"] }),
  }),
  status: 201,
  message: "Comment added successfully",
  data: comment,
  errors: ["VIDEO_NOT_FOUND", "COMMENT_NOT_FOUND"],
});

export const getCommentReplies = operation({
  method: "get",
  path: "/comments/replies/:commentId",
  tag: "Comments",
  summary: "The replies to a comment, in the order they were written",
  access: "optional",
  params: commentParams,
  query: z.object(pageQuery),
  status: 200,
  message: "Replies fetched successfully",
  data: pageOf(comment),
  errors: ["COMMENT_NOT_FOUND", "INVALID_CURSOR"],
});

export const updateComment = operation({
  method: "patch",
  path: "/comments/c/:commentId",
  tag: "Comments",
  summary: "Change one's own comment",
  access: "required",
  params: commentParams,
  body: z.object({ content }),
  status: 200,
  message: "Comment updated successfully",
  data: comment,
  errors: ["FORBIDDEN", "COMMENT_NOT_FOUND"],
});

export const deleteComment = operation({
  method: "delete",
  path: "/comments/c/:commentId",
  tag: "Comments",
  summary: "Delete one's own comment, or one under one's own video; its replies go too",
  access: "required",
  params: commentParams,
  status: 200,
  message: "Comment deleted successfully",
  data: z.strictObject({ commentId: idOf("comment") }),
  errors: ["FORBIDDEN", "COMMENT_NOT_FOUND"],
});
