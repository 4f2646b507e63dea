import { badValue } from "../../errors";
import { formatValue } from "../../bson/format";
import { type Doc, isDocument, toNumber } from "../../bson/values";
import {
  type Geometry,
  geometryOf,
  intersects,
  isGeoJson,
  legacyPair,
  parseGeoJson,
  verticesOf,
  within,
} from "./geometry";
import { angleBetween, type Position } from "./sphere";

type GeoTest = (geometry: Geometry) => boolean;

/**
 * The test of `$geoWithin` and `$geoIntersects`. `$geometry` and `$centerSphere` lie on the sphere,
 * the other shapes on a plane of degrees.
 * @see https://www.mongodb.com/docs/manual/reference/operator/query/geoWithin/
 */
export function compileGeoPredicate(
  operator: "$geoWithin" | "$geoIntersects",
  operand: unknown,
): (value: unknown) => boolean {
  const [name = "", shape] = isDocument(operand) ? (Object.entries(operand)[0] ?? []) : [];
  const test = compileShape(operator, name, shape);
  return (value) => {
    const geometry = geometryOf(value);
    return geometry !== undefined && test(geometry);
  };
}

function compileShape(operator: string, name: string, shape: unknown): GeoTest {
  if (name === "$geometry") {
    return compileGeometry(operator, shape);
  }
  if (operator === "$geoIntersects") {
    throw badValue(`$geoIntersect not supported with provided geometry: ${formatValue(shape)}`);
  }
  const contains = compileArea(operator, name, shape);
  const planar = name !== "$centerSphere";
  return (geometry) => !(planar && !isPoint(geometry)) && verticesOf(geometry).every(contains);
}

/** Only points of the sphere have a place on the plane. */
function isPoint({ points, lines, polygons }: Geometry): boolean {
  return points.length === 1 && lines.length + polygons.length === 0;
}

function compileGeometry(operator: string, shape: unknown): GeoTest {
  if (!isGeoJson(shape)) {
    throw badValue(`unknown GeoJSON type: ${formatValue(shape)}`);
  }
  const area = parseGeoJson(shape);
  if (operator === "$geoIntersects") {
    return (geometry) => intersects(geometry, area);
  }
  if (area.polygons.length === 0 || area.points.length + area.lines.length > 0) {
    throw badValue(`$geoWithin not supported with provided geometry: ${formatValue(shape)}`);
  }
  return (geometry) => within(geometry, area);
}

function compileArea(operator: string, name: string, shape: unknown): (at: Position) => boolean {
  switch (name) {
    case "$box": {
      const [a, b] = pairs(shape, 2);
      return insideRing([a, [b[0], a[1]], b, [a[0], b[1]]]);
    }
    case "$polygon":
      return insideRing(pairs(shape, 3));
    case "$center": {
      const { centre, radius } = circle(shape);
      return (at) => planarDistance(at, centre) <= radius;
    }
    case "$centerSphere": {
      const { centre, radius } = circle(shape);
      return (at) => angleBetween(at, centre) <= radius;
    }
    default:
      throw badValue(`unknown geo specifier: ${operator}: ${name}`);
  }
}

/** The distance of two places on a plane of degrees. */
export function planarDistance(a: Position, b: Position): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

function pairs(shape: unknown, least: number): [Position, Position, ...Position[]] {
  const given = Array.isArray(shape) ? shape : isDocument(shape) ? Object.values(shape) : [];
  const found = given.map(legacyPair);
  if (found.length < least) {
    throw badValue("Polygon must have at least 3 points");
  }
  if (found.includes(undefined)) {
    throw badValue("Point must be an array or object");
  }
  return found as [Position, Position, ...Position[]];
}

function circle(shape: unknown): { centre: Position; radius: number } {
  const [centre, radius] = (
    Array.isArray(shape) ? shape : Object.values(shape as Doc)
  ) as unknown[];
  const point = legacyPair(centre);
  const size = toNumber(radius);
  if (!point) {
    throw badValue("Point must be an array or object");
  }
  if (size === undefined || !(size >= 0)) {
    throw badValue("radius must be a non-negative number");
  }
  return { centre: point, radius: size };
}

/** Counts how often a ray to the east crosses the ring; points on an edge are inside. */
function insideRing(ring: readonly Position[]): (at: Position) => boolean {
  const edges = ring.map((from, at) => [from, ring[(at + 1) % ring.length] as Position] as const);
  return (at) =>
    edges.some(([from, to]) => onEdge(at, from, to)) ||
    edges.filter(([from, to]) => crossedEastOf(at, from, to)).length % 2 === 1;
}

function crossedEastOf([x, y]: Position, from: Position, to: Position): boolean {
  return (
    from[1] > y !== to[1] > y &&
    x < ((to[0] - from[0]) * (y - from[1])) / (to[1] - from[1]) + from[0]
  );
}

function onEdge([x, y]: Position, [x1, y1]: Position, [x2, y2]: Position): boolean {
  const cross = (x - x1) * (y2 - y1) - (y - y1) * (x2 - x1);
  return (
    Math.abs(cross) < 1e-12 &&
    x >= Math.min(x1, x2) &&
    x <= Math.max(x1, x2) &&
    y >= Math.min(y1, y2) &&
    y <= Math.max(y1, y2)
  );
}
