import { createHash, createHmac, randomBytes } from "node:crypto";
import {
  Schema,
  model,
  type AggregatePaginateModel,
  type HydratedDocument,
  type Types,
} from "mongoose";
import mongooseAggregatePaginate from "mongoose-aggregate-paginate-v2";
import { config } from "../config/env";
import { REFRESH_GRACE_MS, SESSION_MAX_AGE_MS } from "../constants";
import { ApiError } from "../utils/ApiError";
import type { TokenClaims } from "../utils/jwt";

interface Session {
  user: Types.ObjectId;
  /** User-Agent at sign-in. */
  device: string;
  /** SHA-256 of the id of the refresh token that is good now, and of the one before it. */
  tokenHash: string;
  previousHash: string | null;
  rotatedAt: Date;
  expiresAt: Date;
  createdAt: Date;
}

export type SessionDocument = HydratedDocument<Session>;

/** A session and the id of its current refresh token, which is stored nowhere. */
export interface OpenSession {
  session: SessionDocument;
  tokenId: string;
}

interface SessionModel extends AggregatePaginateModel<Session> {
  /** Begins a session: sign-in. */
  open(user: Types.ObjectId, device: string): Promise<OpenSession>;
  /**
   * Trades a genuine refresh token for its successor. A token works once; for ten seconds after
   * that it answers with the same successor, because parallel tabs refresh at once. Any later use
   * means that two parties hold it, so the session ends (RFC 9700, section 4.14.2).
   * @throws ApiError INVALID_REFRESH_TOKEN, REFRESH_TOKEN_REUSED
   */
  rotate(claims: TokenClaims): Promise<OpenSession>;
}

const sessionSchema = new Schema<Session, SessionModel>(
  {
    user: { type: Schema.Types.ObjectId, ref: "User", required: true },
    device: { type: String, default: "" },
    tokenHash: { type: String, required: true },
    previousHash: { type: String, default: null },
    rotatedAt: { type: Date, required: true },
    expiresAt: { type: Date, required: true },
  },
  { timestamps: { createdAt: true, updatedAt: false } },
);

sessionSchema.index({ user: 1, rotatedAt: -1, _id: -1 });
sessionSchema.index({ expiresAt: 1 }, { expireAfterSeconds: 0 });

sessionSchema.plugin(mongooseAggregatePaginate);

sessionSchema.statics.open = async function open(
  this: SessionModel,
  user: Types.ObjectId,
  device: string,
) {
  const tokenId = randomBytes(32).toString("base64url");
  const now = new Date();
  const session = await this.create({
    user,
    device: device.slice(0, 300),
    tokenHash: hash(tokenId),
    rotatedAt: now,
    expiresAt: new Date(now.getTime() + config.auth.refreshTokenTtl),
  });
  return { session, tokenId };
};

sessionSchema.statics.rotate = async function rotate(this: SessionModel, claims: TokenClaims) {
  const presented = hash(claims.jti);
  const tokenId = successorOf(claims.jti);
  const own = { _id: claims.sid, user: claims.sub };
  const before = await this.findOne(own);
  if (!before) {
    throw new ApiError("INVALID_REFRESH_TOKEN");
  }
  const rotated = await this.findOneAndUpdate(
    { ...own, tokenHash: presented },
    { $set: rotation(before, presented, tokenId) },
    { returnDocument: "after" },
  );
  // Not rotated here: somebody else did, just now or long ago.
  const session = rotated ?? (await this.findOne(own));
  if (!session) {
    throw new ApiError("INVALID_REFRESH_TOKEN");
  }
  if (rotated === null && !isGraceful(session, presented)) {
    await this.deleteOne({ _id: session._id });
    throw new ApiError("REFRESH_TOKEN_REUSED");
  }
  return { session, tokenId };
};

function rotation(before: SessionDocument, presented: string, tokenId: string) {
  const now = Date.now();
  const end = before.createdAt.getTime() + SESSION_MAX_AGE_MS;
  return {
    tokenHash: hash(tokenId),
    previousHash: presented,
    rotatedAt: new Date(now),
    expiresAt: new Date(Math.min(now + config.auth.refreshTokenTtl, end)),
  };
}

function isGraceful(session: SessionDocument, presented: string): boolean {
  return (
    session.previousHash === presented &&
    Date.now() - session.rotatedAt.getTime() <= REFRESH_GRACE_MS
  );
}

/** Derived, not random: whoever presents the same token within the grace gets the same successor, and none is stored. */
function successorOf(tokenId: string): string {
  return createHmac("sha256", config.auth.refreshTokenSecret)
    .update(`successor:${tokenId}`)
    .digest("base64url");
}

function hash(tokenId: string): string {
  return createHash("sha256").update(tokenId).digest("hex");
}

export const Session = model<Session, SessionModel>("Session", sessionSchema);
