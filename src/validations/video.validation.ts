import { JOB_STATES, VIDEO_STEPS } from "../constants";
import { captionsSchema } from "./captions.validation";
import {
  count,
  exampleFile,
  formBoolean,
  formSeconds,
  idOf,
  mediaUrl,
  objectIdOf,
  pageOf,
  pageLimit,
  pageQuery,
  choice,
  sortType,
  text,
  timestamp,
} from "./common.validation";
import { operation } from "./operation";
import { owner } from "./user.validation";
import { z } from "./zod";

const TAGS_MAX = 20;

const title = text({ max: 200 }).openapi({ example: "A walk through Jaipur" });
const description = text({ min: 0, max: 5000 }).openapi({
  example: "From the palace to the bazaar, before the heat",
});

/** A list, a JSON list in a string, or words between commas: forms have no lists. */
const tags = z
  .preprocess(
    splitTags,
    z.array(text({ max: 50 }).transform((tag) => tag.toLowerCase())).max(TAGS_MAX),
  )
  .transform((list) => [...new Set(list)])
  .openapi({
    type: "array",
    items: { type: "string", maxLength: 50 },
    maxItems: TAGS_MAX,
    example: ["travel", "india"],
    description: "In forms: repeated, or separated by commas",
  });

function splitTags(value: unknown): unknown {
  if (typeof value !== "string") {
    return value;
  }
  if (value.trim().startsWith("[")) {
    try {
      return JSON.parse(value) as unknown;
    } catch {
      return value;
    }
  }
  return value
    .split(",")
    .map((tag) => tag.trim())
    .filter(Boolean);
}

const thumbnailFile = {
  kind: "image",
  required: false,
  description: "JPEG, PNG, WebP, GIF or AVIF; taken from the video when absent",
} as const;

export const videoParams = z.object({ videoId: objectIdOf("video") });

const exampleMaster = exampleFile("video", "m3u8").url.replace(
  /[0-9a-f]{32}\.m3u8$/,
  "master-5f1d6c3a9b2e4870.m3u8",
);

const poster = z
  .strictObject({
    url: mediaUrl("video", "jpg"),
    type: z.enum(["image/jpeg", "image/webp"]).openapi({ example: "image/jpeg" }),
    width: count.openapi({ example: 640 }),
    height: count.openapi({ example: 360 }),
  })
  .openapi("Poster");

const jobState = z.enum(JOB_STATES).openapi({ example: "processing" });

/** How far a video's processing is. */
export const processingSchema = z
  .strictObject({
    state: jobState,
    steps: z.array(
      z.strictObject({
        name: z.enum(VIDEO_STEPS).openapi({ example: "renditions" }),
        state: jobState,
        progress: z.number().min(0).max(1).openapi({ example: 0.42 }),
      }),
    ),
    error: z
      .strictObject({
        code: z.string().openapi({ example: "MEDIA_UNREADABLE" }),
        message: z.string().openapi({ example: "The video cannot be converted" }),
      })
      .nullable()
      .openapi({ example: null, description: "Why it failed; the code is stable" }),
  })
  .openapi("Processing");

const videoFields = {
  _id: idOf("video"),
  videoFile: mediaUrl("video", "mp4"),
  thumbnail: mediaUrl("video", "webp"),
  hls: z.url().nullable().openapi({
    example: exampleMaster,
    description: "The master playlist for adaptive playback (RFC 8216); null until it is made",
  }),
  posters: z.array(poster).openapi({ description: "Still pictures in up to three widths" }),
  storyboard: mediaUrl("video", "vtt").nullable().openapi({
    description: "WebVTT whose cues are places in a sprite (Media Fragments, `#xywh=`)",
  }),
  title: z.string().openapi({ example: "A walk through Jaipur" }),
  description: z.string().openapi({ example: "From the palace to the bazaar, before the heat" }),
  duration: z
    .number()
    .min(0)
    .openapi({ example: 734.5, description: "Seconds, read from the file" }),
  views: count,
  isPublished: z.boolean(),
  likesCount: count,
  commentsCount: count,
  isLiked: z.boolean(),
  tags: z.array(z.string()).openapi({ example: ["travel", "india"] }),
  createdAt: timestamp,
  updatedAt: timestamp,
};

/** A video in a list. */
export const videoSchema = z.strictObject({ ...videoFields, owner }).openapi("Video");

/** What lists of videos can be sorted by. */
export const videoSortBy = choice(z.enum(["createdAt", "views", "duration", "title"]))
  .transform((value) => value ?? "createdAt")
  .openapi({
    type: "string",
    enum: ["createdAt", "views", "duration", "title"],
    default: "createdAt",
  });

/** The part of a video that a line such as `2:30 The bazaar` in its description begins. */
const chapter = z
  .strictObject({
    start: z.number().min(0).openapi({ example: 150, description: "Seconds" }),
    end: z.number().min(0).openapi({ example: 734.5, description: "Seconds" }),
    title: z.string().openapi({ example: "The bazaar" }),
  })
  .openapi("Chapter");

const videoPage = z
  .strictObject({
    ...videoFields,
    owner: z.strictObject({ ...owner.shape, subscribersCount: count, isSubscribed: z.boolean() }),
    processing: processingSchema.optional().openapi({ description: "For the owner alone" }),
    captions: z.array(captionsSchema),
    chapters: z.array(chapter).openapi({ description: "From the timestamps in the description" }),
  })
  .openapi("VideoWithChannel");

