import { badValue, MongoError, unknownField } from "../errors";
import { compareValues } from "../bson/compare";
import { type Doc, isDocument, textOf, toNumber } from "../bson/values";
import { pipelineArgument, stageEntry } from "../aggregate/stage";
import { roundedCap } from "../catalog/capped";
import { parseTimeSeries } from "../catalog/time-series";
import { isExpiry, isIdKey } from "../index/index-spec";
import { parseCollation } from "../query/collation";
import { parseFilter } from "../query/filter";
import type { CommandContext } from "./context";
import { choice, isGeneric } from "./fields";

/** Options kept and shown by listCollections. */
const OPTIONS = [
  "capped",
  "size",
  "max",
  "validator",
  "validationLevel",
  "validationAction",
  "collation",
  "viewOn",
  "pipeline",
  "timeseries",
  "expireAfterSeconds",
  "clusteredIndex",
  "changeStreamPreAndPostImages",
  "indexOptionDefaults",
  "storageEngine",
] as const;

/** What older clients send, and nothing comes of. */
const IGNORED = new Set(["create", "autoIndexId", "idIndex", "temp", "flags"]);

/** @see https://www.mongodb.com/docs/manual/reference/command/create/ */
export async function create(context: CommandContext): Promise<Doc> {
  const name = context.collectionName();
  const options = collectionOptions(context.command);
  await context.changeCatalog((unit) => {
    const known = context.collections.find(context.db, name);
    if (!known) {
      context.createCollection(unit, context.db, name, options);
    } else if (known.isView || compareValues(known.options, options) !== 0) {
      throw new MongoError(
        48,
        `a ${known.isView ? "view" : "collection"} '${known.ns}' already exists`,
      );
    }
  });
  return {};
}

function collectionOptions(command: Doc): Doc {
  if (command["encryptedFields"] !== undefined) {
    throw new MongoError(238, "Encrypted collections are not supported by the embedded database");
  }
  const unknown = Object.keys(command).find(
    (name) =>
      !isGeneric(name) && !IGNORED.has(name) && !(OPTIONS as readonly string[]).includes(name),
  );
  if (unknown !== undefined) {
    throw unknownField("create", unknown);
  }
  const options: Doc = {};
  for (const name of OPTIONS) {
    if (command[name] !== undefined && command[name] !== null && command[name] !== false) {
      options[name] = command[name];
    }
  }
  checkOptions(options);
  return options;
}

/** @see https://www.mongodb.com/docs/manual/core/clustered-collections/ */
function checkClustered(index: unknown): void {
  if (index === undefined) {
    return;
  }
  const spec: Doc = isDocument(index) ? index : {};
  if (!isDocument(spec["key"]) || !isIdKey(spec["key"]) || spec["unique"] !== true) {
    throw new MongoError(
      197,
      "The clusteredIndex option requires the key { _id: 1 } and unique: true",
    );
  }
}

/** Refuses an `expireAfterSeconds` of a collection that cannot have one, or not this one. */
export function checkExpiry(seconds: unknown, options: Doc): void {
  if (seconds === undefined) {
    return;
  }
  if (options["timeseries"] === undefined && options["clusteredIndex"] === undefined) {
    throw new MongoError(
      72,
      "'expireAfterSeconds' is only supported on time-series collections or when the 'clusteredIndex' option is specified",
    );
  }
  if (!isExpiry(toNumber(seconds) ?? -1)) {
    throw new MongoError(
      72,
      "TTL index 'expireAfterSeconds' option must be numeric and within an acceptable range",
    );
  }
}

/** @see https://www.mongodb.com/docs/manual/changeStreams/#change-streams-with-document-pre--and-post-images */
export function checkImages(images: unknown, options: Doc): void {
  if (images === undefined) {
    return;
  }
  if (!isDocument(images) || typeof images["enabled"] !== "boolean") {
    throw new MongoError(
      40414,
      "BSON field 'changeStreamPreAndPostImages.enabled' is missing but a required field",
    );
  }
  if (options["viewOn"] !== undefined || options["timeseries"] !== undefined) {
    throw new MongoError(
      72,
      "'changeStreamPreAndPostImages' is not supported on views or time-series collections",
    );
  }
}

/** @see https://www.mongodb.com/docs/manual/core/schema-validation/ */
export function checkValidation(command: string, options: Doc): void {
  choice(command, options, "validationLevel", ["strict", "moderate", "off"]);
  choice(command, options, "validationAction", ["error", "warn"]);
  const validator = options["validator"] ?? {};
  if (!isDocument(validator)) {
    throw badValue("'validator' has to be a document.");
  }
  const { text, near } = parseFilter(validator);
  if (text || near) {
    throw badValue(`${text ? "$text" : "$geoNear"} is not allowed in this context`);
  }
}

function checkView(options: Doc): void {
  const refused = Object.keys(options).find(
    (name) => !["viewOn", "pipeline", "collation"].includes(name),
  );
  if (refused !== undefined) {
    throw new MongoError(72, `option not supported on a view: ${refused}`);
  }
  const pipeline = pipelineArgument(options["pipeline"] ?? []);
  const writes = pipeline
    .map((stage) => stageEntry(stage)[0])
    .find((name) => name === "$out" || name === "$merge");
  if (writes !== undefined) {
    throw new MongoError(
      167,
      `The aggregation stage ${writes} of the pipeline cannot be used in the view definition of ${textOf(options["viewOn"])} because it writes to disk`,
    );
  }
  options["pipeline"] = pipeline;
}

function checkOptions(options: Doc): void {
  if (options["timeseries"] !== undefined) {
    options["timeseries"] = parseTimeSeries(options["timeseries"], options);
  }
  checkClustered(options["clusteredIndex"]);
  if (options["clusteredIndex"] !== undefined) {
    options["clusteredIndex"] = { v: 2, name: "_id_", ...(options["clusteredIndex"] as Doc) };
  }
  checkExpiry(options["expireAfterSeconds"], options);
  checkImages(options["changeStreamPreAndPostImages"], options);
  if (options["capped"] !== undefined && toNumber(options["size"]) === undefined) {
    throw new MongoError(72, "the 'size' field is required when 'capped' is true");
  }
  if (options["capped"] !== undefined) {
    options["size"] = roundedCap(options["size"]);
  }
  if (
    options["capped"] === undefined &&
    (options["size"] !== undefined || options["max"] !== undefined)
  ) {
    throw new MongoError(
      72,
      "the 'capped' field needs to be true when either the 'size' or 'max' fields are present",
    );
  }
  if (options["viewOn"] !== undefined) {
    checkView(options);
  } else if (options["pipeline"] !== undefined) {
    throw new MongoError(72, "'pipeline' requires 'viewOn' to also be specified");
  }
  checkValidation("create", options);
  const collation = parseCollation(options["collation"]);
  if (collation) {
    options["collation"] = collation.spec;
  } else {
    delete options["collation"];
  }
}
