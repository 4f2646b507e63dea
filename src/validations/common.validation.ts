import { LIST_LIMIT_DEFAULT, PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX } from "../constants";
import { z } from "./zod";

/** What the examples' ids are of; the things in the examples belong together by them. */
export const EXAMPLE_IDS = {
  user: "66f0c0ffee0000000000a5a1",
  subscriber: "66f0c0ffee0000000000a5a2",
  session: "66f0c0ffee0000000000c001",
  video: "66f0c0ffee0000000000b0b1",
  comment: "66f0c0ffee0000000000d1d1",
  tweet: "66f0c0ffee0000000000e2e2",
  playlist: "66f0c0ffee0000000000f3f3",
};

type Kind = keyof typeof EXAMPLE_IDS;

/** A document's id: 24 hexadecimal digits. */
export const objectId = z
  .string()
  .regex(/^[0-9a-f]{24}$/i, "must be an id of 24 hexadecimal digits")
  .transform((value) => value.toLowerCase())
  .openapi({ type: "string", pattern: "^[0-9a-fA-F]{24}$" });

/** An id as it is sent, with the example of its kind. */
export function objectIdOf(kind: Kind) {
  return objectId.openapi({ example: EXAMPLE_IDS[kind] });
}

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
  .openapi({
    type: "string",
    maxLength: 50,
    description: "The user's id or username",
    example: "asha",
  });

/** `true` and `false`, also as the strings that forms send. */
export const formBoolean = z
  .preprocess((value) => (value === "true" ? true : value === "false" ? false : value), z.boolean())
  .openapi({ type: "boolean", example: true });

/** Seconds, also as the decimal string that forms send. */
export const formSeconds = z
  .preprocess(
    (value) => (typeof value === "string" && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value),
    z
      .number()
      .min(0)
      .max(7 * 24 * 3600),
  )
  .openapi({ type: "number", minimum: 0, example: 12.5 });

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

const EXAMPLE_CURSOR = "eyJjcmVhdGVkQXQiOiIyMDI2LTAxLTMxIn0";

function pageFields(defaultLimit: number) {
  return {
    page: positiveInteger("From 1")
      .optional()
      .transform((value) => value ?? 1)
      .openapi({ type: "integer", minimum: 1, default: 1 }),
    limit: limit(defaultLimit),
    cursor: z.string().min(1).max(1024).optional().openapi({
      example: EXAMPLE_CURSOR,
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

/** An optional choice in a query. Clients and collections send `sortBy=&userId=` for what they leave open. */
export function choice<T extends z.ZodType>(schema: T) {
  return z
    .preprocess((value) => (value === "" ? undefined : value), schema.optional())
    .openapi({ param: { allowEmptyValue: true } });
}

export const sortType = choice(z.enum(["asc", "desc"]))
  .transform((value) => value ?? "desc")
  .openapi({ type: "string", enum: ["asc", "desc"], default: "desc" });

/** A point in time as it stands in replies. */
export const timestamp = z.iso.datetime().openapi({ example: "2026-01-31T12:00:00.000Z" });

/** A document's id as it stands in replies. */
export function idOf(kind: Kind) {
  return z
    .string()
    .regex(/^[0-9a-f]{24}$/)
    .openapi({ example: EXAMPLE_IDS[kind] });
}

/** How many there are. */
export const count = z.int().min(0).openapi({ example: 3 });

/** A stored file's name and address in the examples. */
export function exampleFile(kind: "user" | "video", extension: string) {
  const name = `0123456789abcdef0123456789abcdef.${extension}`;
  return {
    name,
    url: `http://localhost:8000/api/v1/media/${kind}s/${EXAMPLE_IDS[kind]}/${name}`,
  };
}

/** The absolute URL of a stored file. */
export function mediaUrl(kind: "user" | "video", extension: string) {
  return z.url().openapi({ example: exampleFile(kind, extension).url });
}

export const empty = z.strictObject({});

export const paginationSchema = z
  .strictObject({
    totalDocs: z.int().min(0).openapi({ example: 1 }),
    limit: z.int().min(1).openapi({ example: 10 }),
    page: z.int().min(1).nullable().openapi({ example: 1 }),
    totalPages: z.int().min(1).openapi({ example: 1 }),
    pagingCounter: z.int().min(1).nullable().openapi({ example: 1 }),
    hasPrevPage: z.boolean().openapi({ example: false }),
    hasNextPage: z.boolean().openapi({ example: false }),
    prevPage: z.int().min(1).nullable().openapi({ example: null }),
    nextPage: z.int().min(1).nullable().openapi({ example: null }),
    nextCursor: z.string().nullable().openapi({ example: null }),
  })
  .openapi("Pagination");

/**
 * A page of the given documents. Fields are spread, not added by `extend()`: the OpenAPI document
 * would have `allOf` with the strict original, which refuses the added fields.
 */
export function pageOf<T extends z.ZodType>(document: T) {
  return z.strictObject({ docs: z.array(document), ...paginationSchema.shape });
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
