import { badValue, MongoError, unknownField } from "../errors";
import { formatDocument } from "../bson/format";
import { type Doc, isDocument, textOf, toNumber } from "../bson/values";
import type { FilterNode } from "../query/filter";

/**
 * The options of a time-series collection, complete. Its measurements are stored as ordinary
 * documents: what differs is what may be stored, changed and indexed.
 * @see https://www.mongodb.com/docs/manual/core/timeseries-collections/
 */
export interface TimeSeries {
  timeField: string;
  metaField?: string;
  granularity?: string;
  bucketMaxSpanSeconds: number;
  bucketRoundingSeconds?: number;
}

const GRANULARITY: Record<string, number> = {
  seconds: 3600,
  minutes: 86_400,
  hours: 2_592_000,
};

const FIELDS = [
  "timeField",
  "metaField",
  "granularity",
  "bucketMaxSpanSeconds",
  "bucketRoundingSeconds",
];

/** Options of create that go together with `timeseries`. */
const COMPATIBLE = new Set([
  "timeseries",
  "expireAfterSeconds",
  "collation",
  "storageEngine",
  "indexOptionDefaults",
]);

/** Checks the options of a collection to be made and completes `timeseries` with its defaults. */
export function parseTimeSeries(raw: unknown, options: Doc): TimeSeries {
  if (!isDocument(raw)) {
    throw new MongoError(14, "BSON field 'create.timeseries' must be an object");
  }
  const unknown = Object.keys(raw).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) {
    throw unknownField("create.timeseries", unknown);
  }
  const other = Object.keys(options).find((name) => !COMPATIBLE.has(name));
  if (other !== undefined) {
    throw invalid(`'timeseries' is not allowed with '${other}'`);
  }
  const timeField = fieldName(raw, "timeField");
  if (timeField === undefined) {
    throw new MongoError(
      40414,
      "BSON field 'create.timeseries.timeField' is missing but a required field",
    );
  }
  const metaField = fieldName(raw, "metaField");
  if (metaField === timeField) {
    throw invalid("The 'metaField' cannot be the same as the 'timeField'");
  }
  return { timeField, ...(metaField === undefined ? {} : { metaField }), ...bucketing(raw) };
}

function invalid(message: string): MongoError {
  return new MongoError(72, message);
}

function fieldName(raw: Doc, option: "timeField" | "metaField"): string | undefined {
  const name = raw[option];
  if (name === undefined) {
    return undefined;
  }
  if (typeof name !== "string") {
    throw new MongoError(14, `BSON field 'create.timeseries.${option}' must be a string`);
  }
  if (name === "_id") {
    throw invalid(`'${option}' cannot be '_id'`);
  }
  if (name === "" || name.startsWith("$") || name.includes(".")) {
    throw invalid(`'${option}' must be a top-level field name: '${name}'`);
  }
  return name;
}

function bucketing(
  raw: Doc,
): Pick<TimeSeries, "granularity" | "bucketMaxSpanSeconds" | "bucketRoundingSeconds"> {
  const { granularity } = raw;
  const span = toNumber(raw["bucketMaxSpanSeconds"]);
  const rounding = toNumber(raw["bucketRoundingSeconds"]);
  if (span === undefined && rounding === undefined) {
    const name = granularity ?? "seconds";
    const seconds =
      typeof name === "string" && Object.hasOwn(GRANULARITY, name) ? GRANULARITY[name] : undefined;
    if (typeof name !== "string" || seconds === undefined) {
      throw badValue(
        `Enumeration value '${textOf(name)}' for field 'create.timeseries.granularity' is not a valid value.`,
      );
    }
    return { granularity: name, bucketMaxSpanSeconds: seconds };
  }
  if (granularity !== undefined || span === undefined || span !== rounding) {
    throw invalid(
      "'bucketMaxSpanSeconds' and 'bucketRoundingSeconds' must be set to the same value and without 'granularity'",
    );
  }
  if (!(span >= 1 && span <= 31_536_000)) {
    throw badValue("'bucketMaxSpanSeconds' must be between 1 and 31536000");
  }
  return { bucketMaxSpanSeconds: span, bucketRoundingSeconds: span };
}

