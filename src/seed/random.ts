import { createHash } from "node:crypto";

/** Chance that repeats itself: the same name gives the same numbers, on every machine. */
export interface Random {
  /** From 0 up to, without, 1. */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number;
  pick<T>(list: readonly T[]): T;
  /** Some of the list, each at most once, in an order of chance. */
  some<T>(list: readonly T[], count: number): T[];
}

/** A generator of its own for each name, so that one more draw here changes nothing there. */
export function randomOf(name: string): Random {
  let state = createHash("sha256").update(name).digest().readUInt32LE(0);
  // mulberry32: 32 bits of state are plenty for a picture of a small town.
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    between,
    pick: (list) => list[between(0, list.length - 1)]!,
    some: (list, count) =>
      list
        .map((item) => [next(), item] as const)
        .sort(([a], [b]) => a - b)
        .slice(0, count)
        .map(([, item]) => item),
  };
}
