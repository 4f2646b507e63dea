import { createHash } from "node:crypto";
import { MongoError } from "../errors";
import { isDocument, type Doc } from "../bson/values";
import { arrayIndex, placeIn, visitKeysAt } from "../query/path";
import { encodeKey, invert, KeyWriter } from "./key-string";

/** One field of an index: `{ "owner.name": -1 }`. */
export interface IndexField {
  path: string;
  parts: readonly string[];
  descending: boolean;
  hashed: boolean;
  /** Longer keys of the field are cut. */
  limit: number;
  /** A kind of index that is checked and kept, but not searched. */
  geo?: GeoKind | undefined;
}

/** True for a field whose path may name a place in an array. */
export function hasPlace({ parts }: IndexField): boolean {
  return parts.some((part) => arrayIndex(part) !== undefined);
}

export type GeoKind = "2dsphere" | "2d";

/** The keys a document has in an index, and what an index must know of the fields they come from. */
export interface ExtractedKeys {
  keys: Buffer[];
  /** Those that met an array on the way. */
  multikey: ReadonlySet<number>;
  /** Those that did not fit into the key. */
  cut: ReadonlySet<number>;
}

interface Cursor {
  value: unknown;
  /** The next part of the path to take; beyond the last one the value is the key. */
  next: number;
}

const MISSING = Symbol("missing");

/** Strings as an index with a collation compares them. */
export type FoldString = (text: string) => string;

/**
 * Makes the index keys of a document behind `prefix`: one per array element when a field is an array.
 * @see https://www.mongodb.com/docs/manual/core/indexes/index-types/index-multikey/
 */
export function extractKeys(
  doc: Doc,
  fields: readonly IndexField[],
  prefix: Buffer,
  fold?: FoldString,
): ExtractedKeys {
  const values = fields.map(({ geo, path }) => (geo ? null : plainValue(doc, path)));
  const cut = new Set<number>();
  if (!values.includes(undefined)) {
    return { keys: [joinKey(values, fields, prefix, fold, cut)], multikey: NO_ARRAYS, cut };
  }
  const multikey = new Set<number>();
  const keys = new Map<string, Buffer>();
  expand(startOf(doc, fields), fields, multikey, (found) => {
    const key = joinKey(found, fields, prefix, fold, cut);
    keys.set(key.toString("latin1"), key);
  });
  return { keys: [...keys.values()], multikey, cut };
}

const NO_ARRAYS: ReadonlySet<number> = new Set();

/** A field of the document itself that is no array; undefined when the long way must be gone. */
function plainValue(doc: Doc, path: string): unknown {
  const value = Object.hasOwn(doc, path) && !path.includes(".") ? doc[path] : undefined;
  return Array.isArray(value) ? undefined : value;
}

function startOf(doc: Doc, fields: readonly IndexField[]): Cursor[] {
  return fields.map(({ geo, parts }) =>
    geo ? { value: MISSING, next: parts.length } : { value: doc, next: 0 },
  );
}

/** The values of a document's fields that make one of its keys. */
export function valuesOfKey(
  doc: Doc,
  fields: readonly IndexField[],
  prefix: Buffer,
  key: Buffer,
  fold?: FoldString,
): unknown[] | undefined {
  let found: unknown[] | undefined;
  expand(startOf(doc, fields), fields, new Set(), (values) => {
    if (joinKey(values, fields, prefix, fold, new Set()).equals(key)) {
      found = values;
    }
  });
  return found;
}

/**
 * Refuses a document in whose arrays an indexed path means both a place and a field (16746). One
 * that is stored, because it was there before the index could refuse it, has keys all the same.
 */
export function refuseAmbiguous(doc: Doc, fields: readonly IndexField[]): void {
  for (const { parts } of fields) {
    visitKeysAt(doc, parts, 0, () => undefined);
  }
}

/** True when the document has none of the fields, so that a sparse index leaves it out. */
export function lacksAllFields(doc: Doc, fields: readonly IndexField[]): boolean {
  return fields.every(({ parts }) => !exists(doc, parts, 0));
}

/** Encodes the value of one field, as it stands in keys and in bounds. */
export function fieldKey(value: unknown, field: IndexField, fold?: FoldString): Buffer {
  const key = encodeKey(comparable(value, field, fold), field.limit);
  return field.descending ? invert(key) : key;
}

