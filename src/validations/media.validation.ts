import { exampleFile, objectIdOf } from "./common.validation";
import { operation } from "./operation";
import { z } from "./zod";

const file = z.string().regex(/^[0-9a-f]{32}\.[a-z0-9]{2,4}$/, "is not a file name of ours");
const userFile = file.openapi({ example: exampleFile("user", "webp").name });
const videoFile = file.openapi({ example: exampleFile("video", "mp4").name });

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

export const getVideoFile = operation({
  method: "get",
  path: "/media/videos/:videoId/:file",
  tag: "Media",
  summary: "A video or its thumbnail; of an unpublished video for its owner only",
  description,
  access: "optional",
  params: z.object({ videoId: objectIdOf("video"), file: videoFile }),
  status: 200,
  message: "",
  data: z.unknown(),
  produces: "video/*",
  errors: ["FILE_NOT_FOUND", "RANGE_NOT_SATISFIABLE"],
});
