import { badValue, MongoError } from "../../errors";
import { formatValue } from "../../bson/format";
import { type Doc, isDocument, isNumeric, toNumber } from "../../bson/values";
import { checkDeadline } from "../watch";
import {
  angleBetween,
  angleToSegment,
  makeRing,
  onSegment,
  type Position,
  type Ring,
  ringContains,
  segmentsCross,
} from "./sphere";

/** A polygon: inside of its first ring and outside of the others. */
interface Polygon {
  outer: Ring;
  holes: Ring[];
}

/** What a GeoJSON object or a legacy pair consists of. */
export interface Geometry {
  points: Position[];
  lines: Position[][];
  polygons: Polygon[];
}

type Parse = (coordinates: unknown) => Partial<Geometry>;

/** @see https://www.mongodb.com/docs/manual/reference/geojson/ */
const TYPES: Record<string, Parse> = {
  LineString: (coordinates) => ({ lines: [parseLine(coordinates)] }),
  MultiLineString: (coordinates) => ({
    lines: list("MultiLineString coordinates", coordinates).map(parseLine),
  }),
  MultiPoint: (coordinates) => ({
    points: list("MultiPoint coordinates", coordinates).map(parsePosition),
  }),
  MultiPolygon: (coordinates) => ({
    polygons: list("MultiPolygon coordinates", coordinates).map(parsePolygon),
  }),
  Point: (coordinates) => ({ points: [parsePosition(coordinates)] }),
  Polygon: (coordinates) => ({ polygons: [parsePolygon(coordinates)] }),
};

/** True for what claims to be GeoJSON, right or wrong. */
export function isGeoJson(value: unknown): value is Doc {
  return isDocument(value) && typeof value["type"] === "string";
}

/** Reads GeoJSON and refuses what MongoDB refuses. */
export function parseGeoJson(value: Doc): Geometry {
  const type = value["type"];
  if (type === "GeometryCollection") {
    return parseCollection(value["geometries"]);
  }
  const parse = typeof type === "string" && Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
  if (!parse) {
    throw badValue(`unknown GeoJSON type: ${formatValue(value)}`);
  }
  return { points: [], lines: [], polygons: [], ...parse(value["coordinates"]) };
}

function parseCollection(geometries: unknown): Geometry {
  const parts = list("GeometryCollection geometries", geometries).map((part) => {
    if (!isDocument(part)) {
      throw badValue(`Element of "geometries" is not an object: ${formatValue(part)}`);
    }
    return parseGeoJson(part);
  });
  return {
    points: parts.flatMap(({ points }) => points),
    lines: parts.flatMap(({ lines }) => lines),
    polygons: parts.flatMap(({ polygons }) => polygons),
  };
}

function list(what: string, value: unknown): unknown[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw badValue(`${what} must be a non-empty array`);
  }
  return value;
}

function parsePosition(value: unknown): Position {
  if (!Array.isArray(value)) {
    throw badValue("Point must be an array or object");
  }
  if (value.length < 2 || !value.every(isNumeric)) {
    throw badValue("Point must only contain numeric elements");
  }
  const [longitude, latitude] = value.map(toNumber) as [number, number];
  if (!(Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90)) {
    throw badValue(`Longitude/latitude is out of bounds, lng: ${longitude} lat: ${latitude}`);
  }
  return [longitude, latitude];
}

function parseLine(value: unknown): Position[] {
  const positions = list("LineString coordinates", value).map(parsePosition);
  if (withoutRepeats(positions).length < 2) {
    throw badValue(`GeoJSON LineString must have at least 2 vertices: ${formatValue(value)}`);
  }
  return positions;
}

function parsePolygon(value: unknown): Polygon {
  const [outer, ...holes] = list("Polygon coordinates", value).map(parseRing);
  return { outer: outer as Ring, holes };
}

function parseRing(value: unknown): Ring {
  const all = list("Polygon ring", value).map(parsePosition);
  if (!same(all[0] as Position, all.at(-1) as Position)) {
    throw badValue(`Loop is not closed: ${formatValue(value)}`);
  }
  const positions = withoutRepeats(all).slice(0, -1);
  if (positions.length < 3) {
    throw badValue(`Loop must have at least 3 different vertices: ${formatValue(value)}`);
  }
  const edges = closed(positions);
  const crossing = edges.findIndex((edge) => crosses(edge, edges));
  if (crossing >= 0) {
    throw badValue(`Loop is not valid: ${formatValue(value)} Edges cross.`);
  }
  return makeRing(positions);
}

function withoutRepeats(positions: readonly Position[]): Position[] {
  return positions.filter(
    (position, at) => at === 0 || !same(position, positions[at - 1] as Position),
  );
}

