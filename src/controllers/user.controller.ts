import { dirname, join } from "node:path";
import { Error as MongooseError, trusted, type Types } from "mongoose";
import type { Response } from "express";
import { newKey, saveWithFiles, type NewFile } from "../jobs/files";
import { removeUser } from "../jobs/removal";
import { currentSession, currentUser } from "../middlewares/auth.middleware";
import { requiredFile } from "../middlewares/upload.middleware";
import { validated } from "../middlewares/validate.middleware";
import { Session } from "../models/session.model";
import { Subscription } from "../models/subscription.model";
import { User, type UserDocument } from "../models/user.model";
import { Video } from "../models/video.model";
import { mediaUrlsFor } from "../presenters/media-url";
import { ownUser, publicUser } from "../presenters/user.presenter";
import { normalizeImage } from "../services/image";
import { withHashSlot } from "../services/passwords";
import { ApiError, type ErrorCode } from "../utils/ApiError";
import { ApiResponse } from "../utils/ApiResponse";
import { asyncHandler } from "../utils/asyncHandler";
import { isDuplicateKey } from "../utils/duplicate-key";
import * as schema from "../validations/user.validation";
import { clearTokens } from "./tokens";

/** Widest stored image of each kind, in pixels. */
const IMAGE_WIDTH = { avatar: 512, coverImage: 2560 } as const;
type ImageField = keyof typeof IMAGE_WIDTH;

export const registerUser = asyncHandler(async (req, res) => {
  const { body } = validated(res, schema.registerUser);
  if (await User.exists({ $or: [{ username: body.username }, { email: body.email }] })) {
    throw new ApiError("USER_EXISTS");
  }
  const user = new User(body);
  const stored = [await newImage(res, user._id, "avatar")];
  if (res.locals.files?.coverImage) {
    stored.push(await newImage(res, user._id, "coverImage"));
  }
  const [avatar, coverImage] = stored;
  user.set({ avatar: avatar?.key, coverImage: coverImage?.key ?? "" });
  await saveWithFiles(stored, () => withHashSlot(() => saveUnlessTaken(user, "USER_EXISTS")));
  const data = ownUser(user, mediaUrlsFor(req));
  new ApiResponse(201, data, schema.registerUser.message).send(res);
});

export const changePassword = asyncHandler(async (_req, res) => {
  const { body } = validated(res, schema.changePassword);
  const user = currentUser(res);
  const { password } = await requirePassword(user, body.oldPassword, OLD_PASSWORD);
  user.password = body.newPassword;
  // Of changes at once one finds the old password; to the others it is wrong by then.
  user.$where = { password };
  await withHashSlot(() => saveAccount(user, () => wrongPassword(OLD_PASSWORD)));
  await Session.deleteMany({
    user: user._id,
    _id: trusted({ $ne: currentSession(res)._id }),
  });
  new ApiResponse(200, {}, schema.changePassword.message).send(res);
});

// eslint-disable-next-line @typescript-eslint/require-await -- one form for every controller
export const getCurrentUser = asyncHandler(async (req, res) => {
  const data = ownUser(currentUser(res), mediaUrlsFor(req));
  new ApiResponse(200, data, schema.getCurrentUser.message).send(res);
});

export const deleteCurrentUser = asyncHandler(async (_req, res) => {
  const { body } = validated(res, schema.deleteCurrentUser);
  const user = currentUser(res);
  await requirePassword(user, body.password, PASSWORD);
  await removeUser(user._id);
  clearTokens(res);
  new ApiResponse(200, {}, schema.deleteCurrentUser.message).send(res);
});

export const updateAccount = asyncHandler(async (req, res) => {
  const { body } = validated(res, schema.updateAccount);
  const user = currentUser(res);
  user.set(body);
  await saveUnlessTaken(user, "EMAIL_TAKEN");
  const data = ownUser(user, mediaUrlsFor(req));
  new ApiResponse(200, data, schema.updateAccount.message).send(res);
});

export const updateAvatar = asyncHandler(async (req, res) => {
  const user = await replaceImage(res, "avatar");
  const data = ownUser(user, mediaUrlsFor(req));
  new ApiResponse(200, data, schema.updateAvatar.message).send(res);
});

