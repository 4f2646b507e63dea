import { MongoError } from "../errors";
import { compareValues } from "../bson/compare";
import { type Doc, isDocument, rankOf, toNumber } from "../bson/values";
import type { Collection } from "../catalog/collection";
import type { Index } from "../catalog/collection-index";
import { sameCollation, type Collation } from "../query/collation";
import { type Filter, type FilterNode, isOperatorDocument } from "../query/filter";
import type { SortKey } from "../query/sort";
import {
  boundsOfIndex,
  type Condition,
  conditionsOf,
  type FieldBounds,
  type Interval,
  type PathBounds,
  prefixesOf,
} from "./bounds";
import { isCovered, isExact, onlyComparisons } from "./coverage";
import { fieldKey } from "./index-keys";

/** Keys of an index from `low` up to but not including `high`; `low` starts with the fixed part. */
export interface ScanRange {
  low: Buffer;
  high: Buffer;
  /** Length of the part that is the same for all keys of the range. */
  fixed: number;
}

/** A scan of one index. */
export interface IndexScan {
  stage: "IXSCAN";
  index: Index;
  ranges: ScanRange[];
  reverse: boolean;
  sorted: boolean;
  distinct: boolean;
  /** The scan leads to exactly the documents the filter matches. */
  covered: boolean;
  /** Each range holds at most one key, which is its `low`. */
  unique: boolean;
}

/** How a query finds its documents. */
export type Plan =
  | { stage: "COLLSCAN"; reverse: boolean; sorted: boolean }
  | IndexScan
  | { stage: "OR"; plans: Plan[]; sorted: false }
  | { stage: "TEXT"; index: Index; sorted: false };

/** Not reading documents outweighs whatever else an index does for a query. */
const COVERING = 10_000;

/** Looking up more combinations of `$in` values than this is left to a scan. */
const MAX_COMBINATIONS = 500;

export interface PlanRequest {
  filter: Filter;
  sort: readonly SortKey[];
  hint?: unknown;
  collation?: Collation | undefined;
  /** Only the number of documents is wanted: prefer indexes that tell it without the documents. */
  counting?: boolean;
}

interface Candidate {
  plan: IndexScan;
  score: number;
}

/**
 * Chooses an index by equality, then sort, then range: the rule MongoDB's manual gives for
 * building them.
 * @see https://www.mongodb.com/docs/manual/tutorial/equality-sort-range-guideline/
 */
export function planQuery(collection: Collection, request: PlanRequest): Plan {
  if (request.filter.text) {
    return textPlan(collection);
  }
  const natural = naturalSort(request);
  if (natural) {
    return natural;
  }
  if (request.hint !== undefined) {
    return hintedPlan(collection, request);
  }
  const byId = idPlan(collection, request);
  if (byId) {
    return byId;
  }
  const conditions = conditionsOf(request.filter.root);
  const candidates = collection.indexes.flatMap((index) =>
    index.hidden ? [] : (candidateFor(index, conditions, request) ?? []),
  );
  const best = candidates.reduce<Candidate | undefined>(
    (winner, candidate) => (winner && winner.score >= candidate.score ? winner : candidate),
    undefined,
  );
  if (best && best.score > 0) {
    return best.plan;
  }
  return orPlan(collection, request) ?? collectionScan(request);
}

/** Most queries look up one `_id`: there is one key to read, and nothing to weigh. */
function idPlan({ indexes }: Collection, { filter, collation }: PlanRequest): Plan | undefined {
  const { root } = filter;
  const [index] = indexes;
  const field = index?.isId ? index.fields[0] : undefined;
  if (!index || !field || root.kind !== "compare" || root.path !== "_id") {
    return undefined;
  }
  const strings = collation === undefined && index.collation === undefined;
  if (root.operator !== "$eq" || !isExact(root.operand, field, strings, false)) {
    return undefined;
  }
  const low = Buffer.concat([index.scanPrefix, fieldKey(root.operand, field)]);
  const range = { low, high: Buffer.concat([low, BEHIND]), fixed: low.length };
  return {
    stage: "IXSCAN",
    index,
    ranges: [range],
    reverse: false,
    sorted: true,
    distinct: true,
    covered: true,
    unique: true,
  };
}

/** With it a key becomes the least one behind itself. */
const BEHIND = Buffer.from([0]);

function collectionScan(request: PlanRequest): Plan {
  return { stage: "COLLSCAN", reverse: false, sorted: request.sort.length === 0 };
}

function naturalSort(request: PlanRequest): Plan | undefined {
  const [key] = request.sort;
  const hint = isDocument(request.hint) ? toNumber(request.hint["$natural"]) : undefined;
  if (key?.path === "$natural") {
    return { stage: "COLLSCAN", reverse: key.descending, sorted: true };
  }
  return hint === undefined
    ? undefined
    : { stage: "COLLSCAN", reverse: hint < 0, sorted: request.sort.length === 0 };
}

