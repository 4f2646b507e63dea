import { getHeapStatistics } from "node:v8";
import { MongoError } from "../errors";
import type { Timestamp } from "../bson/values";
import type { Deadline } from "./scan";

/** MongoDB's limit for a value an expression makes on its way. */
const MAX_VALUE_BYTES = 100 * 1024 * 1024;

/** What an element of an array takes at least. */
const ELEMENT_BYTES = 16;

/** So much may be made between two looks at the memory. */
const CHECK_BYTES = 16 * 1024 * 1024;

/** What the heap's limit counts, but only what was made just now can fill. */
const YOUNG_BYTES = 64 * 1024 * 1024;

/** What may be in use; close to the limit the thread ends, with everybody's work. */
const MAX_HEAP_BYTES = (getHeapStatistics().heap_size_limit - YOUNG_BYTES) * 0.75;

let current: Deadline | undefined;
let unchecked = 0;

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

/** What `$$CLUSTER_TIME` stands for; undefined outside of commands. */
export function currentClusterTime(): Timestamp | undefined {
  return current?.clusterTime;
}

/**
 * Called by expressions for each element they work on: one document can take for ever, too, and
 * all memory there is.
 */
export function checkDeadline(): void {
  current?.check();
  note(ELEMENT_BYTES);
}

/** Counts what is made, and looks from time to time how much of it is kept. */
function note(bytes: number): void {
  unchecked += bytes;
  if (unchecked < CHECK_BYTES) {
    return;
  }
  unchecked = 0;
  if (getHeapStatistics().used_heap_size + bytes > MAX_HEAP_BYTES) {
    throw new MongoError(146, "The operation would use more memory than this server has");
  }
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
  note(bytes);
  if (bytes > MAX_VALUE_BYTES) {
    throw new MongoError(
      146,
      `${operator} would use too much memory (${bytes} bytes) and cannot spill to disk. Memory limit: ${MAX_VALUE_BYTES} bytes`,
    );
  }
}
