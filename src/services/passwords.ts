import bcrypt from "bcrypt";
import pLimit from "p-limit";
import { config } from "../config/env";
import { ApiError } from "../utils/ApiError";

/** bcrypt runs on libuv's four threads, which serve files too: two hashes at once leave room for them. */
const slots = pLimit(2);
const WAITING_MAX = 100;

/** Every hashing and comparing of passwords goes through this gate. @throws ApiError SERVER_BUSY */
export async function withHashSlot<T>(task: () => Promise<T>): Promise<T> {
  if (slots.pendingCount >= WAITING_MAX) {
    throw new ApiError("SERVER_BUSY");
  }
  return slots(task);
}

let decoy: Promise<string> | undefined;

/** Takes as long as comparing with a real hash, so that an unknown account cannot be told by time. */
export async function compareWithNothing(password: string): Promise<false> {
  decoy ??= bcrypt.hash("nobody has this password", config.auth.bcryptRounds);
  await bcrypt.compare(password, await decoy);
  return false;
}
