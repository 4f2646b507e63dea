import { failedToParse, MongoError, typeMismatch } from "../errors";
import { type Doc, double, isDocument, toNumber } from "../bson/values";
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
]);

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
  const distanceField = pathOption("distanceField", spec["distanceField"]);
  const locationField = pathOption("includeLocs", spec["includeLocs"]);
  return function* (input) {
    const matching = [...input].filter((doc) => filter.matches(doc));
    for (const { item, distance, geometry } of byDistance(matching, (doc) => doc, query)) {
      if (distanceField) {
        setPath(item, distanceField, double(distance * factor));
      }
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
  const unknown = Object.keys(argument).find((name) => !OPTIONS.has(name));
  if (unknown !== undefined) {
    throw failedToParse(`Unknown argument to $geoNear: ${unknown}`);
  }
  if (argument["near"] === undefined) {
    throw new MongoError(5860400, "$geoNear requires a 'near' argument");
  }
  return argument;
}

function pathOption(name: string, value: unknown): string[] | undefined {
  if (value !== undefined && typeof value !== "string") {
    throw typeMismatch(`$geoNear parameter '${name}' must be of type string`);
  }
  return value?.split(".");
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
