/** MongoDB's code for a write that a unique index refuses. */
const DUPLICATE_KEY = 11000;

/** Whether the error is a unique index's refusal. */
export function isDuplicateKey(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === DUPLICATE_KEY;
}
