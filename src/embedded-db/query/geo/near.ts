import { badValue, MongoError } from "../../errors";
import { formatValue } from "../../bson/format";
import { type Doc, isDocument, toNumber } from "../../bson/values";
import type { Collection } from "../../catalog/collection";
import type { Index } from "../../catalog/collection-index";
import type { GeoKind } from "../../index/index-keys";
import { readPath } from "../path";
import type { Match } from "../scan";
import { planarDistance } from "./area";
import { angleTo, type Geometry, geometryOf, isGeoJson, legacyPair, verticesOf } from "./geometry";
import { EARTH_RADIUS_METRES, type Position } from "./sphere";

/** A search for what is near, which sorts by distance. */
export interface NearQuery {
  path: string;
  centre: Position;
  /** What a radian is in the unit of the distances; undefined for degrees on a plane. */
  scale: number | undefined;
  min: number;
  max: number;
  /** The indexes that can answer it. */
  kinds: readonly GeoKind[];
}

/**
 * Reads `$near` or `$nearSphere` with the operators beside it.
 * @see https://www.mongodb.com/docs/manual/reference/operator/query/near/
 */
export function parseNear(path: string, operator: string, siblings: Doc): NearQuery {
  const operand = siblings[operator];
  const limits: Doc = isDocument(operand) ? { ...siblings, ...operand } : siblings;
  const geoJson = isDocument(operand) && "$geometry" in operand ? operand["$geometry"] : undefined;
  const spherical = geoJson !== undefined || operator === "$nearSphere";
  return {
    path,
    centre: centreOf(geoJson ?? operand, operator),
    ...measure(geoJson !== undefined, spherical),
    min: limit("$minDistance", limits["$minDistance"]) ?? 0,
    max: limit("$maxDistance", limits["$maxDistance"]) ?? thirdOf(operand) ?? Infinity,
  };
}

/** The unit of distances: metres for GeoJSON; radians, or degrees on a plane, for legacy pairs. */
export function measure(
  geoJson: boolean,
  spherical: boolean,
): { scale: number | undefined; kinds: readonly GeoKind[] } {
  if (geoJson) {
    return { scale: EARTH_RADIUS_METRES, kinds: ["2dsphere"] };
  }
  return spherical ? { scale: 1, kinds: ["2dsphere", "2d"] } : { scale: undefined, kinds: ["2d"] };
}

/** The point a search starts at: GeoJSON or a legacy pair. */
export function centreOf(value: unknown, operator: string): Position {
  if (isGeoJson(value) && value["type"] !== "Point") {
    throw badValue(`${operator} requires a point, given ${formatValue(value)}`);
  }
  const [point] = isGeoJson(value) ? (geometryOf(value)?.points ?? []) : [legacyPair(value)];
  if (!point) {
    throw badValue(`invalid point in geo near query $geometry argument: ${formatValue(value)}`);
  }
  return point;
}

function limit(name: string, value: unknown): number | undefined {
  const number = toNumber(value);
  if (value !== undefined && (number === undefined || !(number >= 0))) {
    throw badValue(`${name} must be non-negative`);
  }
  return number;
}

/** `[x, y, maxDistance]`. */
function thirdOf(operand: unknown): number | undefined {
  return Array.isArray(operand) ? toNumber(operand[2]) : undefined;
}

/** A document with its distance. */
export interface Nearby<T> {
  item: T;
  distance: number;
  /** What of the document is that near. */
  geometry: unknown;
}

/** Orders documents by their distance and drops those out of range. */
export function byDistance<T>(
  items: Iterable<T>,
  docOf: (item: T) => Doc,
  query: NearQuery,
): Nearby<T>[] {
  const parts = query.path.split(".");
  const found: Nearby<T>[] = [];
  for (const item of items) {
    const nearest = nearestOf(readPath(docOf(item), parts), query);
    if (nearest && nearest.distance >= query.min && nearest.distance <= query.max) {
      found.push({ item, ...nearest });
    }
  }
  return found.sort((a, b) => a.distance - b.distance);
}

/** The matches of a find, nearest first. */
export function nearMatches(matches: Iterable<Match>, query: NearQuery): Match[] {
  return byDistance(matches, ({ doc }) => doc, query).map(({ item }) => item);
}

function nearestOf(
  value: unknown,
  query: NearQuery,
): { distance: number; geometry: unknown } | undefined {
  const whole = geometryOf(value);
  const candidates: unknown[] = whole || !Array.isArray(value) ? [value] : value;
  return candidates
    .flatMap((geometry) => {
      const shape = geometryOf(geometry);
      return shape ? [{ geometry, distance: distanceTo(shape, query) }] : [];
    })
    .reduce<{ distance: number; geometry: unknown } | undefined>(
      (best, next) => (best && best.distance <= next.distance ? best : next),
      undefined,
    );
}

function distanceTo(geometry: Geometry, { centre, scale }: NearQuery): number {
  return scale === undefined
    ? Math.min(...verticesOf(geometry).map((point) => planarDistance(point, centre)))
    : angleTo(centre, geometry) * scale;
}

/** The index that MongoDB would search; an error without one. */
export function requireGeoIndex(collection: Collection, { path, kinds }: NearQuery): Index {
  const index = collection.indexes.find(
    ({ fields, hidden }) =>
      !hidden &&
      fields.some((field) => field.path === path && field.geo && kinds.includes(field.geo)),
  );
  if (!index) {
    throw new MongoError(
      291,
      `error processing query: ns=${collection.ns} planner returned error :: caused by :: unable to find index for $geoNear query`,
    );
  }
  return index;
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/match/#restrictions */
export function refuseNear<T extends { near: NearQuery | undefined }>(filter: T): T {
  if (filter.near) {
    throw new MongoError(
      5626500,
      "$geoNear, $near, and $nearSphere are not allowed in this context, as these operators require " +
        "sorting geospatial data. If you do not need sort, consider using $geoWithin instead. Check out " +
        "https://dochub.mongodb.org/core/near-sort-operation and " +
        "https://dochub.mongodb.org/core/nearSphere-sort-operation for more details",
    );
  }
  return filter;
}
