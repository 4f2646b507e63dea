import { getHeapStatistics } from "node:v8";
import { MongoError } from "../errors";
import { isDocument } from "../bson/values";
import { currentOperation } from "./watch";

const LEAST_BYTES = 100 * 1024 * 1024;

/** What the documents one stage keeps may take: this server has no temporary files to go to. */
const LIMIT_BYTES = Math.max(LEAST_BYTES, Math.floor(getHeapStatistics().heap_size_limit / 4));

/** What stages keep for cursors that wait for their clients, all of them together. */
export const CURSORS_LIMIT_BYTES = LIMIT_BYTES / 2;

/** One of so many values is measured, and stands for all of them; a prime, so that no kind is left out. */
const SAMPLE = 11;

/** What an object or a value that is not a string takes, about. */
const VALUE_BYTES = 16;

/** An ObjectId, a date or a buffer: an object that holds another. */
const OBJECT_BYTES = 100;

const keptFor = new WeakMap<object, number>();

/** What stages have kept for an operation so far. */
export function keptBy(operation: object): number {
  return keptFor.get(operation) ?? 0;
}

/** Runs a part of an operation that keeps nothing for longer than for one document. */
export function passing<T>(work: () => T): T {
  const operation = currentOperation();
  const before = keptBy(operation);
  try {
    return work();
  } finally {
    keptFor.set(operation, before);
  }
}

/** Refuses what a stage keeps when it becomes too much. */
export class MemoryBudget {
  private bytes = 0;
  private count = 0;
  private readonly operation = currentOperation();

  constructor(private readonly stage: string) {}

  /** Counts a value that is kept. */
  keep(value: unknown): void {
    if (this.count++ % SAMPLE !== 0) {
      return;
    }
    const size = sizeOf(value) * SAMPLE;
    this.bytes += size;
    keptFor.set(this.operation, keptBy(this.operation) + size);
    if (this.bytes > LIMIT_BYTES) {
      throw new MongoError(
        292,
        `Exceeded memory limit of ${LIMIT_BYTES} bytes for ${this.stage}, and this server does not use disk for it`,
      );
    }
  }
}

/** Hands documents on to a stage that keeps them all; refuses when they become too many. */
export function* kept<T>(stage: string, input: Iterable<T>): Iterable<T> {
  const budget = new MemoryBudget(stage);
  for (const item of input) {
    budget.keep(item);
    yield item;
  }
}

function sizeOf(value: unknown): number {
  if (typeof value === "string") {
    return VALUE_BYTES + value.length;
  }
  if (Array.isArray(value)) {
    return value.reduce<number>((sum, element) => sum + sizeOf(element), VALUE_BYTES);
  }
  if (isDocument(value)) {
    let sum = VALUE_BYTES;
    for (const name in value) {
      sum += VALUE_BYTES + sizeOf(value[name]);
    }
    return sum;
  }
  return typeof value === "object" && value !== null ? OBJECT_BYTES : VALUE_BYTES;
}
