import { badValue, failedToParse, MongoError, typeMismatch } from "../errors";
import { type Doc, double, isDocument, toNumber, typeName } from "../bson/values";
import type { Collection } from "../catalog/collection";
import { type GeoKind } from "../index/index-keys";
import { parseFilter } from "../query/filter";
import { isGeoJson } from "../query/geo/geometry";
import { byDistance, centreOf, measure, type NearQuery, requireGeoIndex } from "../query/geo/near";
import { isTruthy } from "../query/scope";
import { setPath } from "../update/path";
import type { PipelineContext, Stage } from "./stage";

const OPTIONS = new Set([
  "distanceField",
  "distanceMultiplier",
  "includeLocs",
  "key",
  "maxDistance",
  "minDistance",
  "near",
  "query",
  "spherical",
  "uniqueDocs",
]);

/** What the command of this name took, and the stage does not. */
const FORMER_OPTIONS: Record<string, [code: number, message: string]> = {
  collation: [
    40227,
    "$geoNear does not accept the 'collation' parameter. Instead, specify a collation for the entire aggregation command.",
  ],
  limit: [50858, "$geoNear no longer supports the 'limit' parameter. Use a $limit stage instead."],
  num: [50857, "$geoNear no longer supports the 'num' parameter. Use a $limit stage instead."],
  start: [50856, "$geoNear no longer supports the 'start' argument."],
};

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/geoNear/ */
export function geoNear(argument: unknown, context: PipelineContext): Stage {
  const spec = checkSpec(argument);
  const filter = parseFilter((spec["query"] ?? {}) as Doc, context);
  if (filter.near) {
    throw new MongoError(2, "$geoNear: $near is not allowed inside of a $geoNear query");
  }
  const { collection } = context;
  if (!collection) {
    return () => [];
  }
  const query = nearQuery(spec, collection);
  requireGeoIndex(collection, query);
  const factor = toNumber(spec["distanceMultiplier"]) ?? 1;
  const distanceField = (spec["distanceField"] as string).split(".");
  const locationField = (spec["includeLocs"] as string | undefined)?.split(".");
  return function* (input) {
    const matching = [...input].filter((doc) => filter.matches(doc));
    for (const { item, distance, geometry } of byDistance(matching, (doc) => doc, query)) {
      setPath(item, distanceField, double(distance * factor));
      if (locationField) {
        setPath(item, locationField, geometry);
      }
      yield item;
    }
  };
}

function checkSpec(argument: unknown): Doc {
  if (!isDocument(argument)) {
    throw new MongoError(10065, "invalid parameter: expected an object ($geoNear)");
  }
  for (const [option, [code, message]] of Object.entries(FORMER_OPTIONS)) {
    if (option in argument) {
      throw new MongoError(code, message);
    }
  }
  const unknown = Object.keys(argument).find((name) => !OPTIONS.has(name));
  if (unknown !== undefined) {
    throw failedToParse(`Unknown argument to $geoNear: ${unknown}`);
  }
  if (argument["near"] === undefined) {
    throw new MongoError(5860400, "$geoNear requires a 'near' argument");
  }
  if (typeof argument["distanceField"] !== "string") {
    throw new MongoError(16606, "$geoNear requires a 'distanceField' option as a String");
  }
  ["maxDistance", "minDistance", "distanceMultiplier"].forEach((option) =>
    checkDistance(option, argument[option]),
  );
  if (argument["query"] !== undefined && !isDocument(argument["query"])) {
    throw typeMismatch("query must be an object");
  }
  if (argument["includeLocs"] !== undefined && typeof argument["includeLocs"] !== "string") {
    throw new MongoError(16607, "$geoNear requires that 'includeLocs' option is a String");
  }
  checkKey(argument["key"]);
  return argument;
}

function checkDistance(option: string, value: unknown): void {
  const number = toNumber(value);
  if (value !== undefined && number === undefined) {
    throw typeMismatch(`${option} must be a number`);
  }
  if (number !== undefined && !(number >= 0)) {
    throw badValue(`${option} must be nonnegative`);
  }
}

function checkKey(key: unknown): void {
  if (key !== undefined && typeof key !== "string") {
    throw typeMismatch(
      `$geoNear parameter 'key' must be of type string but found type: ${typeName(key)}`,
    );
  }
  if (key === "") {
    throw badValue("$geoNear parameter 'key' cannot be the empty string");
  }
}

function nearQuery(spec: Doc, collection: Collection): NearQuery {
  const { near } = spec;
  const geoJson = isGeoJson(near);
  return {
    path: typeof spec["key"] === "string" ? spec["key"] : onlyGeoPath(collection),
    centre: centreOf(near, "$geoNear"),
    ...measure(geoJson, isTruthy(spec["spherical"])),
    min: toNumber(spec["minDistance"]) ?? 0,
    max: toNumber(spec["maxDistance"]) ?? Infinity,
  };
}

/** Without a key there must be one index of a kind, a 2d index first. */
function onlyGeoPath({ indexes, ns }: Collection): string {
  for (const kind of ["2d", "2dsphere"] satisfies GeoKind[]) {
    const paths = indexes.flatMap(({ fields }) =>
      fields.flatMap(({ geo, path }) => (geo === kind ? [path] : [])),
    );
    if (paths.length > 1) {
      throw new MongoError(
        27,
        `There is more than one ${kind} index on ${ns}; unsure which to use for $geoNear`,
      );
    }
    if (paths[0] !== undefined) {
      return paths[0];
    }
  }
  throw new MongoError(27, "$geoNear requires a 2d or 2dsphere index, but none were found");
}
