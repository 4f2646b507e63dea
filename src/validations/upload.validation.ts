import type { ErrorCode } from "../utils/ApiError";
import { idOf, timestamp } from "./common.validation";
import { operation } from "./operation";
import { publishVideo } from "./video.validation";
import { z } from "./zod";

/** What an upload is named by: nobody guesses it. */
export const uploadId = z
  .string()
  .regex(/^[0-9a-f]{32}$/, "must be an id of 32 hexadecimal digits")
  .openapi({ example: "7d8f1c0a9be24f5d8c3b6a1e0f2d4c5b" });

const params = z.object({ uploadId });

const bytes = z
  .string("is required: uploads of unknown length are not taken")
  .regex(/^\d{1,15}$/, "must be a number of bytes")
  .transform(Number)
  .openapi({ type: "string", pattern: "^\\d{1,15}$" });

const version = z.string().openapi({ example: "1.0.0" });

const description =
  "Part of [tus 1.0.0](https://tus.io/protocols/resumable-upload), made for its clients: " +
  "an upload goes on where it was cut off. ";

const PIECE = "application/offset+octet-stream";

const tus = { tag: "Uploads", access: "required" } as const;
const VIDEO_ID = { "X-Video-Id": "Of the video, when the upload is complete" };
const OFFSET = { "Upload-Offset": "Bytes that have arrived" };
const EXPIRES = { "Upload-Expires": "When an unfinished upload is removed" };

/** The refusals of a request upon one upload. */
const OF_ONE: ErrorCode[] = [
  "UPLOAD_NOT_FOUND",
  "UPLOAD_EXPIRED",
  "UPLOAD_LOCKED",
  "TUS_VERSION_UNSUPPORTED",
];

export const createUpload = operation({
  ...tus,
  method: "post",
  path: "/uploads",
  summary: "Begin a resumable upload of a video",
  description:
    `${description}\`Upload-Metadata\` carries the fields of \`POST /videos\` (title, description, tags, ` +
    "isPublished), Base64 each; other keys are dropped. The first piece may come along as the body.",
  headers: z.object({
    "Tus-Resumable": version,
    "Upload-Length": bytes.openapi({ example: "12086" }),
    "Upload-Metadata": z
      .string()
      .optional()
      .openapi({ example: "title QSB3YWxrIHRocm91Z2ggSmFpcHVy" }),
  }),
  body: publishVideo.body!,
  consumes: PIECE,
  status: 201,
  message: "Upload created",
  data: z.strictObject({
    _id: uploadId,
    offset: z.number().int().min(0).openapi({ example: 0 }),
    size: z.number().int().min(0).openapi({ example: 12086 }),
    expiresAt: timestamp,
    video: idOf("video").nullable().openapi({ description: "Null until the upload is complete" }),
  }),
  replyHeaders: {
    Location: "Of the upload, for HEAD, PATCH and DELETE",
    ...OFFSET,
    ...EXPIRES,
    ...VIDEO_ID,
  },
  errors: [
    "FILE_TOO_LARGE",
    "QUOTA_EXCEEDED",
    "TOO_MANY_UPLOADS",
    "TUS_VERSION_UNSUPPORTED",
    "MEDIA_EMPTY",
    "MEDIA_UNSUPPORTED",
    "MEDIA_UNREADABLE",
    "STORAGE_UNAVAILABLE",
    "STORAGE_FULL",
  ],
});

export const getUploadOffset = operation({
  ...tus,
  method: "head",
  path: "/uploads/:uploadId",
  summary: "How much of an upload has arrived",
  description: `${description}Of a complete upload whose publishing was cut off this publishes the video.`,
  params,
  headers: z.object({ "Tus-Resumable": version }),
  status: 200,
  message: "",
  data: z.unknown(),
  empty: true,
  replyHeaders: {
    ...OFFSET,
    "Upload-Length": "Bytes of the whole file",
    "Upload-Metadata": "As it was sent, unknown keys left out",
    ...VIDEO_ID,
  },
  errors: OF_ONE,
});

export const resumeUpload = operation({
  ...tus,
  method: "patch",
  path: "/uploads/:uploadId",
  summary: "Send the next piece of an upload; the last one publishes the video",
  description:
    `${description}The last piece is answered when the file has been checked as \`POST /videos\` checks it; ` +
    "a file that is refused is removed with its upload.",
  params,
  headers: z.object({
    "Tus-Resumable": version,
    "Upload-Offset": z.string().openapi({ example: "0" }),
  }),
  consumes: PIECE,
  status: 204,
  message: "",
  data: z.unknown(),
  empty: true,
  replyHeaders: { ...OFFSET, ...EXPIRES, ...VIDEO_ID },
  errors: [
    ...OF_ONE,
    "UPLOAD_OFFSET_CONFLICT",
    "UNSUPPORTED_MEDIA_TYPE",
    "FILE_TOO_LARGE",
    "MEDIA_EMPTY",
    "MEDIA_UNSUPPORTED",
    "MEDIA_UNREADABLE",
    "QUOTA_EXCEEDED",
    "STORAGE_UNAVAILABLE",
    "STORAGE_FULL",
  ],
});

export const terminateUpload = operation({
  ...tus,
  method: "delete",
  path: "/uploads/:uploadId",
  summary: "Give up an upload; a video that it has become stays",
  description,
  params,
  headers: z.object({ "Tus-Resumable": version }),
  status: 204,
  message: "",
  data: z.unknown(),
  empty: true,
  errors: OF_ONE,
});
