import jwt from "jsonwebtoken";
import { trusted } from "mongoose";
import type { Request, RequestHandler, Response } from "express";
import { config } from "../config/env";
import { ACCESS_TOKEN_COOKIE } from "../constants";
import { Session, type SessionDocument } from "../models/session.model";
import { User, type UserDocument } from "../models/user.model";
import { ApiError } from "../utils/ApiError";
import { asyncHandler } from "../utils/asyncHandler";
import { verifyToken, type TokenClaims } from "../utils/jwt";

/**
 * The token of an `Authorization: Bearer` header (RFC 6750, section 2.1). Clients that have none
 * yet send an empty one, `null` or `undefined`: that is no token.
 */
export function bearerToken(req: Request): string | null {
  const token = /^Bearer(?:\s+(.*))?$/i.exec(req.get("authorization")?.trim() ?? "")?.[1]?.trim();
  return token && token !== "null" && token !== "undefined" ? token : null;
}

/** A cookie as a string; cookie-parser turns `j:` values into objects. */
export function cookie(req: Request, name: string): string | null {
  const value = (req.cookies as Record<string, unknown>)[name];
  return typeof value === "string" && value !== "" ? value : null;
}

/** Leaves the claims of the presented access token, without looking at its session: cheap enough for every request. */
export const identify: RequestHandler = function identify(req, res, next) {
  const token = bearerToken(req) ?? cookie(req, ACCESS_TOKEN_COOKIE);
  if (token !== null) {
    try {
      res.locals.claims = verifyToken(token, config.auth.accessTokenSecret, "access");
    } catch (error) {
      res.locals.tokenError = error as Error;
    }
  }
  next();
};

/** Lets signed-in users pass: the token is genuine, its session is alive, its user exists. */
export const verifyJWT = asyncHandler(async (_req, res, next) => {
  const { claims, tokenError } = res.locals;
  if (!claims) {
    throw refusalOf(tokenError);
  }
  if (!(await signIn(res, claims))) {
    throw new ApiError("INVALID_ACCESS_TOKEN");
  }
  next();
});

/**
 * Lets everybody pass and recognises signed-in users. Only a token that was good until it expired
 * is refused, so that its client refreshes it instead of silently seeing the anonymous view.
 */
export const optionalJWT = asyncHandler(async (_req, res, next) => {
  const { claims, tokenError } = res.locals;
  if (tokenError instanceof jwt.TokenExpiredError) {
    throw refusalOf(tokenError);
  }
  if (claims) {
    await signIn(res, claims);
  }
  next();
});

/** The signed-in user behind verifyJWT. */
export function currentUser(res: Response): UserDocument {
  return required(res.locals.user, "verifyJWT");
}

/** The session behind verifyJWT. */
export function currentSession(res: Response): SessionDocument {
  return required(res.locals.session, "verifyJWT");
}

function required<T>(value: T | undefined, guard: string): T {
  if (value === undefined) {
    throw new Error(`the route lacks ${guard}`);
  }
  return value;
}

async function signIn(res: Response, claims: TokenClaims): Promise<boolean> {
  const [session, user] = await Promise.all([
    Session.findOne({
      _id: claims.sid,
      user: claims.sub,
      expiresAt: trusted({ $gt: new Date() }),
    }),
    User.findOne({ _id: claims.sub }),
  ]);
  if (!session || !user) {
    return false;
  }
  res.locals.session = session;
  res.locals.user = user;
  return true;
}

function refusalOf(tokenError: Error | undefined): ApiError {
  if (!tokenError) {
    return new ApiError("UNAUTHENTICATED");
  }
  const expired = tokenError instanceof jwt.TokenExpiredError;
  return new ApiError(expired ? "ACCESS_TOKEN_EXPIRED" : "INVALID_ACCESS_TOKEN", {
    cause: tokenError,
  });
}
