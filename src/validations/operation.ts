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
  Headers extends z.ZodObject = z.ZodObject,
> {
  method: "get" | "head" | "post" | "put" | "patch" | "delete";
  /** Below `/api/v1`, with Express's `:name` parameters. */
  path: string;
  tag:
    | "Users"
    | "Videos"
    | "Uploads"
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
  /** Of the request, those that are the endpoint's own, in the spelling of the protocol. */
  headers?: Headers;
  /** The body's media type where it is bytes; the fields of `body` then come some other way. */
  consumes?: string;
  /** Present: the body is multipart. */
  files?: Record<string, FileField>;
  /** HTTP status and message of success. */
  status: 200 | 201 | 204;
  message: string;
  data: z.ZodType;
  /** Toggles: `status` and `message` are for what went on, these for what went off. PUT: for what was new, and what was replaced. */
  off?: { status: 200; message: string };
  /** `data` is a bare array and the reply carries `pagination` beside it. */
  list?: boolean;
  /** The body's media type where the reply is not of our shape; `message` is unused then, `data` unless it is JSON. */
  produces?: string;
  /** The reply has no body, so `message` and `data` are unused. */
  empty?: boolean;
  /** Headers of success that are the endpoint's own, and what they say. */
  replyHeaders?: Record<string, string>;
  /** The refusals that are this endpoint's own; those that every endpoint shares are added by the document. */
  errors?: ErrorCode[];
}

/** Keeps the literal types of an operation, so that `validated()` knows what a controller gets. */
export function operation<
  Params extends z.ZodType = z.ZodUndefined,
  Query extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
  Headers extends z.ZodObject = z.ZodObject,
>(definition: Operation<Params, Query, Body, Headers>): Operation<Params, Query, Body, Headers> {
  return definition;
}
