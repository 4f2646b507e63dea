import { failedToParse, MongoError } from "../errors";
import { type Doc, isDocument, toNumber, typeName } from "../bson/values";
import { shiftDate, timeUnit } from "../query/operators/date";
import { readPath } from "../query/path";
import type { SortKey } from "../query/sort";

/** What the documents of a partition are sorted by. */
export interface SortAxis {
  keys: readonly SortKey[];
  /** The path of the only key. */
  parts: readonly string[] | undefined;
}

/** For each document of a partition: where its window begins, and the place behind its end. */
export type Bounds = (partition: readonly Doc[]) => [from: number, to: number][];

type Bound = "unbounded" | "current" | number;

/** Without a window, it is the whole partition. */
export function boundsOf(window: unknown, axis: SortAxis): Bounds {
  if (window === undefined) {
    return (partition) => partition.map(() => [0, partition.length]);
  }
  const { documents, range, unit } = isDocument(window) ? window : {};
  if ((documents === undefined) === (range === undefined)) {
    throw failedToParse("A window must have either 'documents' or 'range' bounds");
  }
  return documents === undefined ? rangeBounds(range, unit, axis) : placeBounds(documents, axis);
}

function placeBounds(given: unknown, axis: SortAxis): Bounds {
  const [low, high] = parseBounds("documents", given, Number.isInteger);
  if (axis.keys.length === 0 && (low !== "unbounded" || high !== "unbounded")) {
    throw new MongoError(5339901, "Document-based bounds require a sortBy");
  }
  return (partition) =>
    partition.map((_, at) => {
      const from = low === "unbounded" ? 0 : Math.max(at + offset(low), 0);
      const to = high === "unbounded" ? Infinity : at + offset(high) + 1;
      return [from, Math.max(Math.min(to, partition.length), 0)];
    });
}

/** The documents whose sorted value is within a distance of this one's. */
function rangeBounds(given: unknown, unit: unknown, axis: SortAxis): Bounds {
  const [low, high] = parseBounds("range", given, Number.isFinite);
  const { parts } = axis;
  if (!parts || axis.keys[0]?.descending) {
    throw new MongoError(5339902, "Range-based bounds require a sortBy of one ascending field");
  }
  const name = unit === undefined ? undefined : timeUnit(unit, "window");
  const move = (x: number, bound: Bound) =>
    name === undefined ? x + offset(bound) : shiftDate(x, name, offset(bound));
  return (partition) => {
    const xs = partition.map((doc) => coordinate(readPath(doc, parts), name !== undefined));
    let [from, to] = [0, 0];
    // Both ends only ever move on, since the values ascend.
    return xs.map((x) => {
      const [least, most] = [move(x, low), move(x, high)];
      while (low !== "unbounded" && from < xs.length && (xs[from] as number) < least) {
        from++;
      }
      while (to < xs.length && (high === "unbounded" || (xs[to] as number) <= most)) {
        to++;
      }
      return [from, Math.max(from, to)];
    });
  };
}

/** A number on the axis that the documents are sorted by. */
export function coordinate(value: unknown, dates: boolean): number {
  const number = dates ? (value instanceof Date ? value.getTime() : undefined) : toNumber(value);
  if (number === undefined) {
    throw new MongoError(
      5429413,
      `Invalid range: Expected the sortBy field to be a ${dates ? "Date" : "number"}, but it was ${typeName(value)}`,
    );
  }
  return number;
}

function parseBounds(
  name: string,
  given: unknown,
  fits: (value: number) => boolean,
): [Bound, Bound] {
  if (!Array.isArray(given) || given.length !== 2) {
    throw failedToParse(`Window bounds must be a 2-element array: ${name}`);
  }
  const [low, high] = given.map((bound: unknown): Bound => {
    const number = toNumber(bound);
    if (bound === "unbounded" || bound === "current") {
      return bound;
    }
    if (number === undefined || !fits(number)) {
      throw failedToParse(
        `Window bounds in '${name}' must be 'unbounded', 'current', or a number that fits`,
      );
    }
    return number;
  }) as [Bound, Bound];
  if (low !== "unbounded" && high !== "unbounded" && offset(low) > offset(high)) {
    throw new MongoError(5339900, "Lower bound must not exceed upper bound");
  }
  return [low, high];
}

function offset(bound: Bound): number {
  return typeof bound === "number" ? bound : 0;
}
