import { z } from "zod";

/** `true` or `false`. */
export const flag = z.enum(["true", "false"]).transform((value) => value === "true");

/** An address without a slash at its end. */
export const httpUrl = z
  .url({ protocol: /^https?$/, error: "is not an http(s) URL" })
  .transform((value) => value.replace(/\/+$/, ""));
