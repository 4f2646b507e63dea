import { MongoError } from "../../errors";
import { formatDocument } from "../../bson/format";
import { type Doc, toNumber } from "../../bson/values";
import type { IndexField } from "../../index/index-keys";
import { readPath } from "../path";
import { geoFault, isGeoJson, legacyPair } from "./geometry";

/**
 * Refuses a document whose geo fields an index cannot take.
 * @see https://www.mongodb.com/docs/manual/core/indexes/index-types/geospatial/2dsphere/
 */
export function checkGeoFields(doc: Doc, fields: readonly IndexField[], spec: Doc): void {
  for (const { geo, parts } of fields) {
    for (const value of geo === undefined ? [] : valuesAt(doc, parts)) {
      if (geo === "2dsphere") {
        checkSphere(doc, value);
      } else {
        checkPlane(value, spec);
      }
    }
  }
}

/** What a geo index looks at: nothing where the field is missing, null or an empty array. */
function valuesAt(doc: Doc, parts: readonly string[]): unknown[] {
  const value = readPath(doc, parts);
  const many = Array.isArray(value) && !legacyPair(value);
  return (many ? value : [value]).filter((item) => item !== null && item !== undefined);
}

function checkSphere(doc: Doc, value: unknown): void {
  const fault = geoFault(value);
  if (fault !== undefined) {
    throw new MongoError(16755, `Can't extract geo keys: ${formatDocument(doc)}  ${fault}`);
  }
}

function checkPlane(value: unknown, spec: Doc): void {
  if (isGeoJson(value)) {
    throw new MongoError(13026, "geo values must be 'legacy coordinate pairs' for 2d indexes");
  }
  const min = toNumber(spec["min"]) ?? -180;
  const max = toNumber(spec["max"]) ?? 180;
  const pair = legacyPair(value);
  if (!pair) {
    throw new MongoError(13068, "geo field only has 1 element");
  }
  if (pair.some((part) => part < min || part > max)) {
    throw new MongoError(13027, `point not in interval of [ ${min}, ${max} ]`);
  }
}
