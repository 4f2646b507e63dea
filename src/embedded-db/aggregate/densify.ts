import { badValue, MongoError, typeMismatch, unknownField } from "../errors";
import { compareValues } from "../bson/compare";
import { arithmetic } from "../bson/numbers";
import { type Doc, isDocument, isNumeric, toNumber, typeName } from "../bson/values";
import { identityOf } from "../index/index-keys";
import { kept } from "../query/memory-budget";
import { shiftDate, timeUnit } from "../query/operators/date";
import { fieldPath, readPath } from "../query/path";
import { parseSort, sortDocuments } from "../query/sort";
import { setPath } from "../update/path";
import type { PipelineContext, Stage } from "./stage";

/** Documents a stage may add. */
const MAX_MADE = 500_000;

/** Where the steps of a partition begin and end: at its own values, at all of them, or as said. */
type Bounds = "partition" | "full" | { lower: unknown; upper: unknown };

interface Densify {
  path: string[];
  partitionBy: string[][];
  bounds: Bounds;
  unit: string | undefined;
  next: (value: unknown) => unknown;
}

/** The values of the partition's fields, and the step that no document has been made for yet. */
interface Partition {
  fields: unknown[];
  next: unknown;
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/densify/ */
export function densify(argument: unknown, context: PipelineContext): Stage {
  const spec = parse(argument);
  const by = [...(spec.bounds === "partition" ? spec.partitionBy : []), spec.path];
  const keys = parseSort(Object.fromEntries(by.map((path) => [path.join("."), 1])));
  return (input) => {
    const docs = [...kept("$densify", input)];
    const sorted = sortDocuments(docs, keys, (doc) => doc, context);
    return kept("$densify", densified(sorted, spec, context));
  };
}

function parse(argument: unknown): Densify {
  if (!isDocument(argument)) {
    throw new MongoError(
      5733201,
      `The $densify stage specification must be an object, found ${typeName(argument)}`,
    );
  }
  refuseUnknown("$densify", argument, ["field", "partitionByFields", "range"]);
  const { field, partitionByFields = [], range } = argument;
  required("$densify", { field, range });
  if (!Array.isArray(partitionByFields)) {
    throw typeMismatch("BSON field '$densify.partitionByFields' must be an array");
  }
  if (partitionByFields.includes(field)) {
    throw new MongoError(
      8993000,
      "BSON field '$densify.partitionByFields' contains the field that is being densified",
    );
  }
  return {
    path: pathOf(field),
    partitionBy: partitionByFields.map(pathOf),
    ...parseRange(range, partitionByFields.length > 0),
  };
}

function refuseUnknown(name: string, given: Doc, known: readonly string[]): void {
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw unknownField(name, unknown);
  }
}

function required(name: string, fields: Doc): void {
  const missing = Object.keys(fields).find((key) => fields[key] === undefined);
  if (missing !== undefined) {
    throw new MongoError(40414, `BSON field '${name}.${missing}' is missing but a required field`);
  }
}

function pathOf(field: unknown): string[] {
  if (typeof field !== "string") {
    throw typeMismatch(`a field of $densify must be a string, not ${typeName(field)}`);
  }
  return fieldPath(field);
}

function parseRange(range: unknown, partitioned: boolean): Omit<Densify, "path" | "partitionBy"> {
  if (!isDocument(range)) {
    throw typeMismatch("BSON field '$densify.range' is the wrong type, expected type 'object'");
  }
  refuseUnknown("$densify.range", range, ["step", "bounds", "unit"]);
  const { step, bounds } = range;
  required("$densify.range", { step, bounds });
  const size = toNumber(step);
  if (size === undefined) {
    throw typeMismatch("BSON field '$densify.range.step' is the wrong type, expected a number");
  }
  if (!(size > 0)) {
    throw new MongoError(
      5733401,
      "the step parameter in a range statement must be a strictly positive numeric value",
    );
  }
  const unit = range["unit"] === undefined ? undefined : timeUnit(range["unit"], "$densify");
  if (unit !== undefined && !Number.isInteger(size)) {
    throw new MongoError(
      6586400,
      "The step parameter in a range statement must be a whole number when densifying a date range",
    );
  }
  return { bounds: parseBounds(bounds, unit, partitioned), unit, next: stepper(step, size, unit) };
}

function stepper(step: unknown, size: number, unit: string | undefined): Densify["next"] {
  return unit === undefined
    ? (value) => arithmetic("add", value, step)
    : (value) => new Date(shiftDate((value as Date).getTime(), unit, size));
}

function parseBounds(bounds: unknown, unit: string | undefined, partitioned: boolean): Bounds {
  if (Array.isArray(bounds)) {
    return parseInterval(bounds, unit);
  }
  if (bounds !== "full" && bounds !== "partition") {
    throw new MongoError(
      5946802,
      "the bounds must be the string 'full' or 'partition', or an array",
    );
  }
  if (bounds === "partition" && !partitioned) {
    throw new MongoError(
      5733408,
      "one may not specify the bounds as 'partition' without specifying a non-empty array of partitionByFields. You may have meant to specify 'full' bounds.",
    );
  }
  return bounds;
}

