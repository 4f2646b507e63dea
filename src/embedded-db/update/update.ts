import { badValue, failedToParse, MongoError, typeMismatch } from "../errors";
import { equalValues } from "../bson/compare";
import { formatValue } from "../bson/format";
import { type Doc, isDocument, ObjectId, omit, rankOf, Rank, typeName } from "../bson/values";
import { compileUpdatePipeline } from "../aggregate/update-pipeline";
import { checkId } from "../catalog/collection";
import type { Collation } from "../query/collation";
import { type Filter, type FilterNode, parseFilter } from "../query/filter";
import { matchedPosition } from "../query/position";
import { difference, type UpdateDescription } from "./difference";
import { OPERATORS, type UpdateOperator } from "./operators";
import {
  applyAt,
  isDynamic,
  noteWithin,
  parsePath,
  type PathContext,
  resolvePaths,
  setPath,
} from "./path";

export interface UpdateOptions {
  filter: Filter;
  arrayFilters?: readonly unknown[] | undefined;
  collation?: Collation | undefined;
  variables?: Doc | undefined;
}

/** The outcome for one document. */
interface Updated {
  after: Doc;
  /** What an update changed, for change streams; undefined for a replacement. */
  change: UpdateDescription | undefined;
}

/** Changes a document, which it may modify; `inserting` when an upsert makes a new one. */
type Update = (doc: Doc, inserting: boolean) => Updated;

export interface CompiledUpdate {
  apply: Update;
  /** A whole new document: refused together with `multi`. */
  replacement: boolean;
}

interface Modification {
  path: string;
  parts: readonly string[];
  operand: unknown;
  name: string;
  operator: UpdateOperator;
}

/**
 * Compiles an update document: operators, replacement or pipeline.
 * @see https://www.mongodb.com/docs/manual/reference/command/update/
 */
export function compileUpdate(update: unknown, options: UpdateOptions): CompiledUpdate {
  if (Array.isArray(update)) {
    if (options.arrayFilters) {
      throw failedToParse("arrayFilters may not be specified for pipeline-style updates");
    }
    const apply = compileUpdatePipeline(update, options.variables);
    return {
      replacement: false,
      apply: (doc) => {
        const after = keepId(doc, apply(doc));
        return { after, change: difference(doc, after) };
      },
    };
  }
  if (!isDocument(update)) {
    throw failedToParse("Update argument must be either an object or an array");
  }
  const [first] = Object.keys(update);
  return first?.startsWith("$") ? compileOperators(update, options) : compileReplacement(update);
}

function compileReplacement(replacement: Doc): CompiledUpdate {
  const bad = Object.keys(replacement).find((name) => name.startsWith("$"));
  if (bad !== undefined) {
    throw new MongoError(
      52,
      `The dollar ($) prefixed field '${bad}' in '${bad}' is not allowed in the context of an update's replacement document. Consider using an aggregation pipeline with $replaceWith.`,
    );
  }
  return {
    replacement: true,
    apply: (doc) => ({ after: keepId(doc, replacement), change: undefined }),
  };
}

/** The `_id` of a document never changes, and stands in front. */
function keepId(before: Doc, after: Doc): Doc {
  if (before["_id"] === undefined) {
    return after;
  }
  if (after["_id"] !== undefined && !equalValues(before["_id"], after["_id"])) {
    throw new MongoError(
      66,
      `After applying the update, the (immutable) field '_id' was found to have been altered to _id: ${formatValue(after["_id"])}`,
    );
  }
  return idFirst(before["_id"], after);
}

function compileOperators(update: Doc, options: UpdateOptions): CompiledUpdate {
  const modifications = Object.entries(update).flatMap(([name, fields]) =>
    parseOperator(name, fields),
  );
  refuseConflicts(modifications);
  const filters = parseArrayFilters(options, modifications);
  // MongoDB applies the paths of an update in lexicographic order.
  modifications.sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    replacement: false,
    apply: (doc, inserting) => applyOperators(doc, inserting, modifications, options, filters),
  };
}

function parseOperator(name: string, fields: unknown): Modification[] {
  const operator = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
  if (!operator) {
    throw failedToParse(
      `Unknown modifier: ${name}. Expected a valid update modifier or pipeline-style update specified as an array`,
    );
  }
  if (!isDocument(fields)) {
    throw failedToParse(
      `Modifiers operate on fields but we found type ${typeName(fields)} instead. For example: {$mod: {<field>: ...}} not {${name}: ${formatValue(fields)}}`,
    );
  }
  return Object.entries(fields).map(([path, operand]) => {
    const parts = parsePath(path);
    operator.check?.(path, operand);
    return { path, parts, operand, name, operator };
  });
}

