import { Types } from "mongoose";
import type { Request, Response } from "express";
import { removeComment } from "../jobs/removal";
import { currentUser } from "../middlewares/auth.middleware";
import { loadedComment, loadedVideo } from "../middlewares/load.middleware";
import { validated } from "../middlewares/validate.middleware";
import { Comment } from "../models/comment.model";
import { joinIsLiked, joinOwner } from "../models/pipelines/join.pipelines";
import { comment, type JoinedComment } from "../presenters/comment.presenter";
import { mediaUrlsFor } from "../presenters/media-url";
import { ApiError } from "../utils/ApiError";
import { ApiResponse } from "../utils/ApiResponse";
import { asyncHandler } from "../utils/asyncHandler";
import { paginate, type PageRequest } from "../utils/pagination";
import * as schema from "../validations/comment.validation";

export const getVideoComments = asyncHandler(async (req, res) => {
  const { query } = validated(res, schema.getVideoComments);
  const match = { video: loadedVideo(res)._id, parent: null };
  const direction = query.sortType === "asc" ? 1 : -1;
  const data = await readPage(req, res, { match, sortBy: query.sortBy, direction }, query);
  new ApiResponse(200, data, schema.getVideoComments.message).send(res);
});

export const addComment = asyncHandler(async (req, res) => {
  const { body } = validated(res, schema.addComment);
  const id = await Comment.add({
    content: body.content,
    video: loadedVideo(res)._id,
    owner: currentUser(res)._id,
    parent: body.parent ? new Types.ObjectId(body.parent) : null,
  });
  const data = await read(req, res, id);
  new ApiResponse(201, data, schema.addComment.message).send(res);
});

export const getCommentReplies = asyncHandler(async (req, res) => {
  const { query } = validated(res, schema.getCommentReplies);
  const match = { parent: loadedComment(res)._id };
  const data = await readPage(req, res, { match, sortBy: "createdAt", direction: 1 }, query);
  new ApiResponse(200, data, schema.getCommentReplies.message).send(res);
});

export const updateComment = asyncHandler(async (req, res) => {
  const { body } = validated(res, schema.updateComment);
  const { _id } = loadedComment(res);
  await Comment.updateOne({ _id }, { $set: body });
  const data = await read(req, res, _id);
  new ApiResponse(200, data, schema.updateComment.message).send(res);
});

export const deleteComment = asyncHandler(async (_req, res) => {
  const { _id, video } = loadedComment(res);
  await removeComment(_id, video);
  new ApiResponse(200, { commentId: _id }, schema.deleteComment.message).send(res);
});

interface List {
  match: Record<string, unknown>;
  sortBy: string;
  direction: 1 | -1;
}

async function readPage(req: Request, res: Response, list: List, request: PageRequest) {
  const join = joins(res);
  const page = await paginate<JoinedComment>(Comment, { ...list, join }, request);
  const url = mediaUrlsFor(req);
  return { ...page, docs: page.docs.map((row) => comment(row, url)) };
}

async function read(req: Request, res: Response, id: Types.ObjectId) {
  const [row] = await Comment.aggregate<JoinedComment>([{ $match: { _id: id } }, ...joins(res)]);
  if (!row) {
    throw new ApiError("COMMENT_NOT_FOUND");
  }
  return comment(row, mediaUrlsFor(req));
}

function joins(res: Response) {
  return [...joinOwner(), ...joinIsLiked("comment", res.locals.user?._id)];
}
