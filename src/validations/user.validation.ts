import { PASSWORD_MAX_BYTES, PASSWORD_MIN_LENGTH } from "../constants";
import {
  count,
  empty,
  idOf,
  listQuery,
  mediaUrl,
  objectIdOf,
  text,
  timestamp,
} from "./common.validation";
import { operation } from "./operation";
import { z } from "./zod";

const username = text({ min: 3, max: 50 })
  .regex(/^[\w.-]*$/, "may have letters, digits, dots, dashes and underscores only")
  .transform((value) => value.toLowerCase())
  .openapi({ type: "string", minLength: 3, maxLength: 50, pattern: "^[\\w.-]+$", example: "asha" });

const email = text({ max: 254 })
  .pipe(z.email("must be an e-mail address"))
  .transform((value) => value.toLowerCase())
  .openapi({ type: "string", format: "email", maxLength: 254, example: "asha@example.com" });

const fullName = text({ max: 100 }).openapi({ example: "Asha Rao" });

/** A password as it is sent to sign in; judged by its hash only. Spaces are part of it. */
const password = z
  .string()
  .min(1, "must not be empty")
  .max(1024, "is too long")
  .openapi({ format: "password", example: "correct horse battery" });

/** Forms with both fields send the unused one empty. */
const loginName = z
  .preprocess((value) => (value === "" ? undefined : value), text({ max: 254 }).optional())
  .openapi({ type: "string", maxLength: 254 });

const newPassword = z
  .string()
  .min(PASSWORD_MIN_LENGTH, `must have at least ${PASSWORD_MIN_LENGTH} characters`)
  .refine(
    (value) => Buffer.byteLength(value) <= PASSWORD_MAX_BYTES,
    `must have at most ${PASSWORD_MAX_BYTES} bytes`,
  )
  // bcrypt ends a password at its first NUL.
  .refine(
    (value) => value.isWellFormed() && !value.includes("\0"),
    "has characters that cannot be used",
  )
  .openapi({ format: "password", example: "correct horse battery" });

const avatarFile = {
  kind: "image",
  required: true,
  description: "JPEG, PNG, WebP, GIF or AVIF",
} as const;
const coverImageFile = { ...avatarFile, required: false } as const;

/** What everybody may see of a user. */
export const publicFields = {
  _id: idOf("user"),
  username: z.string().openapi({ example: "asha" }),
  fullName: z.string().openapi({ example: "Asha Rao" }),
  avatar: mediaUrl("user", "webp"),
  coverImage: z.union([mediaUrl("user", "webp"), z.literal("")]),
  createdAt: timestamp,
};

/** One's own account. */
export const ownUser = z
  .strictObject({
    ...publicFields,
    email: z.string().openapi({ example: "asha@example.com" }),
    updatedAt: timestamp,
  })
  .openapi("OwnUser");

const channel = z
  .strictObject({
    ...publicFields,
    subscribersCount: count,
    channelsSubscribedToCount: count,
    isSubscribed: z.boolean(),
    videosCount: count,
    tweetsCount: count,
    totalViews: count,
  })
  .openapi("Channel");

/** The owner of a video, a comment or a tweet. */
export const owner = z
  .strictObject({
    _id: publicFields._id,
    username: publicFields.username,
    fullName: publicFields.fullName,
    avatar: publicFields.avatar,
  })
  .openapi("Owner");

const EXAMPLE_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl";

const tokens = z
  .strictObject({
    accessToken: z.string().optional().openapi({ example: EXAMPLE_TOKEN }),
    refreshToken: z.string().optional().openapi({ example: EXAMPLE_TOKEN }),
  })
  .openapi("Tokens", { description: "Absent where the server is set to hand out cookies only" });

const session = z
  .strictObject({
    _id: idOf("session"),
    device: z.string().openapi({
      example: "Mozilla/5.0 (Android 15)",
      description: "The client's User-Agent at sign-in",
    }),
    createdAt: timestamp,
    lastUsedAt: timestamp,
    expiresAt: timestamp,
    current: z.boolean(),
  })
  .openapi("Session");

export const registerUser = operation({
  method: "post",
  path: "/users/register",
  tag: "Users",
  summary: "Create an account",
  access: "public",
  body: z.object({ fullName, email, username, password: newPassword }),
  files: { avatar: avatarFile, coverImage: coverImageFile },
  status: 201,
  message: "User registered successfully",
  data: ownUser,
  errors: ["USER_EXISTS", "MEDIA_EMPTY", "MEDIA_UNSUPPORTED", "MEDIA_UNREADABLE"],
});

export const loginUser = operation({
  method: "post",
  path: "/users/login",
  tag: "Users",
  summary: "Sign in",
  description:
    "Sets the cookies `accessToken` and `refreshToken`. `username` may also hold the e-mail address.",
  access: "public",
  body: z
    .object({
      username: loginName.openapi({ example: "asha" }),
      email: loginName,
      password,
    })
    .refine((body) => body.username !== undefined || body.email !== undefined, {
      path: ["username"],
      message: "username or email is required",
    }),
  status: 200,
  message: "User logged in successfully",
  data: z.strictObject({ user: ownUser, ...tokens.shape }),
  errors: ["INVALID_CREDENTIALS", "TOO_MANY_LOGIN_ATTEMPTS", "SERVER_BUSY"],
});