function refuseConflicts(modifications: readonly Modification[]): void {
  refuseMeetings(
    modifications.flatMap(({ path, name, operand }) =>
      name === "$rename" ? [path, String(operand)] : [path],
    ),
  );
  if (modifications.some(({ parts }) => isDynamic(parts))) {
    refuseMixtures(modifications.map(({ parts }) => parts));
  }
}

/** `$[]` and filtered elements of an array cannot be named together with its fields or places. */
function refuseMixtures(paths: readonly (readonly string[])[]): void {
  const byElement = new Map<string, boolean>();
  for (const parts of paths) {
    parts.forEach((part, at) => {
      const parent = parts.slice(0, at).join(".");
      const element = part.startsWith("$[");
      if ((byElement.get(parent) ?? element) !== element) {
        throw conflict(parts.join("."), parent);
      }
      byElement.set(parent, element);
    });
  }
}

function conflict(path: string, at: string): MongoError {
  return new MongoError(40, `Updating the path '${path}' would create a conflict at '${at}'`);
}

/** Refuses a path that is the same as another or leads through it. */
function refuseMeetings(paths: readonly string[]): void {
  const seen = new Set<string>();
  const above = new Set<string>();
  for (const path of paths) {
    const ancestors = ancestorsOf(path);
    const shorter = above.has(path) ? path : [...ancestors, path].find((part) => seen.has(part));
    if (shorter !== undefined) {
      throw conflict(path, shorter);
    }
    seen.add(path);
    ancestors.forEach((ancestor) => above.add(ancestor));
  }
}

/** The paths of the documents and arrays that hold a path. */
function ancestorsOf(path: string): string[] {
  return [...path.matchAll(/\./g)].map(({ index }) => path.slice(0, index));
}

type ArrayFilters = Map<string, (element: unknown) => boolean>;

/** @see https://www.mongodb.com/docs/manual/reference/operator/update/positional-filtered/ */
function parseArrayFilters(
  options: UpdateOptions,
  modifications: readonly Modification[],
): ArrayFilters {
  const filters: ArrayFilters = new Map();
  const given = options.arrayFilters ?? [];
  if (!Array.isArray(given)) {
    throw typeMismatch(`arrayFilters must be an array, not ${typeName(given)}`);
  }
  for (const raw of given as unknown[]) {
    const name = identifierOf(raw);
    if (filters.has(name)) {
      throw failedToParse(
        `Found multiple array filters with the same top-level field name ${name}`,
      );
    }
    const filter = parseFilter(raw as Doc, { collation: options.collation });
    filters.set(name, (element) =>
      filter.matches({ [name]: Array.isArray(element) ? [element] : element }),
    );
  }
  const used = new Set(
    modifications.flatMap(({ parts }) =>
      parts.flatMap((part) => /^\$\[(.+)\]$/.exec(part)?.[1] ?? []),
    ),
  );
  const missing = [...used].find((name) => !filters.has(name));
  if (missing !== undefined) {
    const path = modifications.find(({ path: candidate }) =>
      candidate.includes(`$[${missing}]`),
    )?.path;
    throw badValue(`No array filter found for identifier '${missing}' in path '${path}'`);
  }
  const unused = [...filters.keys()].find((name) => !used.has(name));
  if (unused !== undefined) {
    throw failedToParse(`The array filter for identifier '${unused}' was not used in the update`);
  }
  return filters;
}

function identifierOf(raw: unknown): string {
  if (!isDocument(raw) || Object.keys(raw).length === 0) {
    throw failedToParse("Cannot use an expression without a top-level field name in arrayFilters");
  }
  const names = new Set(fieldNames(raw).map((path) => path.split(".")[0] ?? ""));
  const [name = ""] = names;
  if (names.size > 1) {
    throw failedToParse(
      `Error parsing array filter :: caused by :: Expected a single top-level field name, found '${[...names].join("' and '")}'`,
    );
  }
  if (!/^[a-z][a-zA-Z0-9]*$/.test(name)) {
    throw badValue(
      `Error parsing array filter :: caused by :: The top-level field name must be an alphanumeric string beginning with a lowercase letter, found '${name}'`,
    );
  }
  return name;
}

function fieldNames(filter: Doc): string[] {
  return Object.entries(filter).flatMap(([name, value]) =>
    name.startsWith("$") && Array.isArray(value)
      ? value.flatMap((entry) => (isDocument(entry) ? fieldNames(entry) : []))
      : [name],
  );
}

