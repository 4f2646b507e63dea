import { badValue } from "../errors";
import { type Doc, isDocument, toNumber } from "../bson/values";
import { parseFilter } from "../query/filter";
import { distance, pointsOf } from "../query/geo";
import { readPath } from "../query/path";
import { setPath } from "../update/path";
import type { PipelineContext, Stage } from "./stage";

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/geoNear/ */
export function geoNear(argument: unknown, context: PipelineContext): Stage {
  const spec = isDocument(argument) ? argument : {};
  const [centre] = pointsOf(spec["near"]);
  if (!centre) {
    throw badValue("$geoNear requires a 'near' option as an Object or Array");
  }
  const filter = parseFilter((spec["query"] ?? {}) as Doc, context);
  const key = typeof spec["key"] === "string" ? spec["key"].split(".") : undefined;
  const max = toNumber(spec["maxDistance"]) ?? Infinity;
  const min = toNumber(spec["minDistance"]) ?? 0;
  const factor = toNumber(spec["distanceMultiplier"]) ?? 1;
  const field =
    typeof spec["distanceField"] === "string" ? spec["distanceField"].split(".") : undefined;
  return (input) => {
    const rows = [...input].flatMap((doc) => {
      const [point] = key ? pointsOf(readPath(doc, key)) : firstPoint(doc);
      const metres = point && distance(point, centre);
      return metres !== undefined && metres >= min && metres <= max && filter.matches(doc)
        ? [{ doc, metres }]
        : [];
    });
    rows.sort((a, b) => a.metres - b.metres);
    return rows.map(({ doc, metres }) => {
      if (field) {
        setPath(doc, field, metres * factor);
      }
      return doc;
    });
  };
}

function firstPoint(doc: Doc) {
  return (
    Object.values(doc)
      .map(pointsOf)
      .find((points) => points.length > 0) ?? []
  );
}