function same(a: Position, b: Position): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

/** A legacy pair: `[x, y]`, or a document whose first two fields are numbers. */
export function legacyPair(value: unknown): Position | undefined {
  const pair = Array.isArray(value) ? value : isDocument(value) ? Object.values(value) : [];
  const [x, y] = pair.map(toNumber);
  return x === undefined || y === undefined ? undefined : [x, y];
}

/** The geometry a field holds; undefined when it holds none that is right. */
export function geometryOf(value: unknown): Geometry | undefined {
  if (isGeoJson(value)) {
    return attempt(() => parseGeoJson(value));
  }
  const pair = legacyPair(value);
  return pair && { points: [pair], lines: [], polygons: [] };
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    refusalIn(error);
    return undefined;
  }
}

/** Why a geometry is none; what else went wrong, such as that the time is over, goes on. */
function refusalIn(error: unknown): string {
  if (error instanceof MongoError && error.codeName === "BadValue") {
    return error.message;
  }
  throw error;
}

/** Why a value cannot stand in a field with a 2dsphere index; undefined when it can. */
export function geoFault(value: unknown): string | undefined {
  try {
    if (isGeoJson(value)) {
      parseGeoJson(value);
      return undefined;
    }
    const pair = legacyPair(value);
    if (!pair) {
      return `unknown GeoJSON type: ${formatValue(value)}`;
    }
    parsePosition(pair);
    return undefined;
  } catch (error) {
    return refusalIn(error);
  }
}

/** True when the two have a point in common. */
export function intersects(a: Geometry, b: Geometry): boolean {
  return touches(a, b) || touches(b, a) || edgesOf(a).some((edge) => crossesAny(edge, b));
}

/** True when every point of `inner` lies in a polygon of `area`. */
export function within(inner: Geometry, area: Geometry): boolean {
  const vertices = verticesOf(inner);
  const holes = area.polygons.flatMap((polygon) => polygon.holes);
  return (
    vertices.length > 0 &&
    vertices.every((position) => inPolygons(area, position)) &&
    !edgesOf(inner).some((edge) => crossesAny(edge, area)) &&
    !holes.some((hole) => inPolygons(inner, hole.positions[0] as Position))
  );
}

/** Some vertex of `a` is a point, or on a line, or in a polygon of `b`. */
function touches(a: Geometry, b: Geometry): boolean {
  return verticesOf(a).some(
    (position) =>
      b.points.some((point) => same(point, position)) ||
      b.lines.some((line) => edges(line).some(([from, to]) => onSegment(position, from, to))) ||
      inPolygons(b, position),
  );
}

function inPolygons({ polygons }: Geometry, position: Position): boolean {
  return polygons.some(
    ({ outer, holes }) =>
      ringContains(outer, position) &&
      !holes.some((hole) => ringContains(hole, position) && !onRing(hole, position)),
  );
}

function onRing(ring: Ring, position: Position): boolean {
  return closed(ring.positions).some(([from, to]) => onSegment(position, from, to));
}

/** The angle between a place and the nearest point of a geometry, in radians. */
export function angleTo(position: Position, geometry: Geometry): number {
  if (inPolygons(geometry, position)) {
    return 0;
  }
  return Math.min(
    ...geometry.points.map((point) => angleBetween(position, point)),
    ...edgesOf(geometry).map(([from, to]) => angleToSegment(position, from, to)),
  );
}

/** All places a geometry is given by. */
export function verticesOf({ points, lines, polygons }: Geometry): Position[] {
  return [...points, ...lines.flat(), ...polygons.flatMap(({ outer }) => outer.positions)];
}

type Edge = readonly [from: Position, to: Position];

function edgesOf({ lines, polygons }: Geometry): Edge[] {
  return [
    ...lines.flatMap(edges),
    ...polygons.flatMap(({ outer, holes }) =>
      [outer, ...holes].flatMap(({ positions }) => closed(positions)),
    ),
  ];
}

function edges(positions: readonly Position[]): Edge[] {
  return positions.slice(1).map((to, at) => [positions[at] as Position, to]);
}

function closed(positions: readonly Position[]): Edge[] {
  return positions.map((from, at) => [from, positions[(at + 1) % positions.length] as Position]);
}

function crossesAny(edge: Edge, other: Geometry): boolean {
  return crosses(edge, edgesOf(other));
}

function crosses([from, to]: Edge, others: readonly Edge[]): boolean {
  return others.some(([a, b]) => {
    checkDeadline();
    return segmentsCross(from, to, a, b);
  });
}
