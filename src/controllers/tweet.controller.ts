import type { Request, Response } from "express";
import type { Types } from "mongoose";
import { removeTweet } from "../jobs/removal";
import { currentUser } from "../middlewares/auth.middleware";
import { loadedChannel, loadedTweet } from "../middlewares/load.middleware";
import { validated } from "../middlewares/validate.middleware";
import { Counter } from "../models/counter.model";
import { joinIsLiked, joinOwner } from "../models/pipelines/join.pipelines";
import { Tweet } from "../models/tweet.model";
import { mediaUrlsFor } from "../presenters/media-url";
import { tweet, type JoinedTweet } from "../presenters/tweet.presenter";
import { ApiError } from "../utils/ApiError";
import { ApiResponse } from "../utils/ApiResponse";
import { asyncHandler } from "../utils/asyncHandler";
import { paginate, splitPage, type PageRequest } from "../utils/pagination";
import * as schema from "../validations/tweet.validation";

export const getAllTweets = asyncHandler(async (req, res) => {
  const { query } = validated(res, schema.getAllTweets);
  const list = { match: {}, total: Counter.read("tweets") };
  const data = await readPage(req, res, list, query);
  new ApiResponse(200, data, schema.getAllTweets.message).send(res);
});

export const createTweet = asyncHandler(async (req, res) => {
  const { body } = validated(res, schema.createTweet);
  const id = await Tweet.add({ content: body.content, owner: currentUser(res)._id });
  const data = await read(req, res, id);
  new ApiResponse(201, data, schema.createTweet.message).send(res);
});

export const getUserTweets = asyncHandler(async (req, res) => {
  const { query } = validated(res, schema.getUserTweets);
  const { _id, tweetsCount } = loadedChannel(res);
  const list = { match: { owner: _id }, total: Promise.resolve(tweetsCount) };
  const { docs, pagination } = splitPage(await readPage(req, res, list, query));
  new ApiResponse(200, docs, schema.getUserTweets.message, pagination).send(res);
});

export const updateTweet = asyncHandler(async (req, res) => {
  const { body } = validated(res, schema.updateTweet);
  const { _id } = loadedTweet(res);
  await Tweet.updateOne({ _id }, { $set: body });
  const data = await read(req, res, _id);
  new ApiResponse(200, data, schema.updateTweet.message).send(res);
});

export const deleteTweet = asyncHandler(async (_req, res) => {
  const { _id } = loadedTweet(res);
  await removeTweet(_id);
  new ApiResponse(200, { tweetId: _id }, schema.deleteTweet.message).send(res);
});

interface List {
  match: Record<string, unknown>;
  total: Promise<number>;
}

/** Newest first. */
async function readPage(req: Request, res: Response, list: List, request: PageRequest) {
  const order = { sortBy: "createdAt", direction: -1 } as const;
  const page = await paginate<JoinedTweet>(Tweet, { ...list, ...order, join: joins(res) }, request);
  const url = mediaUrlsFor(req);
  return { ...page, docs: page.docs.map((row) => tweet(row, url)) };
}

async function read(req: Request, res: Response, id: Types.ObjectId) {
  const [row] = await Tweet.aggregate<JoinedTweet>([{ $match: { _id: id } }, ...joins(res)]);
  if (!row) {
    throw new ApiError("TWEET_NOT_FOUND");
  }
  return tweet(row, mediaUrlsFor(req));
}

function joins(res: Response) {
  return [...joinOwner(), ...joinIsLiked("tweet", res.locals.user?._id)];
}
