import { BSONRegExp, Double, Int32, isDocument, Long, Timestamp, type Doc } from "./values";

/**
 * A value as mingo expects it: numbers as JavaScript numbers, regular expressions as RegExp.
 * Longs beyond 2 ** 53 and decimals stay what they are.
 */
export function toPlain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map(toPlain);
  }
  if (isDocument(value)) {
    return plainDocument(value);
  }
  return plainScalar(value);
}

function plainDocument(doc: Doc): Doc {
  const out: Doc = {};
  for (const name of Object.keys(doc)) {
    out[name] = toPlain(doc[name]);
  }
  return out;
}

function plainScalar(value: object): unknown {
  if (value instanceof Double || value instanceof Int32) {
    return value.valueOf();
  }
  if (value instanceof Long && !(value instanceof Timestamp)) {
    const number = value.toNumber();
    return Number.isSafeInteger(number) ? number : value;
  }
  if (value instanceof BSONRegExp && /^[ims]*$/.test(value.options)) {
    return new RegExp(value.pattern, value.options);
  }
  return value;
}
