import { identicalValues } from "../bson/compare";
import { encode } from "../bson/encode";
import { type Doc, isDocument } from "../bson/values";

/**
 * What an update changed.
 * @see https://www.mongodb.com/docs/manual/reference/change-events/update/
 */
export interface UpdateDescription {
  updatedFields: Doc;
  removedFields: string[];
  truncatedArrays: { field: string; newSize: number }[];
}

/** What a pipeline changed, as small as it can be told. */
export function difference(before: Doc, after: Doc): UpdateDescription {
  const found: UpdateDescription = { updatedFields: {}, removedFields: [], truncatedArrays: [] };
  compareDocuments(before, after, "", found);
  return found;
}

function compareDocuments(before: Doc, after: Doc, prefix: string, found: UpdateDescription): void {
  for (const name of Object.keys(before)) {
    if (!Object.hasOwn(after, name)) {
      found.removedFields.push(prefix + name);
    }
  }
  for (const [name, value] of Object.entries(after)) {
    if (!Object.hasOwn(before, name)) {
      found.updatedFields[prefix + name] = value;
    } else {
      compareField(before[name], value, prefix + name, found);
    }
  }
}

function compareField(
  before: unknown,
  after: unknown,
  path: string,
  found: UpdateDescription,
): void {
  if (identicalValues(before, after)) {
    return;
  }
  const inner: UpdateDescription = { updatedFields: {}, removedFields: [], truncatedArrays: [] };
  if (Array.isArray(before) && Array.isArray(after)) {
    compareArrays(before, after, path, inner);
  } else if (isDocument(before) && isDocument(after)) {
    compareDocuments(before, after, `${path}.`, inner);
  } else {
    found.updatedFields[path] = after;
    return;
  }
  if (encode({ ...inner }).length > encode({ [path]: after }).length + OVERHEAD) {
    found.updatedFields[path] = after;
    return;
  }
  Object.assign(found.updatedFields, inner.updatedFields);
  found.removedFields.push(...inner.removedFields);
  found.truncatedArrays.push(...inner.truncatedArrays);
}

/** The bytes of a description without a change. */
const OVERHEAD = encode({ updatedFields: {}, removedFields: [], truncatedArrays: [] }).length;

function compareArrays(
  before: readonly unknown[],
  after: readonly unknown[],
  path: string,
  found: UpdateDescription,
): void {
  if (after.length < before.length) {
    found.truncatedArrays.push({ field: path, newSize: after.length });
  }
  after.forEach((value, at) => {
    if (at < before.length) {
      compareField(before[at], value, `${path}.${at}`, found);
    } else {
      found.updatedFields[`${path}.${at}`] = value;
    }
  });
}