export const getAllVideos = operation({
  method: "get",
  path: "/videos",
  tag: "Videos",
  summary:
    "Published videos, searched and sorted; one's own unpublished ones too with `userId` = oneself",
  access: "optional",
  query: z
    .object({
      ...pageQuery,
      query: text({ min: 0, max: 64 }).optional().openapi({
        type: "string",
        maxLength: 64,
        example: "jaipur",
        description: "Words to find in title, description and tags",
      }),
      sortBy: choice(z.enum(["createdAt", "views", "duration", "title", "relevance"])).openapi({
        default: "createdAt",
      }),
      sortType,
      userId: choice(objectIdOf("user")),
      tag: choice(text({ max: 50 }).transform((value) => value.toLowerCase())).openapi({
        type: "string",
        maxLength: 50,
        example: "travel",
      }),
    })
    .refine((query) => query.sortBy !== "relevance" || Boolean(query.query), {
      path: ["sortBy"],
      message: "relevance needs a query",
    }),
  status: 200,
  message: "Videos fetched successfully",
  data: pageOf(videoSchema),
  errors: ["INVALID_CURSOR"],
});

export const publishVideo = operation({
  method: "post",
  path: "/videos",
  tag: "Videos",
  summary: "Upload a video; it is playable at once",
  description:
    "What adaptive playback needs is made afterwards: see `processing`. Repeated with the same " +
    "`Idempotency-Key`, such as when an answer was lost, it makes no second video but answers the first.",
  access: "required",
  headers: z.object({
    "Idempotency-Key": z
      .string()
      .regex(/^[\x21-\x7e]{1,255}$/, "must be 1 to 255 visible ASCII characters")
      .optional()
      .openapi({
        description: "A new one for each video, such as a UUID",
        example: "8e03978e-40d5-43e8-bc93-6894a57f9324",
      }),
  }),
  body: z.object({
    title,
    description: description.default(""),
    tags: tags.default([]),
    isPublished: formBoolean.default(true),
  }),
  files: {
    videoFile: { kind: "video", required: true, description: "MP4, MOV, WebM or Matroska" },
    thumbnail: thumbnailFile,
  },
  status: 201,
  message: "Video published successfully",
  data: videoPage,
  errors: [
    "MEDIA_EMPTY",
    "MEDIA_UNSUPPORTED",
    "MEDIA_UNREADABLE",
    "QUOTA_EXCEEDED",
    "VIDEO_REMOVED",
    "TOO_MANY_UPLOADS",
    "STORAGE_FULL",
  ],
});

export const getVideoById = operation({
  method: "get",
  path: "/videos/:videoId",
  tag: "Videos",
  summary: "A video; counts a view and moves it to the front of the viewer's history",
  access: "optional",
  params: videoParams,
  status: 200,
  message: "Video fetched successfully",
  data: videoPage,
  errors: ["VIDEO_NOT_FOUND"],
});

export const updateVideo = operation({
  method: "patch",
  path: "/videos/:videoId",
  tag: "Videos",
  summary: "Change a video's details or thumbnail",
  access: "required",
  params: videoParams,
  body: z.object({
    title: title.optional(),
    description: description.optional(),
    tags: tags.optional(),
    isPublished: formBoolean.optional(),
  }),
  files: { thumbnail: thumbnailFile },
  status: 200,
  message: "Video updated successfully",
  data: videoPage,
  errors: ["FORBIDDEN", "VIDEO_NOT_FOUND", "MEDIA_EMPTY", "MEDIA_UNSUPPORTED", "MEDIA_UNREADABLE"],
});

export const deleteVideo = operation({
  method: "delete",
  path: "/videos/:videoId",
  tag: "Videos",
  summary: "Delete a video with all that hangs on it and its files",
  access: "required",
  params: videoParams,
  status: 200,
  message: "Video deleted successfully",
  data: z.strictObject({ videoId: idOf("video") }),
  errors: ["FORBIDDEN", "VIDEO_NOT_FOUND"],
});

export const togglePublishStatus = operation({
  method: "patch",
  path: "/videos/toggle/publish/:videoId",
  tag: "Videos",
  summary: "Publish a video, or take it back",
  access: "required",
  params: videoParams,
  status: 200,
  message: "Video publish status toggled successfully",
  data: videoPage,
  errors: ["FORBIDDEN", "VIDEO_NOT_FOUND"],
});

export const getRelatedVideos = operation({
  method: "get",
  path: "/videos/related/:videoId",
  tag: "Videos",
  summary: "What to watch next: videos with the same tags, of the same channel, and new ones",
  access: "optional",
  params: videoParams,
  query: z.object({ limit: pageLimit }),
  status: 200,
  message: "Related videos fetched successfully",
  data: z.array(videoSchema),
  list: true,
  errors: ["VIDEO_NOT_FOUND"],
});

export const recordView = operation({
  method: "post",
  path: "/videos/:videoId/view",
  tag: "Videos",
  summary: "A player's progress report",
  description:
    "Keeps the viewer's position and counts a view by the same rule as the video's page.",
  access: "optional",
  params: videoParams,
  body: z.object({ position: formSeconds.optional(), watched: formSeconds.optional() }),
  status: 200,
  message: "View recorded",
  data: z.strictObject({ views: count }),
  errors: ["VIDEO_NOT_FOUND"],
});