/** The index that a new time-series collection with a metaField has. */
export function timeSeriesIndex({ timeField, metaField }: TimeSeries): Doc | undefined {
  return metaField === undefined
    ? undefined
    : {
        v: 2,
        key: { [metaField]: 1, [timeField]: 1 },
        name: `${metaField}_1_${timeField}_1`,
      };
}

/** Refuses a measurement without a time. */
export function checkMeasurement({ timeField }: TimeSeries, doc: Doc): void {
  if (!(doc[timeField] instanceof Date)) {
    throw badValue(`'${timeField}' must be present and contain a valid BSON UTC datetime value`);
  }
}

/** Refuses what an index of a time-series collection cannot be. */
export function checkTimeSeriesIndex({ timeField, metaField }: TimeSeries, spec: Doc): void {
  const key = spec["key"] as Doc;
  if (spec["unique"] === true) {
    throw invalid("Unique indexes are not supported on time-series collections");
  }
  if (spec["weights"] !== undefined) {
    throw invalid("Text indexes are not supported on time-series collections");
  }
  const temporary = spec["expireAfterSeconds"] !== undefined;
  if (temporary && (Object.keys(key)[0] !== timeField || !spec["partialFilterExpression"])) {
    throw invalid(
      `TTL indexes on time-series collections must be on the timeField '${timeField}' and have a partialFilterExpression on the metaField '${metaField ?? ""}'`,
    );
  }
}

/** What an update of a time-series collection looks like. */
interface MeasurementUpdate {
  update: unknown;
  filter: FilterNode;
  multi: boolean;
  upsert: boolean;
}

/** @see https://www.mongodb.com/docs/manual/core/timeseries/timeseries-limitations/#updates */
export function checkTimeSeriesUpdate(
  { metaField }: TimeSeries,
  { update, filter, multi, upsert }: MeasurementUpdate,
): void {
  if (upsert) {
    throw invalid("Cannot perform an upsert on a time-series collection");
  }
  if (!multi) {
    throw invalid("Cannot perform a non-multi update on a time-series collection");
  }
  if (!isDocument(update) || !Object.keys(update).every((name) => name.startsWith("$"))) {
    throw invalid(
      "Cannot perform an update on a time-series collection which is not an update with operators",
    );
  }
  if (metaField === undefined) {
    throw invalid(
      "Cannot perform an update on a time-series collection that does not have a metaField",
    );
  }
  const isMeta = (path: string) => path === metaField || path.startsWith(`${metaField}.`);
  if (!pathsOf(filter).every((path) => path !== undefined && isMeta(path))) {
    throw invalid(
      `Cannot perform an update on a time-series collection when querying on a field that is not the metaField '${metaField}'`,
    );
  }
  const changed = Object.values(update).flatMap((fields) =>
    isDocument(fields) ? Object.keys(fields) : [],
  );
  if (!changed.every(isMeta)) {
    throw invalid(
      `Cannot perform an update on a time-series collection which updates a field that is not the metaField '${metaField}': ${formatDocument(update)}`,
    );
  }
}

/** The paths a filter looks at; undefined for a part that may look at anything. */
function pathsOf(node: FilterNode): (string | undefined)[] {
  switch (node.kind) {
    case "and":
    case "or":
    case "nor":
      return node.children.flatMap(pathsOf);
    case "compare":
    case "element":
      return [node.path];
    case "opaque":
      return [undefined];
  }
}

/**
 * The options after a collMod, which may only widen the buckets.
 * @see https://www.mongodb.com/docs/manual/core/timeseries/timeseries-granularity/
 */
export function regranulated(known: TimeSeries, wanted: unknown): TimeSeries {
  const { timeField, metaField } = known;
  const asked: Doc = isDocument(wanted) ? wanted : {};
  const changed = parseTimeSeries(
    { timeField, ...(metaField === undefined ? {} : { metaField }), ...asked },
    {},
  );
  if (changed.bucketMaxSpanSeconds < known.bucketMaxSpanSeconds) {
    throw invalid(
      "Invalid transition for timeseries.granularity. Can only transition to a wider one",
    );
  }
  return changed;
}
