import { LIST_LIMIT_DEFAULT, PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX } from "../constants";
import { z } from "./zod";

/** A document's id: 24 hexadecimal digits. */
export const objectId = z
  .string()
  .regex(/^[0-9a-f]{24}$/i, "must be an id of 24 hexadecimal digits")
  .transform((value) => value.toLowerCase())
  .openapi({ type: "string", pattern: "^[0-9a-fA-F]{24}$", example: "66f0c0ffee0123456789abcd" });

/**
 * Text as people write it, trimmed. Lengths are UTF-16 units, as JSON Schema's tools count in
 * practice. NUL and lone surrogates are refused: they would not come back as they were sent.
 */
export function text({ min = 1, max }: { min?: number; max: number }) {
  return z
    .string()
    .refine(
      (value) => value.isWellFormed() && !value.includes("\0"),
      "has characters that cannot be stored",
    )
    .trim()
    .min(min, min === 1 ? "must not be empty" : `must have at least ${min} characters`)
    .max(max, `must have at most ${max} characters`);
}

/** A channel in a path: its user's id or username. */
export const channelName = text({ max: 50 })
  .transform((value) => value.toLowerCase())
  .openapi({ type: "string", maxLength: 50, description: "The user's id or username" });

/** `true` and `false`, also as the strings that forms send. */
export const formBoolean = z
  .preprocess((value) => (value === "true" ? true : value === "false" ? false : value), z.boolean())
  .openapi({ type: "boolean" });

/** Seconds, also as the decimal string that forms send. */
export const formSeconds = z
  .preprocess(
    (value) => (typeof value === "string" && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value),
    z
      .number()
      .min(0)
      .max(7 * 24 * 3600),
  )
  .openapi({ type: "number", minimum: 0 });

/** A whole number from 1 in a query string. */
function positiveInteger(description: string) {
  return z
    .string()
    .regex(/^\d{1,10}$/, "must be a whole number")
    .transform(Number)
    .refine((value) => value >= 1, "must be 1 or more")
    .openapi({ type: "integer", minimum: 1, description });
}

/** `limit`: above the maximum it is served as the maximum (AIP-158), zero and less are refused. */
function limit(defaultLimit: number) {
  return positiveInteger(`How many; more than ${PAGE_LIMIT_MAX} is served as ${PAGE_LIMIT_MAX}`)
    .transform((value) => Math.min(value, PAGE_LIMIT_MAX))
    .optional()
    .transform((value) => value ?? defaultLimit)
    .openapi({ type: "integer", minimum: 1, default: defaultLimit });
}

function pageFields(defaultLimit: number) {
  return {
    page: positiveInteger("From 1")
      .optional()
      .transform((value) => value ?? 1)
      .openapi({ type: "integer", minimum: 1, default: 1 }),
    limit: limit(defaultLimit),
    cursor: z.string().min(1).max(1024).optional().openapi({
      description: "`nextCursor` of the reply before; walks the list without skipping or repeating",
    }),
  };
}

/** How many, for a list that has no pages. */
export const pageLimit = limit(PAGE_LIMIT_DEFAULT);

/** Query of a list that answers a page. */
export const pageQuery = pageFields(PAGE_LIMIT_DEFAULT);
/** Query of a list that answers a bare array. */
export const listQuery = pageFields(LIST_LIMIT_DEFAULT);

export const sortType = z
  .enum(["asc", "desc"])
  .optional()
  .transform((value) => value ?? "desc")
  .openapi({ type: "string", enum: ["asc", "desc"], default: "desc" });

/** A point in time as it stands in replies. */
export const timestamp = z.iso.datetime().openapi({ example: "2026-01-31T12:00:00.000Z" });

/** A document's id as it stands in replies. */
export const id = z
  .string()
  .regex(/^[0-9a-f]{24}$/)
  .openapi({ example: "66f0c0ffee0123456789abcd" });

/** An absolute URL of a stored file. */
export const mediaUrl = z.url();

export const empty = z.strictObject({});

export const paginationSchema = z
  .strictObject({
    totalDocs: z.int().min(0),
    limit: z.int().min(1),
    page: z.int().min(1).nullable(),
    totalPages: z.int().min(1),
    pagingCounter: z.int().min(1).nullable(),
    hasPrevPage: z.boolean(),
    hasNextPage: z.boolean(),
    prevPage: z.int().min(1).nullable(),
    nextPage: z.int().min(1).nullable(),
    nextCursor: z.string().nullable(),
  })
  .openapi("Pagination");

/** A page of the given documents. */
export function pageOf<T extends z.ZodType>(document: T) {
  return paginationSchema.extend({ docs: z.array(document) });
}

/** Every failure's body. */
export const failureSchema = z
  .strictObject({
    statusCode: z.int().min(400).max(599),
    data: z.null(),
    message: z.string(),
    success: z.literal(false),
    errors: z.array(z.strictObject({ path: z.string(), message: z.string() })),
    code: z.string(),
    requestId: z.string(),
  })
  .openapi("Failure");
