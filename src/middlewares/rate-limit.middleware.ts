import type { Request, RequestHandler, Response } from "express";
import ipaddr from "ipaddr.js";
import { connection } from "mongoose";
import { RateLimiterMemory, RateLimiterMongo, RateLimiterRes } from "rate-limiter-flexible";
import { config } from "../config/env";
import { LoginAttempt } from "../models/login-attempt.model";
import { ApiError, type ErrorCode } from "../utils/ApiError";
import { asyncHandler } from "../utils/asyncHandler";

const MINUTE_S = 60;
const LOGIN_WINDOW_S = 15 * 60;

/** Reads by address, writes by user; counted in this process, so that reading never costs a write. */
const reads = new RateLimiterMemory({ points: config.limits.readsPerMinute, duration: MINUTE_S });
const writes = new RateLimiterMemory({ points: config.limits.writesPerMinute, duration: MINUTE_S });

/** The pieces of a file are as many as its client makes of it; what they cost is its bytes. */
const PIECE_PATH = /^\/uploads\/[^/]+$/i;

/** Limits every request of a client and says how much is left (IETF draft "RateLimit header fields for HTTP"). */
export const limitRequests: RequestHandler = asyncHandler(async (req, res, next) => {
  const isRead =
    ["GET", "HEAD", "OPTIONS"].includes(req.method) ||
    (req.method === "PATCH" && PIECE_PATH.test(req.path));
  const limiter = isRead ? reads : writes;
  const key = isRead ? addressOf(req) : (res.locals.claims?.sub ?? addressOf(req));
  const state = await consume(limiter, key);
  setHeaders(res, isRead ? "reads" : "writes", limiter.points, MINUTE_S, state);
  if (state.refused) {
    throw tooMany("TOO_MANY_REQUESTS", state.secondsLeft);
  }
  next();
});

/** Failed logins of one account from one address, shared by all processes through the database. */
export interface LoginGuard {
  /** Counts an attempt before it is made; throws TOO_MANY_LOGIN_ATTEMPTS beyond the limit. */
  begin(): Promise<void>;
  /** The attempt succeeded: what was counted is forgiven. */
  succeed(): Promise<void>;
}

export function loginGuard(req: Request, res: Response, account: string): LoginGuard {
  const limiter = loginLimiter();
  const key = `${account.toLowerCase()}|${addressOf(req)}`;
  return {
    async begin() {
      const state = await consume(limiter, key);
      setHeaders(res, "logins", limiter.points, LOGIN_WINDOW_S, state);
      if (state.refused) {
        throw tooMany("TOO_MANY_LOGIN_ATTEMPTS", state.secondsLeft);
      }
    },
    async succeed() {
      await limiter.delete(key);
    },
  };
}

let cachedLoginLimiter: RateLimiterMongo | undefined;

/** Made on first use: it needs the connection, which does not exist while modules load. */
function loginLimiter(): RateLimiterMongo {
  cachedLoginLimiter ??= new RateLimiterMongo({
    storeClient: connection,
    tableName: LoginAttempt.collection.collectionName,
    keyPrefix: "login",
    points: config.limits.loginAttempts,
    duration: LOGIN_WINDOW_S,
    // The model declares them, where the readiness check sees them.
    disableIndexesCreation: true,
  });
  return cachedLoginLimiter;
}

/** The client's address; of IPv6 its /64, which is what one subscriber has. */
export function addressOf(req: Request): string {
  const text = req.ip ?? "";
  if (!ipaddr.isValid(text)) {
    return text;
  }
  const address = ipaddr.process(text);
  return address.kind() === "ipv4"
    ? address.toString()
    : `${address.toByteArray().slice(0, 8).join(".")}/64`;
}

interface LimitState {
  refused: boolean;
  remaining: number;
  secondsLeft: number;
}

async function consume(
  limiter: RateLimiterMemory | RateLimiterMongo,
  key: string,
): Promise<LimitState> {
  try {
    return toState(await limiter.consume(key), false);
  } catch (refusal) {
    if (refusal instanceof RateLimiterRes) {
      return toState(refusal, true);
    }
    throw refusal;
  }
}

function toState(result: RateLimiterRes, refused: boolean): LimitState {
  return {
    refused,
    remaining: result.remainingPoints,
    secondsLeft: Math.ceil(result.msBeforeNext / 1000),
  };
}

function setHeaders(
  res: Response,
  policy: string,
  quota: number,
  window: number,
  state: LimitState,
) {
  res.set("RateLimit-Policy", `"${policy}";q=${quota};w=${window}`);
  res.set("RateLimit", `"${policy}";r=${state.remaining};t=${state.secondsLeft}`);
}

function tooMany(code: ErrorCode, seconds: number): ApiError {
  return new ApiError(code, { headers: { "Retry-After": String(Math.max(1, seconds)) } });
}