function textPlan(collection: Collection): Plan {
  const index = collection.indexes.find(({ text }) => text !== undefined);
  if (!index) {
    throw new MongoError(27, "text index required for $text query");
  }
  return { stage: "TEXT", index, sorted: false };
}

function hintedPlan(collection: Collection, request: PlanRequest): Plan {
  const index = hintedIndex(collection, request.hint);
  return index.ordered
    ? fullScan(index, conditionsOf(request.filter.root), request).plan
    : collectionScan(request);
}

/** The index a hint names, by its name or its key. */
export function hintedIndex(collection: Collection, hint: unknown): Index {
  const index = collection.indexes.find((candidate) =>
    typeof hint === "string"
      ? candidate.name === hint
      : sameKey(candidate.spec["key"] as Doc, hint),
  );
  if (!index) {
    throw new MongoError(
      2,
      "error processing query: planner returned error :: caused by :: hint provided does not correspond to an existing index",
    );
  }
  return index;
}

function sameKey(key: Doc, other: unknown): boolean {
  return isDocument(other) && compareValues(key, other) === 0;
}

/** A plan for the index even when it narrows nothing: all keys in order. */
function fullScan(index: Index, conditions: readonly Condition[], request: PlanRequest): Candidate {
  const fold = index.collation?.fold;
  const bounds = boundsOfIndex(conditions, index.fields, index.multikey, fold);
  return buildCandidate(index, bounds, request);
}

function candidateFor(
  index: Index,
  conditions: readonly Condition[],
  request: PlanRequest,
): Candidate | undefined {
  if (
    !mayHelp(index, conditions, request) ||
    !index.ordered ||
    !collationFits(index, conditions, request) ||
    !partialFits(index, conditions)
  ) {
    return undefined;
  }
  const fold = index.collation?.fold;
  const bounds = boundsOfIndex(conditions, index.fields, index.multikey, fold);
  if (index.sparse && !bounds.some((field) => field?.needsValue)) {
    return undefined;
  }
  const candidate = buildCandidate(index, bounds, request);
  return candidate.score > 0 ? candidate : undefined;
}

/** An index answers nothing unless its first field is asked for or sorted by. */
function mayHelp(
  { fields }: Index,
  conditions: readonly Condition[],
  { sort }: PlanRequest,
): boolean {
  const first = fields[0]?.path;
  return conditions.some(({ path }) => path === first) || sort.some(({ path }) => path === first);
}

/** A collation matters to strings only, but a range or a sort may meet some. */
function collationFits(
  index: Index,
  conditions: readonly Condition[],
  request: PlanRequest,
): boolean {
  if (sameCollation(index.collation, request.collation)) {
    return true;
  }
  const paths = new Set(index.fields.map(({ path }) => path));
  return (
    request.sort.length === 0 &&
    conditions.filter(({ path }) => paths.has(path)).every(({ operand }) => !holdsString(operand))
  );
}

function holdsString(value: unknown): boolean {
  return typeof value === "string" || Array.isArray(value) || isDocument(value);
}

/** A partial index may serve a query whose conditions imply all of the index's filter. */
function partialFits(index: Index, conditions: readonly Condition[]): boolean {
  const filter = index.partialFilter;
  return (
    !filter ||
    (onlyComparisons(filter.root) &&
      conditionsOf(filter.root).every((needed) =>
        conditions.some((given) => implies(given, needed)),
      ))
  );
}

function implies(given: Condition, needed: Condition): boolean {
  const ranged = ["$gt", "$gte", "$lt", "$lte"].includes(needed.operator);
  if (given.path !== needed.path || (ranged && !isComparable(given.operand, needed.operand))) {
    return false;
  }
  const order = () => compareValues(given.operand, needed.operand);
  const isNull = given.operand === null || given.operand === undefined;
  switch (needed.operator) {
    case "$exists":
      return (
        (given.operator === "$exists" && given.operand === needed.operand) ||
        (isBound(given) && !isNull)
      );
    case "$eq":
      return given.operator === "$eq" && order() === 0;
    case "$gt":
      return (
        (given.operator === "$gt" && order() >= 0) ||
        (["$eq", "$gte"].includes(given.operator) && order() > 0)
      );
    case "$gte":
      return ["$eq", "$gt", "$gte"].includes(given.operator) && order() >= 0;
    case "$lt":
      return (
        (given.operator === "$lt" && order() <= 0) ||
        (["$eq", "$lte"].includes(given.operator) && order() < 0)
      );
    case "$lte":
      return ["$eq", "$lt", "$lte"].includes(given.operator) && order() <= 0;
    default:
      return (
        given.operator === needed.operator && compareValues([given.operand], [needed.operand]) === 0
      );
  }
}

