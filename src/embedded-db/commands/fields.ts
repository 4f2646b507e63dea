import { badValue, MongoError, unknownField } from "../errors";
import { type Doc, textOf } from "../bson/values";

/** What every command may carry, besides names that start with a dollar. */
const GENERIC = new Set([
  "apiDeprecationErrors",
  "apiStrict",
  "apiVersion",
  "autocommit",
  "clientOperationKey",
  "comment",
  "lsid",
  "maxTimeMS",
  "maxTimeMSOpOnly",
  "mayBypassWriteBlocking",
  "readConcern",
  "startTransaction",
  "stmtId",
  "stmtIds",
  "txnNumber",
  "writeConcern",
]);

const WRITE = ["bypassDocumentValidation", "bypassEmptyTsReplacement", "let", "ordered"];

const INTERNAL = ["collectionUUID", "encryptionInformation", "includeQueryStatsMetrics"];

/** The fields of the commands that check them here, as MongoDB documents them. */
const FIELDS: Record<string, ReadonlySet<string>> = fieldSets({
  aggregate: [
    "allowDiskUse",
    "bypassDocumentValidation",
    "bypassEmptyTsReplacement",
    "collation",
    "cursor",
    "explain",
    "hint",
    "let",
    "pipeline",
    "querySettings",
    ...INTERNAL,
  ],
  bulkWrite: ["cursor", "errorsOnly", "nsInfo", "ops", ...WRITE, ...INTERNAL],
  count: ["collation", "fields", "hint", "limit", "query", "skip", ...INTERNAL],
  createIndexes: ["commitQuorum", "ignoreUnknownIndexOptions", "indexes"],
  delete: ["deletes", ...WRITE, ...INTERNAL],
  distinct: ["collation", "hint", "key", "query", ...INTERNAL],
  drop: INTERNAL,
  dropDatabase: [],
  dropIndexes: ["index", ...INTERNAL],
  find: [
    "allowDiskUse",
    "allowPartialResults",
    "awaitData",
    "batchSize",
    "collation",
    "filter",
    "hint",
    "let",
    "limit",
    "max",
    "min",
    "noCursorTimeout",
    "oplogReplay",
    "projection",
    "querySettings",
    "readOnce",
    "returnKey",
    "showRecordId",
    "singleBatch",
    "skip",
    "sort",
    "tailable",
    "term",
    ...INTERNAL,
  ],
  findAndModify: [
    "arrayFilters",
    "collation",
    "fields",
    "hint",
    "new",
    "query",
    "remove",
    "sort",
    "update",
    "upsert",
    ...WRITE,
    ...INTERNAL,
  ],
  getMore: ["batchSize", "collection", "term", ...INTERNAL],
  insert: ["documents", ...WRITE, ...INTERNAL],
  killCursors: ["cursors"],
  listCollections: ["authorizedCollections", "cursor", "filter", "nameOnly"],
  listDatabases: ["authorizedDatabases", "filter", "nameOnly"],
  listIndexes: ["cursor", "includeBuildUUIDs", "includeIndexBuildInfo"],
  renameCollection: ["dropTarget", "stayTemp", "to", ...INTERNAL],
  update: ["updates", ...WRITE, ...INTERNAL],
});

function fieldSets(fields: Record<string, readonly string[]>): Record<string, ReadonlySet<string>> {
  return Object.fromEntries(
    Object.entries(fields).map(([command, names]) => [command, new Set([command, ...names])]),
  );
}

/** Refuses a field that the command does not know: a misspelt option must not pass for a set one. */
export function checkFields(name: string, command: Doc): void {
  const known = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
  for (const field in command) {
    if (known && !known.has(field) && !isGeneric(field)) {
      throw unknownField(name, field);
    }
  }
}

interface StatementFields {
  required: readonly string[];
  optional: readonly string[];
}

/** What a statement of `update` and one of `bulkWrite` may hold. */
const OF_UPDATES = [
  ...["arrayFilters", "collation", "hint", "multi"],
  ...["sampleId", "sort", "upsert", "upsertSupplied"],
];

/** The fields of the statements of write commands. */
const STATEMENTS: Record<string, StatementFields> = {
  "update.updates": {
    required: ["q", "u"],
    optional: ["c", ...OF_UPDATES],
  },
  "delete.deletes": {
    required: ["q", "limit"],
    optional: ["collation", "hint", "sampleId"],
  },
  "bulkWrite.insert": { required: ["insert", "document"], optional: [] },
  "bulkWrite.update": {
    required: ["update", "filter", "updateMods"],
    optional: ["constants", ...OF_UPDATES],
  },
  "bulkWrite.delete": {
    required: ["delete", "filter"],
    optional: ["collation", "hint", "multi", "sampleId"],
  },
};

/**
 * Refuses a statement without a field it needs, or with one it does not know: it would change
 * other documents than were meant.
 */
export function checkStatementFields(kind: string, statement: Doc): void {
  const { required, optional } = STATEMENTS[kind] as StatementFields;
  const missing = required.find((field) => statement[field] === undefined);
  if (missing !== undefined) {
    throw new MongoError(40414, `BSON field '${kind}.${missing}' is missing but a required field`);
  }
  const unknown = Object.keys(statement).find(
    (field) => !required.includes(field) && !optional.includes(field),
  );
  if (unknown !== undefined) {
    throw unknownField(kind, unknown);
  }
}

/** True for what any command may carry. */
export function isGeneric(field: string): boolean {
  return GENERIC.has(field) || field.startsWith("$");
}

/** An option with a few words to choose from; the first is the default. */
export function choice<Word extends string>(
  where: string,
  options: Doc,
  name: string,
  words: readonly Word[],
): Word {
  const given = options[name] ?? words[0];
  const word = words.find((known) => known === given);
  if (word === undefined) {
    throw badValue(
      `Enumeration value '${textOf(given)}' for field '${where}.${name}' is not a valid value.`,
    );
  }
  return word;
}
