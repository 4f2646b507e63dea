import type { Doc } from "../bson/values";

/** @see https://www.mongodb.com/docs/manual/reference/command/ping/ */
export function ping(): Doc {
  return {};
}