/** Clients that keep it in the cookie alone send `null` for what their storage has not. */
const sentToken = z.string().max(4096).nullish().openapi({ example: EXAMPLE_TOKEN });

export const logoutUser = operation({
  method: "post",
  path: "/users/logout",
  tag: "Users",
  summary: "End this session",
  description:
    "Takes either token, so that a client whose access token has expired can still sign out.",
  access: "eitherToken",
  body: z.object({ refreshToken: sentToken }),
  status: 200,
  message: "User logged out",
  data: empty,
});

export const refreshAccessToken = operation({
  method: "post",
  path: "/users/refresh-token",
  tag: "Users",
  summary: "Trade the refresh token for a new pair",
  description:
    "From the cookie `refreshToken` or the body. Each refresh token works once; within ten seconds it answers " +
    "with the same successor again, later its use ends the session.",
  access: "public",
  body: z.object({ refreshToken: sentToken }),
  status: 200,
  message: "Access token refreshed",
  data: tokens,
  errors: ["INVALID_REFRESH_TOKEN", "REFRESH_TOKEN_EXPIRED", "REFRESH_TOKEN_REUSED"],
});

export const changePassword = operation({
  method: "post",
  path: "/users/change-password",
  tag: "Users",
  summary: "Change the password",
  description: "Every other session of the user ends.",
  access: "required",
  body: z.object({
    oldPassword: password,
    newPassword: newPassword.openapi({ example: "correct horse battery staple" }),
  }),
  status: 200,
  message: "Password changed successfully",
  data: empty,
  errors: ["INVALID_OLD_PASSWORD"],
});

export const getCurrentUser = operation({
  method: "get",
  path: "/users/current-user",
  tag: "Users",
  summary: "One's own account",
  access: "required",
  status: 200,
  message: "Current user fetched successfully",
  data: ownUser,
});

export const deleteCurrentUser = operation({
  method: "delete",
  path: "/users/current-user",
  tag: "Users",
  summary: "Delete one's account with all that is its, media too",
  access: "required",
  body: z.object({ password }),
  status: 200,
  message: "Account deleted",
  data: empty,
  errors: ["INVALID_PASSWORD"],
});

export const updateAccount = operation({
  method: "patch",
  path: "/users/update-account",
  tag: "Users",
  summary: "Change name or e-mail address",
  access: "required",
  body: z
    .object({ fullName: fullName.optional(), email: email.optional() })
    .refine((body) => body.fullName !== undefined || body.email !== undefined, {
      path: ["fullName"],
      message: "fullName or email is required",
    }),
  status: 200,
  message: "Account details updated successfully",
  data: ownUser,
  errors: ["EMAIL_TAKEN"],
});

export const updateAvatar = operation({
  method: "patch",
  path: "/users/avatar",
  tag: "Users",
  summary: "Replace the avatar",
  access: "required",
  files: { avatar: avatarFile },
  status: 200,
  message: "Avatar updated successfully",
  data: ownUser,
  errors: ["MEDIA_EMPTY", "MEDIA_UNSUPPORTED", "MEDIA_UNREADABLE"],
});

export const updateCoverImage = operation({
  method: "patch",
  path: "/users/cover-image",
  tag: "Users",
  summary: "Replace the cover image",
  access: "required",
  files: { coverImage: { ...coverImageFile, required: true } },
  status: 200,
  message: "Cover image updated successfully",
  data: ownUser,
  errors: ["MEDIA_EMPTY", "MEDIA_UNSUPPORTED", "MEDIA_UNREADABLE"],
});

export const getChannel = operation({
  method: "get",
  path: "/users/c/:username",
  tag: "Users",
  summary: "A channel's public profile",
  access: "optional",
  params: z.object({
    username: z
      .string()
      .max(254)
      .transform((value) => value.trim().toLowerCase())
      .openapi({ type: "string", example: "asha" }),
  }),
  status: 200,
  message: "User channel fetched successfully",
  data: channel,
  errors: ["CHANNEL_NOT_FOUND"],
});

export const getSessions = operation({
  method: "get",
  path: "/users/sessions",
  tag: "Users",
  summary: "One's own sessions, the last used first",
  access: "required",
  query: z.object(listQuery),
  status: 200,
  message: "Sessions fetched successfully",
  data: z.array(session),
  list: true,
});

export const deleteSession = operation({
  method: "delete",
  path: "/users/sessions/:sessionId",
  tag: "Users",
  summary: "End one of one's own sessions",
  access: "required",
  params: z.object({ sessionId: objectIdOf("session") }),
  status: 200,
  message: "Session ended",
  data: empty,
  errors: ["SESSION_NOT_FOUND"],
});
