import AsyncLock from "async-lock";
import mongoose, { type ClientSession } from "mongoose";

/** Nobody is turned away: nothing in a transaction takes long. */
const lock = new AsyncLock({ maxPending: Infinity });

/**
 * Runs the work in one transaction: all of it is written, or nothing. It may run several times,
 * because the driver repeats it after a write conflict (MongoDB manual, "Transactions in
 * Applications"). The keys name the documents that everybody writes to, such as a liked video:
 * within this process their writers take turns instead of colliding.
 */
export function inTransaction<T>(
  keys: string[],
  work: (session: ClientSession) => Promise<T>,
): Promise<T> {
  // Sorted: two who want the same keys in opposite orders would wait for each other forever.
  return lock.acquire(keys.toSorted(), () =>
    mongoose.connection.withSession((session) => session.withTransaction(() => work(session))),
  );
}
