import { badValue, MongoError, typeMismatch, unknownField } from "../errors";
import { encode } from "../bson/encode";
import { type Doc, double, isDocument, Long, toNumber } from "../bson/values";
import { enforceCap } from "../catalog/capped";
import type { Collection } from "../catalog/collection";
import type { WriteUnit } from "../sessions/write-unit";
import { updateDocuments, type UpdateOutcome } from "../update/execute";
import type { CommandContext } from "./context";
import { deleteDocuments } from "./delete";
import { checkStatementFields } from "./fields";
import { parseStatement } from "./update";
import { checkStatements, refuseRetryable, runStatements } from "./write-errors";

/** The sums the reply begins with. */
interface Totals {
  nInserted: number;
  nMatched: number;
  nModified: number;
  nUpserted: number;
  nDeleted: number;
}

/** One operation, in the collection its number stands for, if there is one; answers its part of the reply. */
type Run = (
  context: CommandContext,
  unit: WriteUnit,
  collection: Collection | undefined,
  operation: Doc,
  totals: Totals,
) => Doc;

const OPERATIONS: Record<string, Run> = {
  delete: runDelete,
  insert: runInsert,
  update: runUpdate,
};

/** @see https://www.mongodb.com/docs/manual/reference/command/bulkWrite/ */
export async function bulkWrite(context: CommandContext): Promise<Doc> {
  const operations = context.array("ops");
  checkStatements("bulkWrite", operations);
  const namespaces = namespacesOf(context);
  const checked = operations.map((operation) => checkOperation(operation, namespaces.length));
  refuseRetryable(context, checked, ({ multi }) => multi === true, "multi=true");
  return context.write((unit) => {
    const collections = namespaces.map(({ db, name }, at) =>
      checked.some((operation) => storesInto(operation, at))
        ? context.findOrCreate(unit, name, db)
        : context.findWritable(name, db),
    );
    const totals = { nInserted: 0, nMatched: 0, nModified: 0, nUpserted: 0, nDeleted: 0 };
    const results: Doc[] = [];
    const errors = runStatements(context, checked, (operation, idx) => {
      results.push({ ok: double(1), idx, ...run(context, unit, collections, operation, totals) });
    });
    collections.forEach((collection) => collection && enforceCap(unit, collection));
    return reply(totals, context.flag("errorsOnly") ? [] : results, errors);
  });
}

/** True for an operation that needs a collection to store a document in. */
function storesInto(operation: Doc, namespace: number): boolean {
  const [name = ""] = Object.keys(operation);
  return (
    toNumber(operation[name]) === namespace && (name === "insert" || operation["upsert"] === true)
  );
}

function namespacesOf(context: CommandContext): { db: string; name: string }[] {
  return context.array("nsInfo").map((info) => {
    const ns = isDocument(info) ? info["ns"] : undefined;
    const dot = typeof ns === "string" ? ns.indexOf(".") : -1;
    if (typeof ns !== "string" || dot <= 0) {
      throw new MongoError(73, `Invalid namespace specified '${String(ns)}'`);
    }
    return { db: ns.slice(0, dot), name: ns.slice(dot + 1) };
  });
}

function run(
  context: CommandContext,
  unit: WriteUnit,
  collections: readonly (Collection | undefined)[],
  operation: Doc,
  totals: Totals,
): Doc {
  const [name = ""] = Object.keys(operation);
  const apply = OPERATIONS[name] as Run;
  const collection = collections[toNumber(operation[name]) as number];
  return apply(context, unit, collection, operation, totals);
}

/** A command with a bad operation writes nothing. */
function checkOperation(operation: unknown, namespaces: number): Doc {
  if (!isDocument(operation)) {
    throw typeMismatch("BSON field 'bulkWrite.ops' must hold objects only");
  }
  const [name = ""] = Object.keys(operation);
  if (!Object.hasOwn(OPERATIONS, name)) {
    throw unknownField("bulkWrite.ops", name);
  }
  checkStatementFields(`bulkWrite.${name}`, operation);
  const place = toNumber(operation[name]) ?? -1;
  if (!Number.isInteger(place) || place < 0 || place >= namespaces) {
    throw badValue(`BulkWrite ops entry ${name} has an invalid nsInfo index: ${place}`);
  }
  return operation;
}

function runInsert(
  context: CommandContext,
  unit: WriteUnit,
  collection: Collection | undefined,
  operation: Doc,
  totals: Totals,
): Doc {
  const { document } = operation;
  if (!isDocument(document)) {
    throw typeMismatch("BSON field 'bulkWrite.ops.document' must be an object");
  }
  collection?.insert(unit, encode(document), context.flag("bypassDocumentValidation"));
  totals.nInserted++;
  return { n: 1 };
}

function runUpdate(
  context: CommandContext,
  unit: WriteUnit,
  collection: Collection | undefined,
  operation: Doc,
  totals: Totals,
): Doc {
  const { filter, updateMods, constants, ...rest } = operation;
  const statement = parseStatement(context, collection, {
    ...rest,
    q: filter,
    u: updateMods,
    c: constants,
  });
  const outcome: UpdateOutcome = { matched: 0, modified: 0, upserted: [] };
  if (collection) {
    updateDocuments(unit, collection, statement, 0, outcome, context.deadline);
  }
  const [upserted] = outcome.upserted;
  totals.nMatched += outcome.matched;
  totals.nModified += outcome.modified;
  totals.nUpserted += outcome.upserted.length;
  return {
    n: outcome.matched + outcome.upserted.length,
    nModified: outcome.modified,
    ...(upserted ? { upserted: { _id: upserted._id } } : {}),
  };
}

function runDelete(
  context: CommandContext,
  unit: WriteUnit,
  collection: Collection | undefined,
  { filter, multi, collation, hint }: Doc,
  totals: Totals,
): Doc {
  const statement = { q: filter, limit: multi === true ? 0 : 1, collation, hint };
  const n = collection ? deleteDocuments(context, unit, collection, statement) : 0;
  totals.nDeleted += n;
  return { n };
}

/** All results stand in the first batch: 100,000 of them fit into one reply. */
function reply(totals: Totals, results: readonly Doc[], errors: readonly Doc[]): Doc {
  const failed = errors.map(({ index, ...error }) => ({
    ok: double(0),
    idx: index,
    n: 0,
    ...error,
  }));
  const all: Doc[] = [...results, ...failed];
  all.sort((a, b) => Number(a["idx"]) - Number(b["idx"]));
  return {
    cursor: { id: Long.ZERO, firstBatch: all, ns: "admin.$cmd.bulkWrite" },
    nErrors: errors.length,
    ...totals,
  };
}
