import { CAPTIONS_PLAYLIST } from "../constants";
import type { ByteRange } from "../utils/byte-range";
import { exampleFile, objectIdOf } from "./common.validation";
import { operation } from "./operation";
import { z } from "./zod";

const file = z.string().regex(/^[0-9a-f]{32}\.[a-z0-9]{2,4}$/, "is not a file name of ours");
const MASTER = /^master-[0-9a-f]{16}\.m3u8$/;

/** Whether a file name is that of a master playlist, of any revision. */
export function isMaster(name: string): boolean {
  return MASTER.test(name);
}

const userFile = file.openapi({ example: exampleFile("user", "webp").name });
const videoFile = z
  .union([file, z.string().regex(MASTER)], "is not a file name of ours")
  .openapi({ example: exampleFile("video", "mp4").name });

const description =
  "Byte ranges, `If-None-Match` and `If-Range` as RFC 9110 has them. The address comes from a user or a video; do not build it.";

export const getUserFile = operation({
  method: "get",
  path: "/media/users/:userId/:file",
  tag: "Media",
  summary: "An avatar or a cover image",
  description,
  access: "public",
  params: z.object({ userId: objectIdOf("user"), file: userFile }),
  status: 200,
  message: "",
  data: z.unknown(),
  produces: "image/webp",
  errors: ["FILE_NOT_FOUND", "RANGE_NOT_SATISFIABLE"],
});

const PART = /^(\d{1,15})-(\d{1,15})\.(?:m4s|mp4)$/;

/** The bytes that a segment's name says, both ends included, or a caption file's playlist. */
const part = z
  .string()
  .transform((name, context): ByteRange | typeof CAPTIONS_PLAYLIST => {
    const [, start, end] = PART.exec(name) ?? [];
    if (Number(start) <= Number(end)) {
      return { start: Number(start), end: Number(end) };
    }
    if (name !== CAPTIONS_PLAYLIST) {
      context.addIssue({ code: "custom", message: "is not a part of a file" });
    }
    return CAPTIONS_PLAYLIST;
  })
  .openapi({ type: "string", example: "0-1023.m4s" });

const ticket = z
  .string()
  .regex(/^[0-9a-z]{1,12}\.[\w-]{22}$/, "is not a ticket of ours")
  .openapi({ example: "mhe2w8ow.q0Yc1vYyJ8m1kqzv0l0W9A" });

const ofVideo = { videoId: objectIdOf("video"), file: videoFile };

const video = {
  method: "get",
  tag: "Media",
  access: "public",
  status: 200,
  message: "",
  data: z.unknown(),
} as const;

export const getVideoFile = operation({
  ...video,
  path: "/media/videos/:videoId/:file",
  summary: "A file of a published video: itself, its pictures, captions and playlists",
  description,
  params: z.object(ofVideo),
  produces: "video/*",
  errors: ["FILE_NOT_FOUND", "RANGE_NOT_SATISFIABLE"],
});

export const getVideoFilePart = operation({
  ...video,
  path: "/media/videos/:videoId/:file/:part",
  summary: "A segment of a stream, or the playlist of a caption file, as playlists name them",
  params: z.object({ ...ofVideo, part }),
  produces: "application/vnd.apple.mpegurl",
  errors: ["FILE_NOT_FOUND"],
});

const ticketErrors = ["MEDIA_LINK_INVALID", "MEDIA_LINK_EXPIRED"] as const;

export const getSignedVideoFile = operation({
  ...video,
  path: "/media/signed/:ticket/videos/:videoId/:file",
  summary: "A file of a video that is not published, for whoever was told this address",
  description: `${description} It expires.`,
  params: z.object({ ticket, ...ofVideo }),
  produces: "text/vtt",
  errors: ["FILE_NOT_FOUND", "RANGE_NOT_SATISFIABLE", ...ticketErrors],
});

export const getSignedVideoFilePart = operation({
  ...video,
  path: "/media/signed/:ticket/videos/:videoId/:file/:part",
  summary: "A part of such a file",
  params: z.object({ ticket, ...ofVideo, part }),
  produces: "application/vnd.apple.mpegurl",
  errors: ["FILE_NOT_FOUND", ...ticketErrors],
});
