import type { Response } from "express";
import { config } from "../config/env";
import type { OpenSession } from "../models/session.model";
import type { UserDocument } from "../models/user.model";
import { clearAuthCookies, setAuthCookies, type TokenPair } from "../utils/auth-cookies";

const { accessTokenTtl, refreshTokenTtl, cookieSecure, cookieSameSite, tokensInBody } = config.auth;
const cookies = { secure: cookieSecure, sameSite: cookieSameSite };

/**
 * Signs the session's two tokens and sets them as cookies. Answers what goes into the body: the
 * same tokens for clients that send them as Bearer, or nothing where that is switched off.
 */
export function handOutTokens(
  res: Response,
  user: UserDocument,
  { session, tokenId }: OpenSession,
): Partial<TokenPair> {
  const tokens = {
    accessToken: user.generateAccessToken(session._id),
    refreshToken: user.generateRefreshToken(session, tokenId),
  };
  setAuthCookies(res, tokens, { access: accessTokenTtl, refresh: refreshTokenTtl }, cookies);
  return tokensInBody ? tokens : {};
}

/** Takes the cookies of a session that has ended away from the client. */
export function clearTokens(res: Response): void {
  clearAuthCookies(res, cookies);
}
