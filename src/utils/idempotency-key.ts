import { createHash } from "node:crypto";
import { Types } from "mongoose";

/**
 * The id of what a user makes under an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header):
 * the same for each repetition, so that the unique index of ids is all it takes to make one thing.
 */
export function idForKey(user: Types.ObjectId, key: string): Types.ObjectId {
  const hash = createHash("sha256").update(user.toHexString()).update(key).digest("hex");
  return new Types.ObjectId(hash.slice(0, 24));
}
