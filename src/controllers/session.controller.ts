import jwt from "jsonwebtoken";
import { trusted } from "mongoose";
import type { Request } from "express";
import { config } from "../config/env";
import { ACCESS_TOKEN_COOKIE, REFRESH_TOKEN_COOKIE } from "../constants";
import { bearerToken, cookie, currentSession, currentUser } from "../middlewares/auth.middleware";
import { loginGuard } from "../middlewares/rate-limit.middleware";
import { validated } from "../middlewares/validate.middleware";
import { Session, type OpenSession } from "../models/session.model";
import { User, type UserDocument } from "../models/user.model";
import { mediaUrlsFor } from "../presenters/media-url";
import { ownSession, ownUser, type SessionRow } from "../presenters/user.presenter";
import { compareWithNothing, withHashSlot } from "../services/passwords";
import { ApiError } from "../utils/ApiError";
import { ApiResponse } from "../utils/ApiResponse";
import { asyncHandler } from "../utils/asyncHandler";
import { verifyToken, type TokenClaims } from "../utils/jwt";
import { paginate, splitPage } from "../utils/pagination";
import * as schema from "../validations/user.validation";
import { clearTokens, handOutTokens } from "./tokens";

export const loginUser = asyncHandler(async (req, res) => {
  const { body } = validated(res, schema.loginUser);
  const user = await findAccount(body.username, body.email);
  // Counted by what was typed where no account is known, so that unknown ones are limited alike.
  const guard = loginGuard(req, res, user?.username ?? body.username ?? body.email ?? "");
  const known = await withHashSlot(async () => {
    await guard.begin();
    const account = await withPassword(user, body.password);
    await guard.succeed();
    return account;
  });
  const session = await Session.open(known._id, req.get("user-agent") ?? "");
  await endIfOutdated(known, session);
  const data = { user: ownUser(known, mediaUrlsFor(req)), ...handOutTokens(res, known, session) };
  new ApiResponse(200, data, schema.loginUser.message).send(res);
});

export const logoutUser = asyncHandler(async (req, res) => {
  const { body } = validated(res, schema.logoutUser);
  const { deletedCount } = await Session.deleteMany({
    _id: trusted({ $in: presentedSessions(req, body.refreshToken) }),
  });
  clearTokens(res);
  if (deletedCount === 0) {
    throw new ApiError("UNAUTHENTICATED");
  }
  new ApiResponse(200, {}, schema.logoutUser.message).send(res);
});

export const refreshAccessToken = asyncHandler(async (req, res) => {
  const { body } = validated(res, schema.refreshAccessToken);
  const claims = refreshClaims(cookie(req, REFRESH_TOKEN_COOKIE) ?? body.refreshToken);
  const session = await Session.rotate(claims);
  const user = await User.findOne({ _id: claims.sub });
  if (!user) {
    throw new ApiError("INVALID_REFRESH_TOKEN");
  }
  const data = handOutTokens(res, user, session);
  new ApiResponse(200, data, schema.refreshAccessToken.message).send(res);
});

export const getSessions = asyncHandler(async (_req, res) => {
  const { query } = validated(res, schema.getSessions);
  const { _id: user } = currentUser(res);
  const page = await paginate<SessionRow>(
    Session,
    {
      match: { user, expiresAt: { $gt: new Date() } },
      scope: { user },
      sortBy: "rotatedAt",
      direction: -1,
      join: [],
    },
    query,
  );
  const { docs, pagination } = splitPage(page);
  const data = docs.map((row) => ownSession(row, currentSession(res)._id));
  new ApiResponse(200, data, schema.getSessions.message, pagination).send(res);
});

export const deleteSession = asyncHandler(async (_req, res) => {
  const { params } = validated(res, schema.deleteSession);
  const { deletedCount } = await Session.deleteOne({
    _id: params.sessionId,
    user: currentUser(res)._id,
  });
  if (deletedCount === 0) {
    throw new ApiError("SESSION_NOT_FOUND");
  }
  new ApiResponse(200, {}, schema.deleteSession.message).send(res);
});

/** The account that goes by either name; forms with one field send it as either, or as both. */
async function findAccount(username?: string, email?: string): Promise<UserDocument | null> {
  const names = [username, email].filter((name) => name !== undefined);
  const accounts = await User.find({
    $or: names.flatMap((name) => [{ username: name.toLowerCase() }, { email: name.toLowerCase() }]),
  }).select("+password");
  return accounts.find((user) => user.username === username?.toLowerCase()) ?? accounts[0] ?? null;
}

/** The account if the password is right; for an unknown one the same refusal after the same time. */
async function withPassword(user: UserDocument | null, password: string): Promise<UserDocument> {
  if (user === null) {
    await compareWithNothing(password);
    throw new ApiError("INVALID_CREDENTIALS");
  }
  if (!(await user.isPasswordCorrect(password))) {
    throw new ApiError("INVALID_CREDENTIALS");
  }
  return user;
}

/**
 * Ends a session whose password was changed while it was compared: the change has ended the sessions
 * that there were, which may have been before this one was opened.
 */
async function endIfOutdated(
  { _id, password }: UserDocument,
  { session }: OpenSession,
): Promise<void> {
  if (!(await User.exists({ _id, password }))) {
    await Session.deleteOne({ _id: session._id });
    throw new ApiError("INVALID_CREDENTIALS");
  }
}

/** The sessions whose tokens the request shows, access or refresh, expired ones too. */
function presentedSessions(req: Request, bodyToken: string | null | undefined): string[] {
  const { accessTokenSecret, refreshTokenSecret } = config.auth;
  const access = bearerToken(req) ?? cookie(req, ACCESS_TOKEN_COOKIE);
  const refresh = cookie(req, REFRESH_TOKEN_COOKIE) ?? bodyToken;
  return [
    sessionIdOf(access, accessTokenSecret, "access"),
    sessionIdOf(refresh, refreshTokenSecret, "refresh"),
  ].filter((id) => id !== null);
}

function sessionIdOf(
  token: string | null | undefined,
  secret: string,
  typ: TokenClaims["typ"],
): string | null {
  try {
    return verifyToken(token ?? "", secret, typ, { ignoreExpiration: true }).sid;
  } catch {
    return null;
  }
}

function refreshClaims(token: string | null | undefined): TokenClaims {
  if (!token) {
    throw new ApiError("UNAUTHENTICATED");
  }
  try {
    return verifyToken(token, config.auth.refreshTokenSecret, "refresh");
  } catch (cause) {
    const expired = cause instanceof jwt.TokenExpiredError;
    throw new ApiError(expired ? "REFRESH_TOKEN_EXPIRED" : "INVALID_REFRESH_TOKEN", { cause });
  }
}