function applyOperators(
  doc: Doc,
  inserting: boolean,
  modifications: readonly Modification[],
  options: UpdateOptions,
  filters: ArrayFilters,
): Updated {
  const id = doc["_id"];
  const set: Doc = {};
  const unset = new Set<string>();
  const context: PathContext = {
    filters,
    position: (path) => matchedPosition(options.filter.root, doc, path),
  };
  const active = modifications.filter(({ name }) => name !== "$setOnInsert" || inserting);
  // What `$` and the filters stand for is found in the document as it was before any change.
  const places = active.map(({ parts }) => resolvePaths(doc, parts, context));
  if (active.length > 1 && active.some(({ parts }) => isDynamic(parts))) {
    refuseMeetings(places.flat().map((parts) => parts.join(".")));
  }
  for (const [at, { operator, operand, path }] of active.entries()) {
    for (const concrete of places[at] ?? []) {
      const apply = {
        doc,
        path: concrete.join("."),
        operand,
        inserting,
        collation: options.collation,
        note: (target: readonly string[], value: unknown) => noteWithin(set, target, value),
      };
      applyAt(doc, concrete, operator, apply, set, unset);
    }
    refuseIdChange(path, id, doc["_id"], inserting);
  }
  const removedFields = [...unset];
  return { after: doc, change: { updatedFields: set, removedFields, truncatedArrays: [] } };
}

function refuseIdChange(path: string, before: unknown, after: unknown, inserting: boolean): void {
  if (
    before !== undefined &&
    !(equalValues(before, after) && rankOf(after) !== Rank.undefined) &&
    !(inserting && before === undefined)
  ) {
    throw new MongoError(
      66,
      `Performing an update on the path '${path}' would modify the immutable field '_id'`,
    );
  }
}

/** The document an upsert inserts: the equalities of its filter, then the update. */
export function makeUpsert(filter: Filter, update: CompiledUpdate): Doc {
  const base: Doc = {};
  const fields = equalitiesOf(filter.root);
  if (update.replacement) {
    refusePartOfId(fields.map(({ path }) => path));
  } else {
    refuseTwice(fields.map(({ path }) => path));
  }
  for (const { path, value } of fields) {
    if (!update.replacement || path === "_id") {
      setPath(base, path.split("."), value);
    }
  }
  const { after } = update.apply(base, true);
  const id = after["_id"] === undefined ? new ObjectId() : after["_id"];
  checkId(id);
  return idFirst(id, after);
}

/** What a filter says a document is, and not only holds somewhere in an array. */
function equalitiesOf(node: FilterNode): { path: string; value: unknown }[] {
  switch (node.kind) {
    case "and":
      return node.children.flatMap(equalitiesOf);
    case "or":
      return node.children.length === 1 ? node.children.flatMap(equalitiesOf) : [];
    case "compare": {
      const value = upsertValue(node.operator, node.operand);
      return value === undefined ? [] : [{ path: node.path, value }];
    }
    case "element":
    case "nor":
    case "opaque":
      return [];
  }
}

/** Refuses a filter that says of a field what it is, and says so again of it or of what is inside. */
function refuseTwice(paths: readonly string[]): void {
  const seen = new Set<string>();
  const inside = new Map<string, string>();
  for (const path of paths) {
    const ancestors = ancestorsOf(path);
    const other = seen.has(path)
      ? path
      : (inside.get(path) ?? ancestors.find((ancestor) => seen.has(ancestor)));
    if (other !== undefined) {
      throw new MongoError(
        54,
        other === path
          ? `cannot infer query fields to set, path '${path}' is matched twice`
          : `cannot infer query fields to set, both paths '${path}' and '${other}' are matched`,
      );
    }
    seen.add(path);
    ancestors.forEach((ancestor) => inside.set(ancestor, path));
  }
}

/**
 * A replacement takes nothing but the `_id` from the filter, and takes it as a whole.
 * @see https://www.mongodb.com/docs/manual/reference/method/db.collection.replaceOne/#upsert-with-dotted-_id-query
 */
function refusePartOfId(paths: readonly string[]): void {
  const part = paths.find((path) => path.startsWith("_id."));
  if (part !== undefined) {
    throw new MongoError(
      111,
      `field at '_id' must be exactly specified, field at sub-path '${part}'found`,
    );
  }
}

/** @see https://www.mongodb.com/docs/manual/reference/method/db.collection.update/#upsert-with-operator-expressions */
export function refuseExpr(filter: Filter, upsert: boolean): void {
  if (upsert && filter.hasExpr) {
    throw new MongoError(224, "$expr is not allowed in the query predicate for an upsert");
  }
}

function upsertValue(operator: string, operand: unknown): unknown {
  if (operator === "$eq") {
    return operand;
  }
  return operator === "$in" && Array.isArray(operand) && operand.length === 1
    ? operand[0]
    : undefined;
}

function idFirst(id: unknown, doc: Doc): Doc {
  return { _id: id, ...omit(doc, "_id") };
}
