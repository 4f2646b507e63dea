import type { z } from "zod";
import type { ErrorCode } from "../utils/ApiError";

/** Who may call: anybody, anybody but a signed-in user sees more, a signed-in user, the owner of either token. */
type Access = "public" | "optional" | "required" | "eitherToken";

/** A file field of a multipart body. */
export interface FileField {
  kind: "image" | "video" | "captions";
  required: boolean;
  description: string;
}

/**
 * One endpoint, whole: what it takes, what it answers. Requests are validated with it, replies are
 * checked against it in the tests, and the OpenAPI document is generated from it.
 */
export interface Operation<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
> {
  method: "get" | "post" | "put" | "patch" | "delete";
  /** Below `/api/v1`, with Express's `:name` parameters. */
  path: string;
  tag:
    | "Users"
    | "Videos"
    | "Captions"
    | "Comments"
    | "Likes"
    | "Tweets"
    | "Playlists"
    | "Subscriptions"
    | "Dashboard"
    | "Media"
    | "Health"
    | "Docs";
  summary: string;
  description?: string;
  access: Access;
  params?: Params;
  query?: Query;
  /** JSON, urlencoded and multipart text fields alike. */
  body?: Body;
  /** Present: the body is multipart. */
  files?: Record<string, FileField>;
  /** HTTP status and message of success. */
  status: 200 | 201;
  message: string;
  data: z.ZodType;
  /** Toggles: `status` and `message` are for what went on, these for what went off. PUT: for what was new, and what was replaced. */
  off?: { status: 200; message: string };
  /** `data` is a bare array and the reply carries `pagination` beside it. */
  list?: boolean;
  /** The body's media type where the reply is not of our shape; `message` is unused then, `data` unless it is JSON. */
  produces?: string;
  /** The refusals that are this endpoint's own; those that every endpoint shares are added by the document. */
  errors?: ErrorCode[];
}

/** Keeps the literal types of an operation, so that `validated()` knows what a controller gets. */
export function operation<
  Params extends z.ZodType = z.ZodUndefined,
  Query extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
>(definition: Operation<Params, Query, Body>): Operation<Params, Query, Body> {
  return definition;
}
