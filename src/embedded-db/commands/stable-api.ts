import { MongoError, typeMismatch } from "../errors";
import { type Doc, isDocument } from "../bson/values";

/** The commands of version 1, sorted. */
const COMMANDS = new Set([
  "abortTransaction",
  "aggregate",
  "authenticate",
  "bulkWrite",
  "collMod",
  "commitTransaction",
  "count",
  "create",
  "createIndexes",
  "delete",
  "drop",
  "dropDatabase",
  "dropIndexes",
  "endSessions",
  "explain",
  "find",
  "findAndModify",
  "getMore",
  "hello",
  "insert",
  "killCursors",
  "listCollections",
  "listDatabases",
  "listIndexes",
  "ping",
  "refreshSessions",
  "update",
]);

/** Fields of those commands that are not in it. */
const FIELDS_OUTSIDE: Record<string, readonly string[]> = {
  aggregate: ["explain"],
  create: ["autoIndexId", "capped", "indexOptionDefaults", "max", "size", "storageEngine"],
  find: [
    "awaitData",
    "max",
    "min",
    "noCursorTimeout",
    "oplogReplay",
    "returnKey",
    "showRecordId",
    "tailable",
  ],
};

const INDEX_FIELDS_OUTSIDE = ["background", "bucketSize", "sparse", "storageEngine"];

const STAGES_OUTSIDE = new Set([
  "$currentOp",
  "$indexStats",
  "$listLocalSessions",
  "$listSampledQueries",
  "$listSearchIndexes",
  "$listSessions",
  "$planCacheStats",
  "$querySettings",
  "$queryStats",
  "$rankFusion",
  "$search",
  "$searchMeta",
  "$shardedDataDistribution",
  "$vectorSearch",
]);

/**
 * Refuses a version of the API that is not known, and what lies outside of it for a strict client.
 * @see https://www.mongodb.com/docs/manual/reference/stable-api/
 */
export function checkStableApi(name: string, command: Doc): void {
  const { apiVersion, apiStrict, apiDeprecationErrors } = command;
  if (apiVersion === undefined) {
    if (apiStrict === true || apiDeprecationErrors === true) {
      throw new MongoError(
        72,
        "Provided apiStrict and/or apiDeprecationErrors without passing apiVersion",
      );
    }
    return;
  }
  if (typeof apiVersion !== "string") {
    throw typeMismatch("BSON field 'apiVersion' is the wrong type, expected type 'string'");
  }
  if (apiVersion !== "1") {
    throw new MongoError(322, 'API version must be "1"');
  }
  if (apiStrict === true) {
    checkStrictly(name, command);
  }
}

function checkStrictly(name: string, command: Doc): void {
  if (!COMMANDS.has(name)) {
    throw strictError(
      `Provided apiStrict:true, but the command ${name} is not in API Version 1. Information on supported commands and migrations in API Version 1 can be found at https://dochub.mongodb.org/core/manual-versioned-api`,
    );
  }
  refuseFields(name, command, FIELDS_OUTSIDE[name] ?? []);
  checkPipeline(command["pipeline"]);
  if (name === "createIndexes") {
    elementsOf(command["indexes"]).forEach(checkIndex);
  }
  if (name === "explain" && isDocument(command["explain"])) {
    const { explain } = command;
    checkStrictly(Object.keys(explain)[0] ?? "", explain);
  }
}

function refuseFields(where: string, given: Doc, outside: readonly string[]): void {
  const field = outside.find((name) => given[name] !== undefined);
  if (field !== undefined) {
    throw strictError(`BSON field '${where}.${field}' is not allowed with apiStrict:true.`);
  }
}

function checkIndex(spec: unknown): void {
  if (isDocument(spec)) {
    refuseFields("createIndexes.indexes", spec, INDEX_FIELDS_OUTSIDE);
    if (isDocument(spec["key"]) && Object.values(spec["key"]).includes("text")) {
      throw strictError("text indexes cannot be created with apiStrict: true");
    }
  }
}

/** Looks into the pipelines within stages, too. */
function checkPipeline(pipeline: unknown): void {
  for (const [name, argument] of elementsOf(pipeline).filter(isDocument).flatMap(Object.entries)) {
    if (STAGES_OUTSIDE.has(name)) {
      throw strictError(`${name} is not allowed with 'apiStrict: true' in API Version 1`);
    }
    if (name === "$collStats" && isDocument(argument)) {
      checkCollStats(argument);
    }
    if (isDocument(argument)) {
      const inner = name === "$facet" ? Object.values(argument) : [argument["pipeline"]];
      inner.forEach(checkPipeline);
    }
  }
}

function checkCollStats(argument: Doc): void {
  const field = Object.keys(argument).find((name) => name !== "count");
  if (field !== undefined) {
    throw strictError(
      `$collStats with '${field}' is not allowed with 'apiStrict: true' in API Version 1`,
    );
  }
}

function elementsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function strictError(message: string): MongoError {
  return new MongoError(323, message);
}