function parseInterval(bounds: readonly unknown[], unit: string | undefined): Bounds {
  if (bounds.length !== 2) {
    throw new MongoError(
      5733403,
      "a bounding array in a range statement must have exactly two elements",
    );
  }
  const [lower, upper] = bounds;
  const fits = (value: unknown) => (unit === undefined ? isNumeric(value) : value instanceof Date);
  if (!bounds.every(fits) || compareValues(lower, upper) > 0) {
    throw new MongoError(
      5733402,
      "the bounds in a range statement must be the string 'full', the string 'partition', or an ascending array of two numbers or two dates",
    );
  }
  return { lower, upper };
}

/** The documents in order, with one for every step that none of its partition stands at. */
function* densified(docs: readonly Doc[], spec: Densify, context: PipelineContext): Iterable<Doc> {
  const values = docs.map((doc) => valueOf(doc, spec));
  const partitions = new Map<string, Partition>();
  const limit = { left: MAX_MADE };
  if (docs.length === 0 && spec.partitionBy.length === 0) {
    partitions.set("", { fields: [], next: startOf(undefined, values, spec) });
  }
  for (const [at, doc] of docs.entries()) {
    context.deadline.check();
    const value = values[at];
    if (value !== undefined) {
      const partition = partitionOf(doc, value, values, partitions, spec);
      yield* made(partition, (next) => inside(next, spec) && compareValues(next, value) < 0, {
        spec,
        context,
        limit,
      });
      if (partition.next !== undefined && compareValues(partition.next, value) === 0) {
        partition.next = spec.next(value);
      }
    }
    yield doc;
  }
  const last = values.at(-1);
  for (const partition of partitions.values()) {
    yield* made(partition, (next) => beforeEnd(next, last, spec), { spec, context, limit });
  }
}

/** What is densified in a document; undefined where there is none, which is left as it is. */
function valueOf(doc: Doc, { path, unit }: Densify): unknown {
  const value = readPath(doc, path) ?? undefined;
  if (value === undefined) {
    return undefined;
  }
  if (value instanceof Date && unit === undefined) {
    throw new MongoError(
      6053601,
      "Encountered date densify value in collection when step does not have a date unit.",
    );
  }
  if (isNumeric(value) && unit !== undefined) {
    throw new MongoError(
      6053600,
      "Encountered numeric densify value in collection when step has a date unit.",
    );
  }
  if (!isNumeric(value) && !(value instanceof Date)) {
    throw new MongoError(5733201, "Densify field type must be numeric or a date");
  }
  return value;
}

function partitionOf(
  doc: Doc,
  value: unknown,
  values: readonly unknown[],
  partitions: Map<string, Partition>,
  spec: Densify,
): Partition {
  const fields = spec.partitionBy.map((path) => readPath(doc, path));
  const key = identityOf(fields.map((field) => field ?? null));
  const known = partitions.get(key);
  if (known) {
    return known;
  }
  const partition = { fields, next: startOf(value, values, spec) };
  partitions.set(key, partition);
  return partition;
}

function startOf(first: unknown, values: readonly unknown[], { bounds }: Densify): unknown {
  switch (bounds) {
    case "partition":
      return first;
    case "full":
      return values.find((value) => value !== undefined);
    default:
      return bounds.lower;
  }
}

function inside(next: unknown, { bounds }: Densify): boolean {
  return typeof bounds === "string" || compareValues(next, bounds.upper) < 0;
}

/** Behind the last document: all partitions reach the largest value of all, or the upper bound. */
function beforeEnd(next: unknown, last: unknown, { bounds }: Densify): boolean {
  switch (bounds) {
    case "partition":
      return false;
    case "full":
      return compareValues(next, last) <= 0;
    default:
      return compareValues(next, bounds.upper) < 0;
  }
}

/** Documents for the steps of a partition, as long as the next one is wanted. */
function* made(
  partition: Partition,
  wanted: (next: unknown) => boolean,
  { spec, context, limit }: { spec: Densify; context: PipelineContext; limit: { left: number } },
): Iterable<Doc> {
  while (partition.next !== undefined && wanted(partition.next)) {
    context.deadline.check();
    if (limit.left-- === 0) {
      throw new MongoError(
        5897900,
        `Generated ${MAX_MADE + 1} documents in $densify, which is over the limit of ${MAX_MADE}. Increase the 'internalQueryMaxAllowedDensifyDocs' parameter to allow more generated documents`,
      );
    }
    yield documentAt(partition, spec);
    partition.next = advanced(partition.next, spec);
  }
}

/** A step too small to change a double would be taken for ever. */
function advanced(value: unknown, { next }: Densify): unknown {
  const after = next(value);
  if (after === undefined || compareValues(after, value) <= 0) {
    throw badValue("the step of $densify is too small for the values it is added to");
  }
  return after;
}

function documentAt({ fields, next }: Partition, { partitionBy, path }: Densify): Doc {
  const doc: Doc = {};
  partitionBy.forEach((by, at) => {
    if (fields[at] !== undefined) {
      setPath(doc, by, fields[at]);
    }
  });
  setPath(doc, path, next);
  return doc;
}
