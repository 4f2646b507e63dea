import type { CookieOptions, Response } from "express";
import { ACCESS_TOKEN_COOKIE, REFRESH_TOKEN_COOKIE } from "../constants";

/** Configured once: over plain http `secure` must be off or clients drop the cookies. */
export interface CookieSettings {
  secure: boolean;
  sameSite: "lax" | "strict" | "none";
}

export interface TokenPair {
  accessToken: string;
  refreshToken: string;
}

/** Sets both cookies; each lives as long as its token (milliseconds). */
export function setAuthCookies(
  res: Response,
  tokens: TokenPair,
  ttl: { access: number; refresh: number },
  settings: CookieSettings,
): void {
  res.cookie(ACCESS_TOKEN_COOKIE, tokens.accessToken, {
    ...attributes(settings),
    maxAge: ttl.access,
  });
  res.cookie(REFRESH_TOKEN_COOKIE, tokens.refreshToken, {
    ...attributes(settings),
    maxAge: ttl.refresh,
  });
}

export function clearAuthCookies(res: Response, settings: CookieSettings): void {
  res.clearCookie(ACCESS_TOKEN_COOKIE, attributes(settings));
  res.clearCookie(REFRESH_TOKEN_COOKIE, attributes(settings));
}

/** Path `/`, because frontends reach the API through proxies under prefixes of their own. */
function attributes({ secure, sameSite }: CookieSettings): CookieOptions {
  return { httpOnly: true, secure, sameSite, path: "/" };
}
