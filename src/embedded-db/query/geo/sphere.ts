/** A place in degrees: longitude, then latitude. */
export type Position = readonly [longitude: number, latitude: number];

type Vector = readonly [x: number, y: number, z: number];

/** The radius MongoDB takes for the earth. */
export const EARTH_RADIUS_METRES = 6_378_100;

/** Below this, two directions count as one: a hundredth of a millimetre on the ground. */
const EPSILON = 1e-12;

/** The angle between two places seen from the centre of the sphere, in radians. */
export function angleBetween(a: Position, b: Position): number {
  const [x, y] = [vectorOf(a), vectorOf(b)];
  return Math.atan2(norm(cross(x, y)), dot(x, y));
}

/** A ring of places whose inside is the smaller part of the sphere. */
export interface Ring {
  positions: readonly Position[];
  vectors: readonly Vector[];
}

/** `positions` without the last one, which repeats the first. */
export function makeRing(positions: readonly Position[]): Ring {
  const vectors = positions.map(vectorOf);
  // The inside lies to the left of its edges.
  return dot(areaVector(vectors), vectors.reduce(add)) < 0
    ? { positions: [...positions].reverse(), vectors: [...vectors].reverse() }
    : { positions, vectors };
}

/** True for a place within the ring or on its edge. */
export function ringContains(ring: Ring, position: Position): boolean {
  const point = vectorOf(position);
  let turned = 0;
  for (const [at, from] of ring.vectors.entries()) {
    const to = next(ring.vectors, at);
    if (onArc(point, from, to)) {
      return true;
    }
    turned += angleAt(point, from, to);
  }
  // The other side of the sphere sees the ring turn the other way.
  return turned > Math.PI;
}

/** True when a place lies on the shortest line between two others. */
export function onSegment(position: Position, from: Position, to: Position): boolean {
  return onArc(vectorOf(position), vectorOf(from), vectorOf(to));
}

/** True when the shortest lines between two pairs of places cross within both. */
export function segmentsCross(a: Position, b: Position, c: Position, d: Position): boolean {
  const [p, q, r, s] = [vectorOf(a), vectorOf(b), vectorOf(c), vectorOf(d)];
  const pq = cross(p, q);
  const rs = cross(r, s);
  // The great circles meet at pq × rs and opposite of it; either must lie between both pairs.
  const sides = [dot(p, rs), -dot(q, rs), -dot(r, pq), dot(s, pq)];
  return sides.every((side) => side > EPSILON) || sides.every((side) => side < -EPSILON);
}

function vectorOf([longitude, latitude]: Position): Vector {
  const lambda = (longitude * Math.PI) / 180;
  const phi = (latitude * Math.PI) / 180;
  return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
}

/** Twice the area of a ring as a vector: it points to the side that the ring runs around. */
function areaVector(vectors: readonly Vector[]): Vector {
  return vectors
    .map((from, at) => {
      const to = next(vectors, at);
      const normal = cross(from, to);
      const length = norm(normal);
      return length < EPSILON ? normal : scale(normal, Math.atan2(length, dot(from, to)) / length);
    })
    .reduce(add);
}

/** How far one turns at a point when following an edge with the eyes. */
function angleAt(point: Vector, from: Vector, to: Vector): number {
  const a = tangent(point, from);
  const b = tangent(point, to);
  return Math.atan2(dot(point, cross(a, b)), dot(a, b));
}

function tangent(point: Vector, target: Vector): Vector {
  return add(target, scale(point, -dot(point, target)));
}

function onArc(point: Vector, from: Vector, to: Vector): boolean {
  const normal = cross(from, to);
  const length = norm(normal);
  if (length < EPSILON) {
    return norm(cross(point, from)) < EPSILON && dot(point, from) > 0;
  }
  return (
    Math.abs(dot(point, normal)) / length < EPSILON &&
    dot(cross(from, point), normal) >= -EPSILON &&
    dot(cross(point, to), normal) >= -EPSILON
  );
}

function next(vectors: readonly Vector[], at: number): Vector {
  return vectors[(at + 1) % vectors.length] as Vector;
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function add(a: Vector, b: Vector): Vector {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}

function scale(a: Vector, factor: number): Vector {
  return [a[0] * factor, a[1] * factor, a[2] * factor];
}

function norm(a: Vector): number {
  return Math.sqrt(dot(a, a));
}

/** The angle between a place and the nearest point of the shortest line between two others. */
export function angleToSegment(position: Position, a: Position, b: Position): number {
  const [point, from, to] = [vectorOf(position), vectorOf(a), vectorOf(b)];
  const normal = cross(from, to);
  const between =
    dot(cross(from, point), normal) >= 0 && dot(cross(point, to), normal) >= 0 && norm(normal) > 0;
  return between
    ? Math.asin(Math.min(1, Math.abs(dot(point, normal)) / norm(normal)))
    : Math.min(angleBetween(position, a), angleBetween(position, b));
}