/** What an index compares in the place of a value. */
function comparable(value: unknown, field: IndexField, fold: FoldString | undefined): unknown {
  return field.hashed ? hashOf(value) : fold ? foldDeep(value, fold) : value;
}

function joinKey(
  values: readonly unknown[],
  fields: readonly IndexField[],
  prefix: Buffer,
  fold: FoldString | undefined,
  cut: Set<number>,
): Buffer {
  const writer = new KeyWriter();
  writer.raw(prefix);
  fields.forEach((field, at) => {
    const value = comparable(values[at], field, fold);
    if (writer.component(value, field.limit, field.descending)) {
      cut.add(at);
    }
  });
  return writer.bytes();
}

function expand(
  cursors: Cursor[],
  fields: readonly IndexField[],
  multikey: Set<number>,
  emit: (values: unknown[]) => void,
): void {
  const stopped = cursors.map((cursor, at) => advance(cursor, (fields[at] as IndexField).parts));
  const arrays = stopped.flatMap((cursor, at) => (atArray(cursor, fields[at]) ? [at] : []));
  if (arrays.length === 0) {
    emit(stopped.map(({ value }) => (value === MISSING ? null : value)));
    return;
  }
  const array = stopped[arrays[0] as number]?.value as unknown[];
  const parallel = arrays.find((at) => stopped[at]?.value !== array);
  if (parallel !== undefined) {
    throw parallelArrays(fields, arrays[0] as number, parallel);
  }
  arrays.forEach((at) => multikey.add(at));
  const elements = array.length === 0 ? [undefined] : array;
  for (const element of elements) {
    const inner = stopped.map((cursor, at) =>
      arrays.includes(at) ? enter(element, cursor, fields[at] as IndexField) : cursor,
    );
    expand(inner, fields, multikey, emit);
  }
}

/** A finished cursor must not open an array within the array once more. */
function enter(element: unknown, cursor: Cursor, field: IndexField): Cursor {
  if (cursor.next >= field.parts.length) {
    return { value: element, next: field.parts.length + 1 };
  }
  return { value: isDocument(element) ? element : MISSING, next: cursor.next };
}

function atArray({ value, next }: Cursor, field: IndexField | undefined): boolean {
  return Array.isArray(value) && next <= (field?.parts.length ?? 0);
}

function advance({ value, next }: Cursor, parts: readonly string[]): Cursor {
  while (next < parts.length) {
    const part = parts[next] as string;
    if (Array.isArray(value)) {
      const place = placeIn(value, part);
      if (place === undefined) {
        return { value, next };
      }
      value = value[place] as unknown;
    } else {
      value = isDocument(value) && Object.hasOwn(value, part) ? value[part] : MISSING;
    }
    next++;
  }
  return { value, next };
}

function exists(value: unknown, parts: readonly string[], at: number): boolean {
  if (at === parts.length) {
    return true;
  }
  const part = parts[at] as string;
  if (Array.isArray(value)) {
    const place = placeIn(value, part);
    return place === undefined
      ? value.some((element) => isDocument(element) && exists(element, parts, at))
      : exists(value[place], parts, at + 1);
  }
  return isDocument(value) && Object.hasOwn(value, part) && exists(value[part], parts, at + 1);
}

function parallelArrays(fields: readonly IndexField[], a: number, b: number): MongoError {
  const name = (at: number) => fields[at]?.parts.at(-1);
  return new MongoError(171, `cannot index parallel arrays [${name(b)}] [${name(a)}]`);
}

function hashOf(value: unknown): string {
  return createHash("md5").update(encodeKey(value)).digest("base64");
}

/** A text that is the same for values that are equal, under a collation if there is one. */
export function identityOf(value: unknown, fold?: FoldString): string {
  return encodeKey(fold ? foldDeep(value, fold) : value).toString("latin1");
}

function foldDeep(value: unknown, fold: FoldString): unknown {
  if (typeof value === "string") {
    return fold(value);
  }
  if (Array.isArray(value)) {
    return value.map((element) => foldDeep(element, fold));
  }
  if (isDocument(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, foldDeep(inner, fold)]),
    );
  }
  return value;
}
