import { Router } from "express";
import * as tweet from "../controllers/tweet.controller";
import { optionalJWT, verifyJWT } from "../middlewares/auth.middleware";
import { loadChannel, loadOwnTweet } from "../middlewares/load.middleware";
import { upload } from "../middlewares/upload.middleware";
import { validate } from "../middlewares/validate.middleware";
import * as schema from "../validations/tweet.validation";

export const tweetRouter = Router();

tweetRouter
  .route("/")
  .get(optionalJWT, validate(schema.getAllTweets), tweet.getAllTweets)
  .post(verifyJWT, upload(schema.createTweet), validate(schema.createTweet), tweet.createTweet);
tweetRouter
  .route("/user/:userId")
  .get(optionalJWT, validate(schema.getUserTweets), loadChannel("userId"), tweet.getUserTweets);
tweetRouter
  .route("/:tweetId")
  .patch(
    verifyJWT,
    loadOwnTweet,
    upload(schema.updateTweet),
    validate(schema.updateTweet),
    tweet.updateTweet,
  )
  .delete(verifyJWT, loadOwnTweet, tweet.deleteTweet);
