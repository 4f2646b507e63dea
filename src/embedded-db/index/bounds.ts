import { Rank, rankOf, toNumber } from "../bson/values";
import type { FilterNode } from "../query/filter";
import { AFTER_PREFIX, encodeKey, invert, sortableLength } from "./key-string";
import { fieldKey, type FoldString, hasPlace, type IndexField } from "./index-keys";

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
  /** The `$elemMatch` the bounds come from. */
  element?: FilterNode | undefined;
}

/** What is known of each field of an index. */
export type FieldBounds = readonly (PathBounds | undefined)[];

/** All values of leading equality fields, combined behind what the keys start with. */
export function prefixesOf(fields: FieldBounds, start: Buffer): Buffer[] {
  return fields.reduce(
    (prefixes, field) =>
      prefixes.flatMap((prefix) =>
        (field?.intervals ?? []).map(({ point }) => Buffer.concat([prefix, point as Buffer])),
      ),
    [start],
  );
}

/** A condition of the filter that every matching document fulfils. */
export interface Condition {
  path: string;
  operator: string;
  operand: unknown;
  /** The `$elemMatch` it stands in: all its conditions hold for one element of an array. */
  element?: FilterNode | undefined;
}

/** The conditions that all must hold, with those inside `$elemMatch` at their full path. */
export function conditionsOf(
  node: FilterNode,
  prefix = "",
  element?: FilterNode,
): readonly Condition[] {
  switch (node.kind) {
    case "and":
      return node.children.flatMap((child) => conditionsOf(child, prefix, element));
    case "compare": {
      const { path, operator, operand } = node;
      return [{ path: prefix + path, operator, operand, element }];
    }
    case "element":
      return conditionsOf(node.inner, `${prefix}${node.path}.`, node);
    case "or":
      return node.children.length === 1
        ? conditionsOf(node.children[0] as FilterNode, prefix, element)
        : [];
    case "nor":
    case "opaque":
      return [];
  }
}

/**
 * What the conditions say about each field of an index. Two fields that met arrays share the array,
 * and two conditions may be fulfilled by two of its elements, unless one `$elemMatch` holds both.
 */
export function boundsOfIndex(
  conditions: readonly Condition[],
  fields: readonly IndexField[],
  multikey: ReadonlySet<number>,
  fold?: FoldString,
): (PathBounds | undefined)[] {
  let inArray: PathBounds | undefined;
  return fields.map((field, at) => {
    const usable = inArray
      ? conditions.filter(({ element }) => element !== undefined && element === inArray?.element)
      : conditions;
    const bounds = boundsFor(multikey.has(at) ? usable : conditions, field, multikey.has(at), fold);
    if (multikey.has(at)) {
      inArray ??= bounds;
    }
    return bounds;
  });
}

/**
 * The intervals of an index field that can hold matching keys; undefined when the conditions say
 * nothing about it. On a multikey field only one condition counts: each may be fulfilled by
 * another element of the array.
 */
function boundsFor(
  conditions: readonly Condition[],
  field: IndexField,
  multikey: boolean,
  fold?: FoldString,
): PathBounds | undefined {
  const found: PathBounds[] = conditions
    .filter(({ path }) => path === field.path)
    .flatMap((condition) => {
      const bounds = boundsOf(condition, field, fold);
      // Such a path is missing in the array's documents, too, which has no key beside the place's.
      return bounds && (bounds.needsValue || !hasPlace(field))
        ? [{ ...bounds, element: condition.element }]
        : [];
    });
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
  const isSortable = key.length <= sortableLength(field.limit);
  // NaN sorts before all numbers and compares with none.
  const from = { key: rank === Rank.number ? SMALLEST_NUMBER : Buffer.from([rank]), after: false };
  const to = { key: Buffer.from([rank + 1]), after: false };
  const before = isSortable ? { key, after: false } : undefined;
  const after = isSortable ? { key, after: true } : undefined;
  switch (operator) {
    case "$gt":
      return range(after ?? from, to, field);
    case "$gte":
      return range(before ?? from, to, field);
    case "$lt":
      return range(from, before ?? to, field);
    case "$lte":
      return range(from, after ?? to, field);
  }
}

const SMALLEST_NUMBER = encodeKey(-Infinity);

/** A place between keys: before or after all those that start with `key`. */
interface Edge {
  key: Buffer;
  after: boolean;
}

/** Descending fields hold inverted bytes, so the edges change places. */
function range(low: Edge, high: Edge, field: IndexField): PathBounds {
  const interval = field.descending
    ? { low: bytesOf(inverted(high)), high: bytesOf(inverted(low)) }
    : { low: bytesOf(low), high: bytesOf(high) };
  return { intervals: [interval], equality: false, needsValue: true };
}

function inverted({ key, after }: Edge): Edge {
  const [rank = 0] = key;
  // The edge of a type: all its keys lie on one side.
  return key.length === 1
    ? { key: Buffer.from([256 - rank]), after }
    : { key: invert(key), after: !after };
}

function bytesOf({ key, after }: Edge): Buffer {
  return after ? Buffer.concat([key, AFTER_PREFIX]) : key;
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
  const ascending = encodeKey(text).subarray(0, -1).subarray(0, sortableLength(field.limit));
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
