import { badValue, MongoError } from "../errors";
import { formatDocument } from "../bson/format";
import { type Doc, isDocument, isNumeric, toNumber, typeName } from "../bson/values";
import { isTextLanguage } from "../query/text-query";

const PLUGINS = new Set(["text", "hashed", "2dsphere", "2d"]);

/** Options of createIndexes, in the order listIndexes shows them. */
const OPTIONS = [
  "unique",
  "sparse",
  "background",
  "hidden",
  "expireAfterSeconds",
  "partialFilterExpression",
  "collation",
  "weights",
  "default_language",
  "language_override",
  "textIndexVersion",
  "2dsphereIndexVersion",
  "bits",
  "min",
  "max",
  "wildcardProjection",
  "prepareUnique",
  "storageEngine",
  "clustered",
] as const;

const KNOWN = new Set<string>([...OPTIONS, "key", "name", "v", "ns", "dropDups"]);

/**
 * Checks an index as createIndexes receives it and completes it with its defaults.
 * @see https://www.mongodb.com/docs/manual/reference/command/createIndexes/
 */
export function normalizeIndexSpec(raw: Doc): Doc {
  const unknown = Object.keys(raw).find((field) => !KNOWN.has(field));
  if (unknown !== undefined) {
    throw new MongoError(
      197,
      `Error in specification ${formatDocument(raw)} :: caused by :: The field '${unknown}' is not valid ` +
        "for an index specification",
    );
  }
  const key = raw["key"];
  if (!isDocument(key)) {
    throw new MongoError(9, "The 'key' field is a required property of an index specification");
  }
  checkKey(key);
  if (typeof raw["name"] !== "string" || raw["name"] === "") {
    throw new MongoError(9, "The 'name' field is a required property of an index specification");
  }
  if (raw["name"] === "*") {
    throw badValue("The index name '*' is not valid.");
  }
  const spec: Doc = { v: 2, key: textKey(key), name: raw["name"] };
  for (const option of OPTIONS) {
    if (raw[option] !== undefined && !(isFlag(option) && !raw[option])) {
      spec[option] = isFlag(option) ? true : raw[option];
    }
  }
  delete spec["background"];
  checkOptions(spec, key);
  return completePlugin(spec, key);
}

function isFlag(option: string): boolean {
  return ["unique", "sparse", "hidden", "background"].includes(option);
}

function checkKey(key: Doc): void {
  const entries = Object.entries(key);
  if (entries.length === 0) {
    throw new MongoError(67, "Index keys cannot be an empty object");
  }
  for (const [path, value] of entries) {
    checkPath(path);
    checkDirection(path, value, key);
  }
}

function checkPath(path: string): void {
  if (path === "") {
    throw new MongoError(67, "Index keys cannot be an empty field.");
  }
  if (path.split(".").includes("")) {
    throw new MongoError(67, "Index key contains an empty field name");
  }
  if (path.split(".").some(isOperatorName)) {
    throw new MongoError(
      67,
      `Index key contains an illegal field name: field name starts with '$'.`,
    );
  }
}

/** True for a name that stands for something else in a key; those of a DBRef do not. */
function isOperatorName(part: string): boolean {
  return part.startsWith("$") && !["$**", "$id", "$ref", "$db"].includes(part);
}

function checkDirection(path: string, value: unknown, key: Doc): void {
  if (typeof value === "string") {
    if (!PLUGINS.has(value)) {
      throw new MongoError(67, `Unknown index plugin '${value}'`);
    }
    return;
  }
  if (!isNumeric(value)) {
    throw new MongoError(
      67,
      `Error in specification ${formatDocument({ [path]: value })} :: caused by :: Values in v:2 index key pattern ` +
        `cannot be of type ${typeName(value)}. Only numbers > 0, numbers < 0, and strings are allowed.`,
    );
  }
  if (toNumber(value) === 0 || Number.isNaN(toNumber(value))) {
    throw new MongoError(67, `Values in the index key pattern cannot be 0. ${formatDocument(key)}`);
  }
}

function checkOptions(spec: Doc, key: Doc): void {
  const expire = spec["expireAfterSeconds"];
  if (expire !== undefined) {
    checkExpire(expire, key);
  }
  const partial = spec["partialFilterExpression"];
  if (partial !== undefined && !isDocument(partial)) {
    throw new MongoError(14, "The field 'partialFilterExpression' must be an object");
  }
  if (partial !== undefined && spec["sparse"]) {
    throw new MongoError(67, 'cannot mix "partialFilterExpression" and "sparse" options');
  }
  if (isIdKey(key) && !spec["clustered"]) {
    const refused = Object.keys(spec).find(
      (name) => !["v", "key", "name", "collation"].includes(name),
    );
    if (refused !== undefined) {
      throw new MongoError(
        197,
        `The field '${refused}' is not valid for an _id index specification. Specification: ` +
          formatDocument(spec),
      );
    }
  }
}

const LONGEST_EXPIRY = 2 ** 31 - 1;

/** True for the seconds that documents of a TTL index may stay. */
export function isExpiry(seconds: number): boolean {
  return seconds >= 0 && seconds <= LONGEST_EXPIRY;
}

/**
 * Refuses what a TTL index cannot be.
 * @see https://www.mongodb.com/docs/manual/core/index-ttl/#restrictions
 */
