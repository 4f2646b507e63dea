import { canonicalLanguage } from "../utils/language";
import { empty, mediaUrl, objectIdOf, text } from "./common.validation";
import { operation } from "./operation";
import { z } from "./zod";

const LANGUAGE_MAX = 35;

/** A language tag in a path, in its canonical form (RFC 5646, section 4.5). */
const language = z
  .string()
  .max(LANGUAGE_MAX)
  .transform((value, context) => {
    const canonical = canonicalLanguage(value);
    if (canonical === undefined) {
      context.addIssue({ code: "custom", message: "must be a language tag such as en or pt-BR" });
      return z.NEVER;
    }
    return canonical;
  })
  .openapi({
    type: "string",
    maxLength: LANGUAGE_MAX,
    pattern: "^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$",
    example: "en",
    description: "BCP 47; `EN-us` is `en-US`",
  });

/** HLS has no way to write quotes and line breaks in a name (RFC 8216, section 4.2). */
const LABEL_PATTERN = String.raw`^[^"\u0000-\u001f\u007f]*$`;
const label = text({ max: 100 })
  .regex(new RegExp(LABEL_PATTERN), "must not have quotes or control characters")
  .openapi({
    example: "English",
    description: "What viewers choose them by; the language's English name when absent",
  });

/** Captions as a video lists them. */
export const captionsSchema = z
  .strictObject({
    language: z.string().openapi({ example: "en", description: "BCP 47" }),
    label: z.string().openapi({ example: "English" }),
    url: mediaUrl("video", "vtt"),
  })
  .openapi("Captions");

const videoParams = z.object({ videoId: objectIdOf("video") });
const captionsParams = z.object({ ...videoParams.shape, language });

export const getVideoCaptions = operation({
  method: "get",
  path: "/videos/:videoId/captions",
  tag: "Captions",
  summary: "A video's captions, by language",
  access: "optional",
  params: videoParams,
  status: 200,
  message: "Captions fetched successfully",
  data: z.array(captionsSchema),
  list: true,
  errors: ["VIDEO_NOT_FOUND"],
});

export const getCaptions = operation({
  method: "get",
  path: "/videos/:videoId/captions/:language",
  tag: "Captions",
  summary: "A video's captions in one language",
  access: "optional",
  params: captionsParams,
  status: 200,
  message: "Captions fetched successfully",
  data: captionsSchema,
  errors: ["VIDEO_NOT_FOUND", "CAPTIONS_NOT_FOUND"],
});

export const putCaptions = operation({
  method: "put",
  path: "/videos/:videoId/captions/:language",
  tag: "Captions",
  summary: "Upload a video's captions in one language, or replace them",
  description:
    "Stored as clean WebVTT: comments and style sheets are dropped, SubRip is converted. A file that cannot be read is refused with the line that is wrong.",
  access: "required",
  params: captionsParams,
  body: z.object({ label: label.optional() }),
  files: {
    captions: {
      kind: "captions",
      required: true,
      description: "WebVTT or SubRip in UTF-8, 1 MB at most",
    },
  },
  status: 201,
  message: "Captions added successfully",
  off: { status: 200, message: "Captions replaced successfully" },
  data: captionsSchema,
  errors: [
    ...(["FORBIDDEN", "VIDEO_NOT_FOUND", "CAPTIONS_FULL", "CAPTIONS_UNREADABLE"] as const),
    ...(["CAPTIONS_EMPTY", "CAPTIONS_TOO_MANY_CUES", "STORAGE_FULL"] as const),
  ],
});

export const deleteCaptions = operation({
  method: "delete",
  path: "/videos/:videoId/captions/:language",
  tag: "Captions",
  summary: "Delete a video's captions in one language",
  access: "required",
  params: captionsParams,
  status: 200,
  message: "Captions deleted successfully",
  data: empty,
  errors: ["FORBIDDEN", "VIDEO_NOT_FOUND", "CAPTIONS_NOT_FOUND"],
});
