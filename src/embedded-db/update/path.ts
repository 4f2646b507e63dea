import { badValue, MongoError } from "../errors";
import { formatValue } from "../bson/format";
import { type Doc, isDocument } from "../bson/values";
import { arrayIndex, own } from "../query/path";
import type { Application, UpdateOperator } from "./operators";

export interface PathContext {
  filters: ReadonlyMap<string, (element: unknown) => boolean>;
  /** What `$` stands for in the array at a path. */
  position: (path: string) => number | undefined;
}

type Container = Doc | unknown[];

/** An array may not grow by more than this through a distant index. */
const MAX_PADDING = 1_500_000;

/** Takes the path of a change apart; throws for one that no document can have. */
export function parsePath(path: string): string[] {
  const parts = path.split(".");
  if (parts.includes("")) {
    throw new MongoError(
      56,
      path === ""
        ? "An empty update path is not valid."
        : `The update path '${path}' contains an empty field name, which is not allowed.`,
    );
  }
  if (parts.indexOf("$") !== parts.lastIndexOf("$")) {
    throw badValue(`Too many positional (i.e. '$') elements found in path '${path}'`);
  }
  if (parts[0] === "$") {
    throw badValue(
      `Cannot have positional (i.e. '$') element in the first position in path '${path}'`,
    );
  }
  if (/^\$\[.*\]$/.test(parts[0] as string)) {
    throw badValue(
      `Cannot have array filter identifier (i.e. '$[<id>]') element in the first position in path '${path}'`,
    );
  }
  return parts;
}

/** True for a path whose places depend on the document. */
export function isDynamic(parts: readonly string[]): boolean {
  return parts.some((part) => part === "$" || part.startsWith("$["));
}

/** Replaces `$`, `$[]` and `$[name]` by the places they stand for in this document. */
export function resolvePaths(doc: Doc, parts: readonly string[], context: PathContext): string[][] {
  if (!isDynamic(parts)) {
    return [[...parts]];
  }
  return expand(doc, parts, [], context);
}

function expand(
  value: unknown,
  rest: readonly string[],
  done: readonly string[],
  context: PathContext,
): string[][] {
  const [part, ...next] = rest;
  if (part === undefined) {
    return [[...done]];
  }
  if (part === "$") {
    const place = context.position(done.join("."));
    if (place === undefined) {
      throw badValue("The positional operator did not find the match needed from the query.");
    }
    return expand(child(value, String(place)), next, [...done, String(place)], context);
  }
  if (!part.startsWith("$[")) {
    return expand(child(value, part), next, [...done, part], context);
  }
  return placesFor(part, value, done, context).flatMap((place) =>
    expand(child(value, place), next, [...done, place], context),
  );
}

function placesFor(
  part: string,
  value: unknown,
  done: readonly string[],
  context: PathContext,
): string[] {
  if (value === undefined) {
    throw badValue(
      `The path '${done.join(".")}' must exist in the document in order to apply array updates.`,
    );
  }
  if (!Array.isArray(value)) {
    throw badValue(
      `Cannot apply array updates to non-array element ${done.at(-1)}: ${formatValue(value)}`,
    );
  }
  const filter = context.filters.get(part.slice(2, -1)) ?? (() => true);
  return value.flatMap((element, place) => (filter(element) ? [String(place)] : []));
}

function child(value: unknown, part: string): unknown {
  if (Array.isArray(value)) {
    const place = arrayIndex(part);
    return place === undefined ? undefined : (value[place] as unknown);
  }
  return isDocument(value) ? own(value, part) : undefined;
}

/** Applies an operator at a concrete path and notes what it changed. */
export function applyAt(
  doc: Doc,
  parts: readonly string[],
  operator: UpdateOperator,
  application: Application,
  set: Doc,
  unset: Set<string>,
): void {
  if (operator.traverses) {
    refuseDetour(doc, parts);
  }
  const created = operator.creates ? firstMissing(doc, parts) : undefined;
  const container = containerOf(doc, parts, operator.creates);
  const last = parts.at(-1) as string;
  if (!container) {
    return;
  }
  const before = child(container, last);
  const after = operator.apply(before, application);
  if (after === before) {
    return;
  }
  if (after === undefined) {
    removeChild(container, last);
    unset.add(application.path);
    return;
  }
  refuseDollar(parts, created);
  setChild(container, last, after, parts);
  if (created) {
    noteWithin(set, created, valueAt(doc, created));
  } else if (operator.appends && Array.isArray(after) && isPrefix(before, after)) {
    after.slice(before.length).forEach((element, at) => {
      noteWithin(set, [...parts, String(before.length + at)], element);
    });
  } else {
    noteWithin(set, parts, after);
  }
}

