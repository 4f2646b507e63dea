import { MongoError } from "../errors";
import { formatDocument } from "../bson/format";
import { type Doc, isDocument } from "../bson/values";

/** Reads a dotted path; over an array it gives the array of what its documents hold there. */
export function readPath(value: unknown, parts: readonly string[], at = 0): unknown {
  if (at === parts.length) {
    return value;
  }
  if (Array.isArray(value)) {
    const found = value
      .map((element) => (isDocument(element) ? readPath(element, parts, at) : undefined))
      .filter((inner) => inner !== undefined);
    return found;
  }
  return isDocument(value) ? readPath(own(value, parts[at] as string), parts, at + 1) : undefined;
}

/** The names that a field path of a pipeline or projection is made of. */
export function fieldPath(path: string, positional = false): string[] {
  if (path === "") {
    throw new MongoError(40352, "FieldPath cannot be constructed with empty string");
  }
  if (path.endsWith(".")) {
    throw new MongoError(40353, "FieldPath must not end with a '.'.");
  }
  const parts = path.split(".");
  if (parts.includes("")) {
    throw new MongoError(15998, "FieldPath field names may not be empty strings.");
  }
  if (parts.some((part) => part.startsWith("$") && !(positional && part === "$"))) {
    throw new MongoError(
      16410,
      "FieldPath field names may not start with '$'. Consider using $getField or $setField.",
    );
  }
  return parts;
}

/** A field of a document itself, never one inherited from Object.prototype. */
export function own(doc: Doc, name: string): unknown {
  return Object.hasOwn(doc, name) ? doc[name] : undefined;
}

/** Tests a value; one that the path names by its place in an array is never opened itself. */
type ValueTest = (value: unknown, byPlace?: boolean) => boolean;

/**
 * Visits what a query compares at a path until the visitor says true: each value, for arrays on
 * the way each of their documents, and `undefined` where the path leads nowhere.
 * @see https://www.mongodb.com/docs/manual/tutorial/query-array-of-documents/
 */
export function someValueAt(
  value: unknown,
  parts: readonly string[],
  at: number,
  test: ValueTest,
): boolean {
  if (at === parts.length) {
    return test(value);
  }
  const part = parts[at] as string;
  if (Array.isArray(value)) {
    return someInArray(value, parts, at, test);
  }
  if (!isDocument(value)) {
    return test(undefined);
  }
  return someValueAt(own(value, part), parts, at + 1, test);
}

function someInArray(
  array: readonly unknown[],
  parts: readonly string[],
  at: number,
  test: ValueTest,
): boolean {
  const part = parts[at] as string;
  if (array.some((element) => isDocument(element) && someValueAt(element, parts, at, test))) {
    return true;
  }
  const place = arrayIndex(part);
  if (place === undefined || place >= array.length) {
    return false;
  }
  return at + 1 === parts.length
    ? test(array[place], true)
    : isContainer(array[place]) && someValueAt(array[place], parts, at + 1, test);
}

/** The place a path part means in an array for indexes, unless it names a field there. */
export function placeIn(array: readonly unknown[], part: string): number | undefined {
  const place = arrayIndex(part);
  return place === undefined || place >= array.length || isNamedIn(array, part) ? undefined : place;
}

function isNamedIn(array: readonly unknown[], part: string): boolean {
  return array.some((element) => isDocument(element) && Object.hasOwn(element, part));
}

/**
 * Visits what a sort or an index compares at a path; `undefined` where it leads nowhere. Refuses an
 * array in which a part of the path is both a place and the name of a field.
 */
export function visitKeysAt(
  value: unknown,
  parts: readonly string[],
  at: number,
  visit: (value: unknown) => void,
): void {
  const part = parts[at];
  if (part === undefined) {
    visit(value);
  } else if (Array.isArray(value)) {
    const place = placeIn(value, part);
    if (place !== undefined) {
      visitKeysAt(value[place], parts, at + 1, visit);
      return;
    }
    if ((arrayIndex(part) ?? Infinity) < value.length) {
      throw ambiguous(value, part);
    }
    value.forEach((element) =>
      isDocument(element) ? visitKeysAt(element, parts, at, visit) : visit(undefined),
    );
  } else if (isDocument(value)) {
    visitKeysAt(own(value, part), parts, at + 1, visit);
  } else {
    visit(undefined);
  }
}

function ambiguous(array: readonly unknown[], part: string): MongoError {
  const text = formatDocument({ ...array });
  const shown =
    text.length < SHOWN_LENGTH
      ? text
      : `${text.slice(0, SHOWN_LENGTH / 3)} .......... ${text.slice(-SHOWN_LENGTH / 3)}`;
  return new MongoError(
    16746,
    "Ambiguous field name found in array (do not use numeric field names in embedded elements in an " +
      `array), field: '${part}' for array: ${shown}`,
  );
}

/** Of an array in a message; the middle of a longer one is left out. */
const SHOWN_LENGTH = 1024;

/** True for what a path can lead through: from anything else it goes nowhere, not even to a missing value. */
export function isContainer(element: unknown): boolean {
  return Array.isArray(element) || isDocument(element);
}

/** A path part that may be a place in an array. */
export function arrayIndex(part: string): number | undefined {
  return /^(0|[1-9]\d*)$/.test(part) ? Number(part) : undefined;
}
