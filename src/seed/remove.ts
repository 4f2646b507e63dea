import { removeUser } from "../jobs/removal";
import { SeededUser } from "../models/seed.model";
import type { Progress } from "./progress";

/**
 * Removes every account that a seed has made, with all that is its, the way that accounts are
 * removed: what others have is left alone, and their counters stay exact.
 */
export async function removeSeed(progress: Progress): Promise<void> {
  const accounts = await SeededUser.find().lean();
  if (accounts.length === 0) {
    return;
  }
  progress.begin("Removing the old seed", accounts.length);
  for (const { _id } of accounts) {
    await removeUser(_id);
    await SeededUser.deleteOne({ _id });
    progress.advance();
  }
}