/** Notes a change, unless it lies in something that was noted as a whole. */
export function noteWithin(set: Doc, parts: readonly string[], value: unknown): void {
  const within = parts.some((_, at) => at > 0 && Object.hasOwn(set, parts.slice(0, at).join(".")));
  if (!within) {
    set[parts.join(".")] = value;
  }
}

/** True when the elements of an array stayed in front and others came behind them. */
function isPrefix(before: unknown, after: readonly unknown[]): before is unknown[] {
  return (
    Array.isArray(before) &&
    after.length > before.length &&
    before.every((element, at) => after[at] === element)
  );
}

/**
 * A document's own fields begin with `$` only where they are parts of a DBRef; those of inner
 * documents may.
 * @see https://www.mongodb.com/docs/manual/core/dot-dollar-considerations/
 */
export function refuseDollar(
  parts: readonly string[],
  created: readonly string[] | undefined,
): void {
  const [first = ""] = parts;
  const ownField = (created ?? parts).length === 1;
  if (ownField && first.startsWith("$") && !["$id", "$ref", "$db"].includes(first)) {
    throw new MongoError(
      52,
      `The dollar ($) prefixed field '${first}' in '${first}' is not allowed in the context of an update's replacement document. Consider using an aggregation pipeline with $replaceWith.`,
    );
  }
}

/** The path of the first document that has to be made on the way; undefined when none is. */
export function firstMissing(doc: Doc, parts: readonly string[]): readonly string[] | undefined {
  let value: unknown = doc;
  for (let at = 0; at < parts.length - 1; at++) {
    value = child(value, parts[at] as string);
    if (value === undefined) {
      return parts.slice(0, at + 1);
    }
  }
  return undefined;
}

function valueAt(doc: Doc, parts: readonly string[]): unknown {
  return parts.reduce<unknown>(child, doc);
}

/** Refuses a path that leads through a value without such a part, as MongoDB does for removals. */
function refuseDetour(doc: Doc, parts: readonly string[]): void {
  let value: unknown = doc;
  for (const [at, part] of parts.entries()) {
    if (value === undefined) {
      return;
    }
    if (!isDocument(value) && !(Array.isArray(value) && arrayIndex(part) !== undefined)) {
      throw new MongoError(
        28,
        `Cannot use the part (${part}) of (${parts.join(".")}) to traverse the element ({${parts[at - 1]}: ${formatValue(value)}})`,
      );
    }
    value = child(value, part);
  }
}

/** The field on the way to a path that holds an array, if one does. */
export function arrayOnTheWay(doc: Doc, parts: readonly string[]): string | undefined {
  return parts.slice(0, -1).find((_, at) => Array.isArray(valueAt(doc, parts.slice(0, at + 1))));
}

/** Sets a value at a path, making the documents on the way. */
export function setPath(doc: Doc, parts: readonly string[], value: unknown): void {
  const container = containerOf(doc, parts, true);
  if (container) {
    setChild(container, parts.at(-1) as string, value, parts);
  }
}

function containerOf(doc: Doc, parts: readonly string[], create: boolean): Container | undefined {
  let container: Container = doc;
  for (let at = 0; at < parts.length - 1; at++) {
    const part = parts[at] as string;
    const next = child(container, part);
    if (isDocument(next) || Array.isArray(next)) {
      container = next;
    } else if (!create) {
      return undefined;
    } else if (next !== undefined) {
      throw notViable(parts[at + 1] as string, part, next);
    } else {
      const made: Doc = {};
      setChild(container, part, made, parts.slice(0, at + 1));
      container = made;
    }
  }
  return container;
}

function setChild(
  container: Container,
  part: string,
  value: unknown,
  parts: readonly string[],
): void {
  if (!Array.isArray(container)) {
    Object.defineProperty(container, part, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
    return;
  }
  const place = arrayIndex(part);
  if (place === undefined) {
    throw notViable(part, parts.at(-2) ?? "", container);
  }
  if (place - container.length > MAX_PADDING) {
    throw new MongoError(34, `can't backfill more than ${MAX_PADDING} elements`);
  }
  while (container.length < place) {
    container.push(null);
  }
  container[place] = value;
}

/** Within an array nothing moves up: the place becomes null. */
function removeChild(container: Container, part: string): void {
  if (Array.isArray(container)) {
    container[Number(part)] = null;
  } else {
    delete container[part];
  }
}

function notViable(field: string, parent: string, value: unknown): MongoError {
  return new MongoError(
    28,
    `Cannot create field '${field}' in element {${parent}: ${formatValue(value)}}`,
  );
}
