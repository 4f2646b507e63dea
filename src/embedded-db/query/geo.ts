import { badValue } from "../errors";
import { type Doc, isDocument, toNumber } from "../bson/values";

type Point = readonly [longitude: number, latitude: number];

const EARTH_RADIUS_METRES = 6_378_100;

/**
 * The test of `$geoWithin` and `$geoIntersects`. Edges are straight lines in longitude and
 * latitude, good enough at the size of a city; MongoDB follows great circles.
 * @see https://www.mongodb.com/docs/manual/reference/operator/query/geoWithin/
 */
export function compileGeoPredicate(
  operator: string,
  operand: unknown,
): (value: unknown) => boolean {
  if (!isDocument(operand)) {
    throw badValue(`${operator} needs an object`);
  }
  const inside = compileArea(operator, operand);
  return operator === "$geoIntersects"
    ? (value) => pointsOf(value).some(inside)
    : (value) => {
        const points = pointsOf(value);
        return points.length > 0 && points.every(inside);
      };
}

function compileArea(operator: string, operand: Doc): (point: Point) => boolean {
  const [name] = Object.keys(operand);
  const shape = operand[name ?? ""];
  switch (name ?? "") {
    case "$geometry":
      return insideGeometry(shape as Doc);
    case "$box": {
      const [low, high] = (shape as unknown[]).map(toPoint);
      return insideRing([low, [high?.[0], low?.[1]], high, [low?.[0], high?.[1]]] as Point[]);
    }
    case "$polygon":
      return insideRing((shape as unknown[]).map(toPoint) as Point[]);
    case "$center": {
      const [centre, radius] = circle(shape);
      return (point) => Math.hypot(point[0] - centre[0], point[1] - centre[1]) <= radius;
    }
    case "$centerSphere": {
      const [centre, radius] = circle(shape);
      return (point) => distance(point, centre) / EARTH_RADIUS_METRES <= radius;
    }
    default:
      throw badValue(`unknown geo specifier: ${operator}: ${String(name)}`);
  }
}

function circle(shape: unknown): [Point, number] {
  const [centre, radius] = shape as unknown[];
  const point = toPoint(centre);
  if (!point) {
    throw badValue("Point must be an array or object");
  }
  return [point, toNumber(radius) ?? 0];
}

function insideGeometry(geometry: Doc): (point: Point) => boolean {
  const coordinates = geometry["coordinates"] as unknown[];
  switch (geometry["type"]) {
    case "Polygon":
      return insidePolygon(coordinates);
    case "MultiPolygon": {
      const polygons = coordinates.map((polygon) => insidePolygon(polygon as unknown[]));
      return (point) => polygons.some((inside) => inside(point));
    }
    default: {
      const points = pointsOf(geometry);
      return (point) => points.some((other) => other[0] === point[0] && other[1] === point[1]);
    }
  }
}

function insidePolygon(rings: unknown[]): (point: Point) => boolean {
  const [outer, ...holes] = rings.map((ring) =>
    insideRing((ring as unknown[]).map(toPoint) as Point[]),
  );
  return (point) => outer !== undefined && outer(point) && !holes.some((hole) => hole(point));
}

/** Counts how often a ray to the east crosses the ring; points on an edge are inside. */
function insideRing(ring: readonly Point[]): (point: Point) => boolean {
  return (point) => {
    let inside = false;
    ring.forEach((from, at) => {
      const to = ring[(at + 1) % ring.length] as Point;
      if (onEdge(point, from, to)) {
        inside = true;
      }
    });
    return inside || crossings(point, ring) % 2 === 1;
  };
}

function crossings([x, y]: Point, ring: readonly Point[]): number {
  return ring.filter((from, at) => {
    const to = ring[(at + 1) % ring.length] as Point;
    return (
      from[1] > y !== to[1] > y &&
      x < ((to[0] - from[0]) * (y - from[1])) / (to[1] - from[1]) + from[0]
    );
  }).length;
}

function onEdge([x, y]: Point, [x1, y1]: Point, [x2, y2]: Point): boolean {
  const cross = (x - x1) * (y2 - y1) - (y - y1) * (x2 - x1);
  return (
    Math.abs(cross) < 1e-12 &&
    x >= Math.min(x1, x2) &&
    x <= Math.max(x1, x2) &&
    y >= Math.min(y1, y2) &&
    y <= Math.max(y1, y2)
  );
}

function toPoint(value: unknown): Point | undefined {
  const pair = Array.isArray(value) ? value : isDocument(value) ? Object.values(value) : [];
  const [x, y] = pair.map((part) => toNumber(part));
  return x === undefined || y === undefined ? undefined : [x, y];
}

/** All points of a GeoJSON geometry or of a legacy coordinate pair. */
export function pointsOf(value: unknown): Point[] {
  if (isDocument(value) && "coordinates" in value) {
    return flatten(value["coordinates"]);
  }
  const point = toPoint(value);
  return point ? [point] : [];
}

function flatten(coordinates: unknown): Point[] {
  const point = toPoint(coordinates);
  if (point && Array.isArray(coordinates) && !Array.isArray(coordinates[0])) {
    return [point];
  }
  return Array.isArray(coordinates) ? coordinates.flatMap(flatten) : [];
}

/** Metres between two points on the sphere MongoDB uses. */
export function distance(a: Point, b: Point): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const [lat1, lat2] = [radians(a[1]), radians(b[1])];
  const h =
    Math.sin((lat2 - lat1) / 2) ** 2 +
    Math.cos(lat1) * Math.cos(lat2) * Math.sin(radians(b[0] - a[0]) / 2) ** 2;
  return 2 * EARTH_RADIUS_METRES * Math.asin(Math.sqrt(h));
}
