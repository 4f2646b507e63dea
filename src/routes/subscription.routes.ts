import { Router } from "express";
import * as subscription from "../controllers/subscription.controller";
import { optionalJWT, verifyJWT } from "../middlewares/auth.middleware";
import { loadUser } from "../middlewares/load.middleware";
import { validate } from "../middlewares/validate.middleware";
import * as schema from "../validations/subscription.validation";

export const subscriptionRouter = Router();

subscriptionRouter
  .route("/c/:channelId")
  .get(
    optionalJWT,
    validate(schema.getUserChannelSubscribers),
    loadUser("channelId"),
    subscription.getUserChannelSubscribers,
  )
  .post(
    verifyJWT,
    validate(schema.toggleSubscription),
    loadUser("channelId"),
    subscription.toggleSubscription,
  );
subscriptionRouter
  .route("/u/:subscriberId")
  .get(
    optionalJWT,
    validate(schema.getSubscribedChannels),
    loadUser("subscriberId"),
    subscription.getSubscribedChannels,
  );
subscriptionRouter
  .route("/videos")
  .get(verifyJWT, validate(schema.getSubscribedVideos), subscription.getSubscribedVideos);
