import { Rank, rankOf, toNumber } from "../bson/values";
import type { FilterNode } from "../query/filter";
import { AFTER_PREFIX, encodeKey, invert } from "./key-string";
import { fieldKey, type FoldString, type IndexField } from "./index-keys";

/** Keys from `low` up to but not including `high`, within one field of an index. */
export interface Interval {
  low: Buffer;
  high: Buffer;
  /** Set when the interval holds a single value. */
  point?: Buffer;
}

/** More members than this are looked up by a scan of the range they span. */
const MAX_POINTS = 1000;

/** What a filter says about one path, as far as an index can use it. */
export interface PathBounds {
  intervals: Interval[];
  /** All intervals are single values. */
  equality: boolean;
  /** Documents without the field cannot match, so sparse indexes are usable. */
  needsValue: boolean;
}

/** A condition of the filter that every matching document fulfils. */
export interface Condition {
  path: string;
  operator: string;
  operand: unknown;
}

/** The conditions that all must hold, with those inside `$elemMatch` at their full path. */
export function conditionsOf(node: FilterNode, prefix = ""): Condition[] {
  switch (node.kind) {
    case "and":
      return node.children.flatMap((child) => conditionsOf(child, prefix));
    case "compare":
      return [{ path: prefix + node.path, operator: node.operator, operand: node.operand }];
    case "element":
      return conditionsOf(node.inner, `${prefix}${node.path}.`);
    case "or":
      return node.children.length === 1 ? conditionsOf(node.children[0] as FilterNode, prefix) : [];
    case "nor":
    case "opaque":
      return [];
  }
}

/**
 * The intervals of an index field that can hold matching keys; undefined when the conditions say
 * nothing about it. On a multikey field only one condition counts: each may be fulfilled by
 * another element of the array.
 */
export function boundsFor(
  conditions: readonly Condition[],
  field: IndexField,
  multikey: boolean,
  fold?: FoldString,
): PathBounds | undefined {
  const found = conditions
    .filter(({ path }) => path === field.path)
    .flatMap((condition) => boundsOf(condition, field, fold) ?? []);
  const best = found.find(({ equality }) => equality) ?? found[0];
  if (!best || best.equality || multikey) {
    return best;
  }
  return found.reduce(intersect);
}

function intersect(a: PathBounds, b: PathBounds): PathBounds {
  const intervals = a.intervals.flatMap((x) =>
    b.intervals.flatMap((y) => {
      const low = Buffer.compare(x.low, y.low) >= 0 ? x.low : y.low;
      const high = Buffer.compare(x.high, y.high) <= 0 ? x.high : y.high;
      return Buffer.compare(low, high) < 0 ? [{ low, high }] : [];
    }),
  );
  return { intervals, equality: false, needsValue: a.needsValue || b.needsValue };
}

function boundsOf(
  condition: Condition,
  field: IndexField,
  fold?: FoldString,
): PathBounds | undefined {
  const { operator, operand } = condition;
  switch (operator) {
    case "$eq":
      return points([operand], field, fold);
    case "$in":
      return Array.isArray(operand) ? points(operand, field, fold) : undefined;
    case "$gt":
    case "$gte":
    case "$lt":
    case "$lte":
      return field.hashed ? undefined : comparison(operator, operand, field, fold);
    case "$exists":
      return existence(operand, field);
    case "$regex":
      return field.hashed || fold ? undefined : prefixRange(operand, field);
    default:
      return undefined;
  }
}

function points(
  values: readonly unknown[],
  field: IndexField,
  fold?: FoldString,
): PathBounds | undefined {
  const unusable = values.some(
    (value) => rankOf(value) === Rank.array || rankOf(value) === Rank.regex,
  );
  if (unusable || values.length > MAX_POINTS) {
    return undefined;
  }
  const keys = new Map<string, Buffer>();
  for (const value of values) {
    const key = fieldKey(value ?? null, field, fold);
    keys.set(key.toString("latin1"), key);
  }
  const intervals = [...keys.values()].sort((a, b) => Buffer.compare(a, b)).map(point);
  const needsValue = values.every((value) => value !== null && value !== undefined);
  return { intervals, equality: true, needsValue };
}

