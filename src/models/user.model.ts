import { randomBytes } from "node:crypto";
import bcrypt from "bcrypt";
import {
  Schema,
  model,
  trusted,
  type HydratedDocument,
  type Model,
  type QueryFilter,
  type Types,
} from "mongoose";
import { config } from "../config/env";
import { ApiError } from "../utils/ApiError";
import { signToken } from "../utils/jwt";
import type { SessionDocument } from "./session.model";
import { inTransaction } from "./transaction";
import { dropReplaced, type Drop } from "./unclaimed-file.model";

interface User {
  username: string;
  email: string;
  fullName: string;
  /** Storage keys, never URLs. */
  avatar: string;
  coverImage: string;
  /** bcrypt hash; not selected unless asked for. */
  password: string;
  subscribersCount: number;
  subscriptionsCount: number;
  tweetsCount: number;
  /** Own videos: all of them, and the published ones. */
  uploadsCount: number;
  videosCount: number;
  /** Bytes of the original files of all own videos. */
  storedBytes: number;
  /** When the last upload began; written so that uploads of one user begin one after the other. */
  uploadBegunAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

interface UserMethods {
  /** Compares with the stored hash; the password must have been selected. */
  isPasswordCorrect(password: string): Promise<boolean>;
  /** A short-lived token for requests, bound to the session. */
  generateAccessToken(sessionId: Types.ObjectId): string;
  /** The session's refresh token of its current rotation; equal input gives an equal token. */
  generateRefreshToken(session: SessionDocument, tokenId: string): string;
}

type Images = Pick<User, "avatar" | "coverImage">;

interface UserModel extends Model<User, object, UserMethods> {
  /**
   * Points an account at a new image; `drop` is told which file it lets go of.
   * @throws ApiError INVALID_ACCESS_TOKEN when the account is gone
   */
  replaceImage(id: Types.ObjectId, image: Partial<Images>, drop: Drop): Promise<UserDocument>;
}

export type UserDocument = HydratedDocument<User, UserMethods>;

const userSchema = new Schema<User, UserModel, UserMethods>(
  {
    username: { type: String, required: true, lowercase: true, trim: true },
    email: { type: String, required: true, lowercase: true, trim: true },
    fullName: { type: String, required: true, trim: true },
    avatar: { type: String, required: true },
    coverImage: { type: String, default: "" },
    password: { type: String, required: true, select: false },
    subscribersCount: { type: Number, default: 0, min: 0 },
    subscriptionsCount: { type: Number, default: 0, min: 0 },
    tweetsCount: { type: Number, default: 0, min: 0 },
    uploadsCount: { type: Number, default: 0, min: 0 },
    videosCount: { type: Number, default: 0, min: 0 },
    storedBytes: { type: Number, default: 0, min: 0 },
    uploadBegunAt: { type: Date, default: null },
  },
  { timestamps: true },
);

userSchema.index({ username: 1 }, { unique: true });
userSchema.index({ email: 1 }, { unique: true });

userSchema.pre("save", async function hashPassword() {
  if (this.isModified("password")) {
    this.password = await bcrypt.hash(this.password, config.auth.bcryptRounds);
  }
});

userSchema.methods.isPasswordCorrect = function isPasswordCorrect(password) {
  return bcrypt.compare(password, this.password);
};

userSchema.methods.generateAccessToken = function generateAccessToken(sessionId) {
  const iat = Math.floor(Date.now() / 1000);
  return signToken(
    {
      sub: this.id,
      sid: sessionId.toHexString(),
      typ: "access",
      jti: randomBytes(12).toString("base64url"),
      iat,
      exp: iat + Math.floor(config.auth.accessTokenTtl / 1000),
    },
    config.auth.accessTokenSecret,
  );
};

userSchema.methods.generateRefreshToken = function generateRefreshToken(session, tokenId) {
  return signToken(
    {
      sub: this.id,
      sid: session.id,
      typ: "refresh",
      jti: tokenId,
      iat: Math.floor(session.rotatedAt.getTime() / 1000),
      exp: Math.floor(session.expiresAt.getTime() / 1000),
    },
    config.auth.refreshTokenSecret,
  );
};

userSchema.statics.replaceImage = function replaceImage(
  this: UserModel,
  id: Types.ObjectId,
  image: Partial<Images>,
  drop: Drop,
) {
  return inTransaction([id.toHexString()], async (session) => {
    // Answered by the write itself: what was read before it may have been replaced meanwhile.
    const options = { session, returnDocument: "before" } as const;
    const before = await this.findOneAndUpdate({ _id: id }, { $set: image }, options);
    const after = await this.findById(id).session(session);
    if (!before || !after) {
      throw new ApiError("INVALID_ACCESS_TOKEN");
    }
    await dropReplaced({ before: imagesOf(before), after: imagesOf(after) }, drop, session);
    return after;
  });
};

/** The storage keys of the images that an account has. */
export function imagesOf({ avatar, coverImage }: Images): string[] {
  return [avatar, coverImage].filter((key) => key !== "");
}

/** The user, if a further video of so many bytes is within what he may have. */
export function withRoomFor(bytes: number): QueryFilter<User> {
  const { videosPerUser, bytesPerUser } = config.limits;
  return {
    uploadsCount: trusted({ $lt: videosPerUser }),
    // Accounts from before there were quotas have no such field.
    storedBytes: trusted({ $not: { $gt: bytesPerUser - bytes } }),
  };
}

export const User = model<User, UserModel>("User", userSchema);
