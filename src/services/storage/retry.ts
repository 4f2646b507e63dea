import { setTimeout as sleep } from "node:timers/promises";

export interface RetryPolicy {
  /** How often in all, the first time included. */
  attempts: number;
  /** Milliseconds; the longest pause after the first failure. It doubles with each further one. */
  delay: number;
}

/**
 * Does `work` again after a failure that `isTransient`, at most `attempts` times in all. The pauses
 * are random below a doubling bound, so that many clients of a failing service do not return at
 * the same moment. Only for work that may safely happen twice.
 */
export async function retry<T>(
  { attempts, delay }: RetryPolicy,
  isTransient: (error: unknown) => boolean,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= attempts || !isTransient(error)) {
        throw error;
      }
      await sleep(Math.random() * delay * 2 ** (attempt - 1));
    }
  }
}