/** Comparisons stay within a type, and NaN compares with nothing. */
function isComparable(a: unknown, b: unknown): boolean {
  return rankOf(a) === rankOf(b) && ![a, b].some((value) => Number.isNaN(toNumber(value)));
}

function isBound({ operator, operand }: Condition): boolean {
  return ["$eq", "$gt", "$gte", "$lt", "$lte"].includes(operator) && !isOperatorDocument(operand);
}

function buildCandidate(index: Index, bounds: FieldBounds, request: PlanRequest): Candidate {
  let equal = 0;
  while (bounds[equal]?.equality) {
    equal++;
  }
  const used = combinationsFit(bounds, equal);
  const prefixes = prefixesOf(bounds.slice(0, used), index.scanPrefix);
  const next = bounds[used];
  const direction = sortDirection(index, bounds, used, request.sort);
  const ranges = prefixes.flatMap((prefix) => rangesUnder(prefix, next));
  const sorted = request.sort.length === 0 || direction !== undefined;
  const covered = isCovered(index, request, bounds, used);
  const score =
    (request.counting && covered ? COVERING : 0) +
    used * 100 +
    (request.sort.length > 0 && direction !== undefined ? 10 : 0) +
    (next ? 5 : 0) +
    (index.unique && used === index.fields.length ? 3 : 0);
  return {
    plan: {
      stage: "IXSCAN",
      index,
      ranges,
      reverse: direction === "backward",
      sorted,
      distinct: index.multikey.size === 0,
      covered,
      unique: index.unique && used === index.fields.length && covered,
    },
    score,
  };
}

function combinationsFit(bounds: FieldBounds, equal: number): number {
  let combinations = 1;
  for (let at = 0; at < equal; at++) {
    combinations *= bounds[at]?.intervals.length ?? 1;
    if (combinations > MAX_COMBINATIONS && at > 0) {
      return at;
    }
  }
  return equal;
}

function rangesUnder(prefix: Buffer, next: PathBounds | undefined): ScanRange[] {
  const intervals: Interval[] = next?.intervals ?? [
    { low: Buffer.alloc(0), high: Buffer.from([0xff]) },
  ];
  return intervals.map(({ low, high }) => ({
    low: Buffer.concat([prefix, low]),
    high: Buffer.concat([prefix, high]),
    fixed: prefix.length,
  }));
}

/**
 * The direction in which scanning gives the wanted order, or undefined. Fields held to a single
 * value do not disturb an order; those held to several are merged, so they do not either.
 */
function sortDirection(
  index: Index,
  bounds: FieldBounds,
  used: number,
  sort: readonly SortKey[],
): "forward" | "backward" | undefined {
  const constant = new Set(
    bounds.flatMap((field, at) =>
      field?.equality && field.intervals.length === 1 && !index.multikey.has(at)
        ? [index.fields[at]?.path]
        : [],
    ),
  );
  const wanted = sort.filter(({ path, meta }) => meta !== undefined || !constant.has(path));
  let at = used;
  let direction: "forward" | "backward" | undefined;
  if (index.collation) {
    return undefined;
  }
  for (const key of wanted) {
    while (
      at < index.fields.length &&
      constant.has(index.fields[at]?.path) &&
      index.fields[at]?.path !== key.path
    ) {
      at++;
    }
    const field = index.fields[at];
    if (
      !field ||
      field.path !== key.path ||
      field.hashed ||
      index.multikey.has(at) ||
      index.cut.has(at) ||
      key.meta !== undefined
    ) {
      return undefined;
    }
    const step = field.descending === key.descending ? "forward" : "backward";
    if (direction !== undefined && direction !== step) {
      return undefined;
    }
    direction = step;
    at++;
  }
  return direction ?? "forward";
}

/** `$or` is a union of index scans when each of its branches has one. */
function orPlan(collection: Collection, request: PlanRequest): Plan | undefined {
  const branches = findOr(request.filter.root);
  if (!branches) {
    return undefined;
  }
  const plans = branches.map((node): Plan => {
    const filter = { ...request.filter, root: node, matches: node.matches };
    return planQuery(collection, { ...request, filter, sort: [] });
  });
  return plans.every(({ stage }) => stage === "IXSCAN")
    ? { stage: "OR", plans, sorted: false }
    : undefined;
}

function findOr(node: FilterNode): FilterNode[] | undefined {
  if (node.kind === "or") {
    return node.children;
  }
  return node.kind === "and"
    ? node.children.map(findOr).find((branches) => branches !== undefined)
    : undefined;
}
