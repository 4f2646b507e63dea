import { aggregate, type Case, type Doc, find, found } from "../case";

const point = (...coordinates: number[]) => ({ type: "Point", coordinates });

const SQUARE = {
  type: "Polygon",
  coordinates: [
    [
      [0, 0],
      [10, 0],
      [10, 10],
      [0, 10],
      [0, 0],
    ],
  ],
};

const PLACES = [
  { _id: 1, loc: point(5, 5) },
  { _id: 2, loc: point(20, 5) },
  {
    _id: 3,
    loc: {
      type: "LineString",
      coordinates: [
        [5, 5],
        [20, 20],
      ],
    },
  },
  { _id: 4, loc: [1, 1] },
  { _id: 5, loc: point(5, 10.02) },
  { _id: 6 },
  {
    _id: 7,
    loc: {
      type: "MultiPoint",
      coordinates: [
        [60, 60],
        [61, 61],
      ],
    },
  },
];

const sphere = { createIndexes: "c", indexes: [{ key: { loc: "2dsphere" }, name: "loc" }] };
const plane = { createIndexes: "c", indexes: [{ key: { loc: "2d" }, name: "loc" }] };
const ids = { projection: { _id: 1 } };
const byId = { ...ids, sort: { _id: 1 } };

const FOUND: [string, Doc, number[]][] = [
  [
    "$geoWithin a polygon whose edges are great circles",
    { loc: { $geoWithin: { $geometry: SQUARE } } },
    [1, 4, 5],
  ],
  ["$geoIntersects a polygon", { loc: { $geoIntersects: { $geometry: SQUARE } } }, [1, 3, 4, 5]],
  ["$geoWithin a box", { loc: { $geoWithin: { $box: [[0, 0], [10, 10]] } } }, [1, 4]], // prettier-ignore
  ["$geoWithin a circle", { loc: { $geoWithin: { $center: [[5, 5], 6] } } }, [1, 4, 5]],
  ["$geoWithin a box, of points alone", { loc: { $geoWithin: { $box: [[59, 59], [62, 62]] } } }, []], // prettier-ignore
  [
    "$geoWithin a spherical cap",
    { loc: { $geoWithin: { $centerSphere: [[5, 5], 0.1] } } },
    [1, 4, 5],
  ],
];

const LAX = "DocumentDB 1.0 answers without it";

/** Options $geoNear does not take. */
const NEAR_REFUSED: [string, Doc, number, string?][] = [
  ["without a distanceField", { near: [0, 0] }, 16606],
  ["without a place", { distanceField: "d" }, 5860400, LAX],
  ["with a number for a distanceField", { near: [0, 0], distanceField: 1 }, 16606],
  ["up to a text", { near: [0, 0], distanceField: "d", maxDistance: "far" }, 14],
  ["below nothing", { near: [0, 0], distanceField: "d", minDistance: -1 }, 2],
  [
    "with a number for the place found",
    { near: [0, 0], distanceField: "d", includeLocs: 1 },
    16607,
  ],
  ["by an empty key", { near: [0, 0], distanceField: "d", key: "" }, 2],
  ["with a limit", { near: [0, 0], distanceField: "d", limit: 1 }, 50858, LAX],
  ["with an unknown option", { near: [0, 0], distanceField: "d", nope: 1 }, 9, LAX],
];

/** Values that a 2dsphere index cannot take. */
const REFUSED: [string, unknown][] = [
  ["a place beyond the poles", point(0, 91)],
  ["an unknown type", { type: "Circle", coordinates: [0, 0] }],
  ["a polygon that is open", { type: "Polygon", coordinates: [[[0, 0], [1, 0], [1, 1], [0, 1]]] }], // prettier-ignore
  ["a polygon that crosses itself", { type: "Polygon", coordinates: [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]] }], // prettier-ignore
  ["a line of one place", { type: "LineString", coordinates: [[0, 0]] }],
  ["a text", "here"],
];

