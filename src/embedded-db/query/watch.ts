import { MongoError } from "../errors";
import type { Deadline } from "./scan";

/** MongoDB's limit for a value an expression makes on its way. */
const MAX_VALUE_BYTES = 100 * 1024 * 1024;

/** What an element of an array takes at least. */
const ELEMENT_BYTES = 16;

let current: Deadline | undefined;

/** Runs a piece of work, whose expressions look at the deadline, however deep inside they are. */
export function watched<T>(deadline: Deadline, work: () => T): T {
  const outer = current;
  current = deadline;
  deadline.begin();
  try {
    return work();
  } finally {
    current = outer;
  }
}

/** What stands for the operation at work; something new outside of any. */
export function currentOperation(): object {
  return current ?? {};
}

/** Called by expressions for each element they work on: one document can take for ever, too. */
export function checkDeadline(): void {
  current?.check();
}

/** Refuses a string before it is made. */
export function checkStringLength(operator: string, length: number): void {
  checkBytes(operator, length);
}

/** Refuses an array before it is made. */
export function checkArrayLength(operator: string, length: number): void {
  checkBytes(operator, length * ELEMENT_BYTES);
}

function checkBytes(operator: string, bytes: number): void {
  if (bytes > MAX_VALUE_BYTES) {
    throw new MongoError(
      146,
      `${operator} would use too much memory (${bytes} bytes) and cannot spill to disk. Memory limit: ${MAX_VALUE_BYTES} bytes`,
    );
  }
}
