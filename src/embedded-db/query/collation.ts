import { badValue, unknownField } from "../errors";
import { compareStrings, type StringOrder } from "../bson/compare";
import type { Doc } from "../bson/values";

/** How strings are compared, made from a `collation` document. */
export interface Collation {
  spec: Doc;
  order: StringOrder;
  /** Strings that are equal under the collation fold to the same text: the key of an index. */
  fold: (text: string) => string;
}

const FIELDS = new Set([
  "alternate",
  "backwards",
  "caseFirst",
  "caseLevel",
  "locale",
  "maxVariable",
  "normalization",
  "numericOrdering",
  "strength",
  "version",
]);

const STRENGTHS = new Set([1, 2, 3, 4, 5]);

const SENSITIVITY = { 1: "base", 2: "accent", 3: "variant" } as const;

/**
 * Reads a collation document; undefined for the simple (byte by byte) comparison.
 * @see https://www.mongodb.com/docs/manual/reference/collation/
 */
export function parseCollation(spec: unknown): Collation | undefined {
  if (spec === undefined || spec === null) {
    return undefined;
  }
  const doc = spec as Doc;
  const unknown = Object.keys(doc).find((name) => !FIELDS.has(name));
  if (unknown !== undefined) {
    throw unknownField("collation", unknown);
  }
  const strength = doc["strength"] === undefined ? 3 : Number(doc["strength"]);
  if (!STRENGTHS.has(strength)) {
    throw badValue(
      `Enumeration value '${strength}' for field 'collation.strength' is not a valid value.`,
    );
  }
  if (typeof doc["locale"] !== "string") {
    throw badValue('Missing expected field "locale"');
  }
  return doc["locale"] === "simple" ? undefined : makeCollation(doc, doc["locale"]);
}

/** The collation of an operation: the one asked for, `simple` too, or its collection's. */
export function collationOr(
  spec: unknown,
  collection: { collation: Collation | undefined } | undefined,
): Collation | undefined {
  return spec === undefined || spec === null ? collection?.collation : parseCollation(spec);
}

function makeCollation(spec: Doc, locale: string): Collation {
  const strength = Number(spec["strength"] ?? 3);
  const sensitivity = SENSITIVITY[strength as 1 | 2 | 3] ?? "variant";
  const numeric = spec["numericOrdering"] === true;
  const caseLevel = spec["caseLevel"] === true;
  const collator = new Intl.Collator(localeTag(locale), {
    sensitivity: caseLevel && strength === 1 ? "case" : sensitivity,
    numeric,
    caseFirst: caseFirst(spec["caseFirst"]),
    ignorePunctuation: spec["alternate"] === "shifted",
  });
  return {
    spec: normalizeSpec(spec, locale, strength),
    order: (a, b) => collator.compare(a, b) || (strength >= 3 ? compareStrings(a, b) : 0),
    fold: (text) => foldText(text, strength, { caseLevel, numeric }),
  };
}

function localeTag(locale: string): string {
  const tag = knownTag(locale.replaceAll("_", "-").replace(/@.*/, ""));
  if (tag === undefined) {
    throw badValue(`Field 'locale' is invalid in: { locale: "${locale}" }`);
  }
  return tag;
}

function knownTag(locale: string): string | undefined {
  try {
    return Intl.Collator.supportedLocalesOf(locale)[0];
  } catch {
    return undefined;
  }
}

function caseFirst(value: unknown): "upper" | "lower" | "false" {
  return value === "upper" || value === "lower" ? value : "false";
}

function foldText(
  text: string,
  strength: number,
  { caseLevel, numeric }: { caseLevel: boolean; numeric: boolean },
): string {
  let folded = text.normalize("NFD");
  if (strength <= 1) {
    folded = folded.replace(/\p{Mn}/gu, "");
  }
  if (strength <= 2 && !(caseLevel && strength === 1)) {
    folded = folded.toLowerCase().normalize("NFD");
  }
  return numeric ? folded.replace(/(?<!\d)0+(?=\d)/g, "") : folded;
}

/** All fields with their defaults, as listIndexes and listCollections show them. */
function normalizeSpec(spec: Doc, locale: string, strength: number): Doc {
  return {
    locale,
    caseLevel: spec["caseLevel"] ?? false,
    caseFirst: spec["caseFirst"] ?? "off",
    strength,
    numericOrdering: spec["numericOrdering"] ?? false,
    alternate: spec["alternate"] ?? "non-ignorable",
    maxVariable: spec["maxVariable"] ?? "punct",
    normalization: spec["normalization"] ?? false,
    backwards: spec["backwards"] ?? false,
    version: "57.1",
  };
}

/** True when both compare strings alike, so that an index of one serves the other. */
export function sameCollation(a: Collation | undefined, b: Collation | undefined): boolean {
  return JSON.stringify(a?.spec) === JSON.stringify(b?.spec);
}