/** @see https://www.mongodb.com/docs/manual/geospatial-queries/ */
export const GEO_CASES: Case[] = [
  ...FOUND.map(([name, filter, expected]): Case => ({
    name: `geo: ${name}`,
    documents: PLACES,
    commands: [find(filter, byId)],
    reply: found(...expected.map((_id) => ({ _id }))),
  })),
  ...REFUSED.map(([what, loc]): Case => ({
    name: `geo: a 2dsphere index refuses ${what}`,
    commands: [sphere, { insert: "c", documents: [{ _id: 1, loc }] }],
    reply: { n: 0, writeErrors: [{ index: 0, code: 16755 }] },
  })),
  {
    name: "geo: a 2dsphere index leaves out documents without a place",
    commands: [
      sphere,
      { insert: "c", documents: [{ _id: 1 }, { _id: 2, loc: null }, { _id: 3, loc: [] }] },
    ],
    reply: { n: 3 },
  },
  {
    name: "geo: $near sorts by metres",
    documents: [
      { _id: 1, loc: point(0.02, 0) },
      { _id: 2, loc: point(0.01, 0) },
      { _id: 3, loc: point(3, 0) },
    ],
    commands: [
      sphere,
      find(
        { loc: { $near: { $geometry: point(0, 0), $minDistance: 1, $maxDistance: 3000 } } },
        ids,
      ),
    ],
    reply: found({ _id: 2 }, { _id: 1 }),
  },
  {
    name: "geo: $near of a legacy pair measures degrees",
    documents: [
      { _id: 1, loc: [3, 4] },
      { _id: 2, loc: [1, 1] },
      { _id: 3, loc: [4, 4] },
    ],
    commands: [plane, find({ loc: { $near: [0, 0], $maxDistance: 5 } }, ids)],
    reply: found({ _id: 2 }, { _id: 1 }),
  },
  {
    name: "geo: $near needs an index",
    documents: PLACES,
    commands: [find({ loc: { $near: { $geometry: point(0, 0) } } })],
    reply: { ok: 0, code: 291, codeName: "NoQueryExecutionPlans" },
  },
  {
    name: "geo: $near is not for $match",
    documents: [{ _id: 1, loc: point(0, 0) }],
    commands: [sphere, aggregate({ $match: { loc: { $near: { $geometry: point(0, 0) } } } })],
    reply: { ok: 0, code: 5626500 },
  },
  {
    name: "geo: $geoNear adds the distance and the place",
    documents: [
      { _id: 1, kind: "a", loc: [0, 2] },
      { _id: 2, kind: "b", loc: [0, 1] },
      { _id: 3, kind: "a", loc: [0, 1] },
    ],
    commands: [
      plane,
      aggregate({
        $geoNear: {
          near: [0, 0],
          distanceField: "d.m",
          includeLocs: "d.at",
          distanceMultiplier: 10,
          query: { kind: "a" },
        },
      }),
    ],
    reply: found(
      { _id: 3, kind: "a", loc: [0, 1], d: { m: 10, at: [0, 1] } },
      { _id: 1, kind: "a", loc: [0, 2], d: { m: 20, at: [0, 2] } },
    ),
  },
  ...NEAR_REFUSED.map(([what, spec, code, difference]): Case => ({
    name: `geo: refuses $geoNear ${what}`,
    documents: [{ _id: 1, loc: [0, 2] }],
    commands: [plane, aggregate({ $geoNear: spec })],
    reply: { ok: 0, code },
    ...(difference === undefined ? {} : { difference }),
  })),
  {
    name: "geo: $geoNear stands first",
    documents: [{ _id: 1, loc: [0, 2] }],
    commands: [
      plane,
      aggregate({ $match: {} }, { $geoNear: { near: [0, 0], distanceField: "d" } }),
    ],
    reply: { ok: 0, code: 40602 },
  },
  {
    name: "geo: a 2d index refuses places beyond its bounds",
    commands: [plane, { insert: "c", documents: [{ _id: 1, loc: [200, 0] }] }],
    reply: { n: 0, writeErrors: [{ index: 0, code: 13027 }] },
  },
];
