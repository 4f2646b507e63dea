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
import { signToken } from "../utils/jwt";
import type { SessionDocument } from "./session.model";

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

type UserModel = Model<User, object, UserMethods>;
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