export function checkExpire(expire: unknown, key: Doc): void {
  const seconds = toNumber(expire);
  if (seconds === undefined) {
    throw new MongoError(14, "TTL index 'expireAfterSeconds' option must be numeric");
  }
  if (!isExpiry(seconds)) {
    throw new MongoError(
      67,
      "TTL index 'expireAfterSeconds' option must be within an acceptable range",
    );
  }
  if (Object.keys(key).length > 1) {
    throw new MongoError(
      67,
      "TTL indexes are single-field indexes, compound indexes do not support TTL",
    );
  }
}

export function isIdKey(key: Doc): boolean {
  return Object.keys(key).length === 1 && toNumber(key["_id"]) === 1;
}

/** A text index stores its fields as weights, and two technical keys in their place. */
function textKey(key: Doc): Doc {
  if (!Object.values(key).includes("text")) {
    return key;
  }
  const out: Doc = {};
  for (const [path, value] of Object.entries(key)) {
    if (value !== "text") {
      out[path] = value;
    } else if (!("_fts" in out)) {
      out["_fts"] = "text";
      out["_ftsx"] = 1;
    }
  }
  return out;
}

/** @see https://www.mongodb.com/docs/manual/reference/index-types/wildcard/ */
function checkWildcard(spec: Doc, key: Doc): void {
  const wild = Object.keys(key).filter((path) => path === "$**" || path.endsWith(".$**"));
  const refused = ["unique", "expireAfterSeconds"].find((name) => spec[name] !== undefined);
  if (wild.length > 0 && refused !== undefined) {
    throw new MongoError(67, `Index type 'wildcard' does not support the ${refused} option`);
  }
  if (wild.length > 1) {
    throw new MongoError(67, "wildcard indexes do not allow more than one wildcard field");
  }
  if (spec["wildcardProjection"] !== undefined && wild[0] !== "$**") {
    throw badValue("The field 'wildcardProjection' is only allowed when 'key' is {\"$**\": ±1}");
  }
}

function completePlugin(spec: Doc, key: Doc): Doc {
  checkWildcard(spec, key);
  if (Object.values(key).includes("text")) {
    return completeText(spec, key);
  }
  if (Object.values(key).includes("2dsphere")) {
    spec["2dsphereIndexVersion"] ??= 3;
  }
  if (spec["weights"] !== undefined) {
    throw new MongoError(67, "The field 'weights' can only be specified with text indexes");
  }
  checkHashed(spec, key);
  return spec;
}

/** @see https://www.mongodb.com/docs/manual/core/indexes/index-types/index-hashed/ */
function checkHashed(spec: Doc, key: Doc): void {
  const hashed = Object.values(key).filter((value) => value === "hashed").length;
  if (hashed > 1) {
    throw new MongoError(
      31303,
      `A maximum of one index field is allowed to be hashed but found ${hashed} for 'key' ${formatDocument(key)}`,
    );
  }
  if (hashed > 0 && spec["unique"]) {
    throw new MongoError(
      16764,
      "Currently hashed indexes cannot guarantee uniqueness. Use a regular index.",
    );
  }
}

/** @see https://www.mongodb.com/docs/manual/reference/command/createIndexes/#options-for-text-indexes */
function completeText(spec: Doc, key: Doc): Doc {
  const given = spec["weights"] === "$**" ? { "$**": 1 } : (spec["weights"] ?? {});
  if (!isDocument(given)) {
    throw cannotCreate("text index option 'weights' must be an object");
  }
  const weights: Doc = {};
  const fields = Object.keys(key).filter((path) => key[path] === "text");
  for (const path of [...fields, ...Object.keys(given)].sort()) {
    const weight = given[path] ?? 1;
    checkWeight(path, weight);
    weights[path] = weight;
  }
  spec["weights"] = weights;
  spec["default_language"] = languageOption(spec["default_language"]);
  spec["language_override"] = overrideOption(spec["language_override"]);
  spec["textIndexVersion"] = 3;
  return spec;
}

function cannotCreate(message: string): MongoError {
  return new MongoError(67, message);
}

function checkWeight(path: string, weight: unknown): void {
  if (!isNumeric(weight)) {
    throw cannotCreate("weight for text index needs numeric type");
  }
  const number = Math.trunc(toNumber(weight) as number);
  if (!(number > 0 && number < WEIGHT_END)) {
    throw cannotCreate(
      `text index weight must be in the exclusive interval (0,${WEIGHT_END}) but found: ${number}`,
    );
  }
  if (path === "") {
    throw cannotCreate("weight cannot be on an empty field");
  }
  if (path !== "$**" && path.split(".").some((part) => part.startsWith("$"))) {
    throw cannotCreate("weight cannot have path component with $ prefix");
  }
}

const WEIGHT_END = 100_000;

function languageOption(language: unknown = "english"): string {
  if (typeof language !== "string") {
    throw cannotCreate("default_language needs a string type");
  }
  if (!isTextLanguage(language)) {
    throw cannotCreate("default_language is not valid");
  }
  return language;
}

function overrideOption(field: unknown = "language"): string {
  if (typeof field !== "string") {
    throw cannotCreate("language_override must be a string");
  }
  if (field === "" || field.startsWith("$") || field.includes(".")) {
    throw cannotCreate("language_override is not valid");
  }
  return field;
}