function point(key: Buffer): Interval {
  return { low: key, high: Buffer.concat([key, AFTER_PREFIX]), point: key };
}

function comparison(
  operator: "$gt" | "$gte" | "$lt" | "$lte",
  operand: unknown,
  field: IndexField,
  fold?: FoldString,
): PathBounds | undefined {
  const rank = rankOf(operand);
  if (rank === Rank.null || rank === Rank.undefined) {
    return operator.endsWith("e")
      ? points([null], field, fold)
      : { intervals: [], equality: false, needsValue: true };
  }
  const ordered =
    rank !== Rank.minKey && rank !== Rank.maxKey && rank !== Rank.array && rank !== Rank.object;
  const foldedOrder = rank === Rank.string && fold !== undefined;
  if (!ordered || foldedOrder || Number.isNaN(toNumber(operand) ?? 0)) {
    return undefined;
  }
  const key = encodeKey(operand);
  const after = Buffer.concat([key, AFTER_PREFIX]);
  const [from, to] = [Buffer.from([rank]), Buffer.from([rank + 1])];
  switch (operator) {
    case "$gt":
      return range(after, to, field);
    case "$gte":
      return range(key, to, field);
    case "$lt":
      return range(from, key, field);
    case "$lte":
      return range(from, after, field);
  }
}

/** Descending fields hold inverted bytes, so the ends change places. */
function range(low: Buffer, high: Buffer, field: IndexField): PathBounds {
  const interval = field.descending
    ? { low: invertEnd(high), high: invertEnd(low) }
    : { low, high };
  return { intervals: [interval], equality: false, needsValue: true };
}

/**
 * The inverted bound: keys at or above `key` become keys below `~key` or extending it. A bound
 * that ends in 0xff stands for "after every key with this prefix"; inverted it is the bare prefix.
 */
function invertEnd(bound: Buffer): Buffer {
  if (bound.length === 1) {
    // The edge of a type: all keys of the type lie on one side of it.
    return Buffer.from([256 - (bound[0] as number)]);
  }
  const afterPrefix = bound.length > 1 && bound[bound.length - 1] === 0xff;
  return afterPrefix ? invert(bound.subarray(0, -1)) : Buffer.concat([invert(bound), AFTER_PREFIX]);
}

function existence(operand: unknown, field: IndexField): PathBounds | undefined {
  if (operand === false || toNumber(operand) === 0) {
    return field.hashed ? undefined : points([null], field);
  }
  const everything = { low: Buffer.from([0]), high: AFTER_PREFIX };
  return { intervals: [everything], equality: false, needsValue: true };
}

/** `/^abc/` scans the strings that start with abc. */
function prefixRange(operand: unknown, field: IndexField): PathBounds | undefined {
  const { source, flags } = sourceOf(operand);
  const prefix = /^\^([^\\^$.|?*+()[\]{}]+)/.exec(source)?.[1];
  const optional = prefix !== undefined && /^[?*{]/.test(source.slice(prefix.length + 1));
  const text = optional ? prefix.slice(0, -1) : (prefix ?? "");
  if (text === "" || flags !== "" || source.includes("|")) {
    return undefined;
  }
  const ascending = encodeKey(text).subarray(0, -1);
  const low = field.descending ? invert(ascending) : ascending;
  // Twice, because the inverted end of a string is 0xff too.
  const high = Buffer.concat([low, AFTER_PREFIX, AFTER_PREFIX]);
  return { intervals: [{ low, high }], equality: false, needsValue: true };
}

function sourceOf(operand: unknown): { source: string; flags: string } {
  if (typeof operand === "string") {
    return { source: operand, flags: "" };
  }
  const regex = operand as { pattern?: string; options?: string; source?: string; flags?: string };
  return { source: regex.pattern ?? regex.source ?? "", flags: regex.options ?? regex.flags ?? "" };
}