export const updateCoverImage = asyncHandler(async (req, res) => {
  const user = await replaceImage(res, "coverImage");
  const data = ownUser(user, mediaUrlsFor(req));
  new ApiResponse(200, data, schema.updateCoverImage.message).send(res);
});

export const getChannel = asyncHandler(async (req, res) => {
  const { params } = validated(res, schema.getChannel);
  const user = await User.findOne({ username: params.username });
  if (!user) {
    throw new ApiError("CHANNEL_NOT_FOUND");
  }
  const [totalViews, isSubscribed] = await Promise.all([
    viewsOf(user._id),
    isSubscribedTo(user._id, res.locals.user?._id),
  ]);
  const data = {
    ...publicUser(user, mediaUrlsFor(req)),
    subscribersCount: user.subscribersCount,
    channelsSubscribedToCount: user.subscriptionsCount,
    isSubscribed,
    videosCount: user.videosCount,
    tweetsCount: user.tweetsCount,
    totalViews,
  };
  new ApiResponse(200, data, schema.getChannel.message).send(res);
});

async function viewsOf(owner: Types.ObjectId): Promise<number> {
  const [totals] = await Video.aggregate<{ views: number }>([
    { $match: { owner, isPublished: true } },
    { $group: { _id: null, views: { $sum: "$views" } } },
  ]);
  return totals?.views ?? 0;
}

async function isSubscribedTo(
  channel: Types.ObjectId,
  subscriber: Types.ObjectId | undefined,
): Promise<boolean> {
  return subscriber !== undefined && (await Subscription.exists({ subscriber, channel })) !== null;
}

/** A field that asks for the user's password, and the refusal of any other. */
interface PasswordField {
  path: string;
  code: ErrorCode;
}

const PASSWORD: PasswordField = { path: "password", code: "INVALID_PASSWORD" };
const OLD_PASSWORD: PasswordField = { path: "oldPassword", code: "INVALID_OLD_PASSWORD" };

function wrongPassword({ path, code }: PasswordField): ApiError {
  return new ApiError(code, { errors: [{ path, message: "is not the current password" }] });
}

/** Answers the account with its hash; refuses a password that is not the user's. */
async function requirePassword(
  user: UserDocument,
  password: string,
  field: PasswordField,
): Promise<UserDocument> {
  const stored = await User.findById(user._id).select("+password");
  if (!stored || !(await withHashSlot(() => stored.isPasswordCorrect(password)))) {
    throw wrongPassword(field);
  }
  return stored;
}

/** Saves an account unless it was removed, or is not what `$where` says any more. */
async function saveAccount(
  user: UserDocument,
  refusal = () => new ApiError("INVALID_ACCESS_TOKEN"),
): Promise<void> {
  try {
    await user.save();
  } catch (error) {
    throw error instanceof MongooseError.DocumentNotFoundError ? refusal() : error;
  }
}

/** Of parallel requests for one name, all pass the question whether it is free; the unique index decides. */
async function saveUnlessTaken(user: UserDocument, code: ErrorCode): Promise<void> {
  try {
    await saveAccount(user);
  } catch (error) {
    if (isDuplicateKey(error)) {
      throw new ApiError(code, { cause: error });
    }
    throw error;
  }
}

/** Re-encodes a received image beside the original; it is still to be stored. */
async function newImage(res: Response, id: Types.ObjectId, field: ImageField): Promise<NewFile> {
  const { path: received } = requiredFile(res, field);
  const path = join(dirname(received), `${field}.webp`);
  await normalizeImage(received, path, { maxWidth: IMAGE_WIDTH[field] });
  return { key: newKey("users", id, "webp"), path, contentType: "image/webp" };
}

/** Stores the new image, points the account at it, and only then removes the old one. */
async function replaceImage(res: Response, field: ImageField): Promise<UserDocument> {
  const { _id } = currentUser(res);
  const image = await newImage(res, _id, field);
  return saveWithFiles([image], (drop) => User.replaceImage(_id, { [field]: image.key }, drop));
}
