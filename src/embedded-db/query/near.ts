import { badValue } from "../errors";
import { type Doc, isDocument, toNumber } from "../bson/values";
import type { NearQuery } from "./filter";
import { distance, pointsOf } from "./geo";
import { readPath } from "./path";
import type { Match } from "./scan";

/**
 * Orders matches by their distance and drops those out of range.
 * @see https://www.mongodb.com/docs/manual/reference/operator/query/near/
 */
export function near(matches: Iterable<Match>, { path, operator, operand }: NearQuery): Match[] {
  const siblings = operand as Doc;
  const spec = siblings[operator];
  const geometry = isDocument(spec) && "$geometry" in spec ? spec["$geometry"] : spec;
  const [centre] = pointsOf(geometry);
  if (!centre) {
    throw badValue("invalid point in geo near query $geometry argument");
  }
  const limits: Doc = isDocument(spec) ? { ...siblings, ...spec } : siblings;
  const legacy = !(isDocument(spec) && "$geometry" in spec);
  const scale = legacy ? (operator === "$nearSphere" ? 6_378_100 : 111_319.49) : 1;
  const max = (toNumber(limits["$maxDistance"]) ?? Infinity) * scale;
  const min = (toNumber(limits["$minDistance"]) ?? 0) * scale;
  const parts = path.split(".");
  return [...matches]
    .flatMap((match) => {
      const metres = Math.min(
        ...pointsOf(readPath(match.doc, parts)).map((point) => distance(point, centre)),
      );
      return metres >= min && metres <= max && metres < Infinity ? [{ match, metres }] : [];
    })
    .sort((a, b) => a.metres - b.metres)
    .map(({ match }) => match);
}
