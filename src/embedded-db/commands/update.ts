import { failedToParse, typeMismatch } from "../errors";
import { type Doc, isDocument } from "../bson/values";
import type { Collection } from "../catalog/collection";
import { checkTimeSeriesUpdate } from "../catalog/time-series";
import { collationOr } from "../query/collation";
import { filterArgument, parseFilter } from "../query/filter";
import { parseSort } from "../query/sort";
import type { WriteUnit } from "../sessions/write-unit";
import { compileUpdate, refuseExpr } from "../update/update";
import { updateDocuments, type UpdateOutcome, type UpdateStatement } from "../update/execute";
import { type CommandContext, flagOf } from "./context";
import { checkStatementFields } from "./fields";
import { hintOf } from "./query";
import { checkStatements, refuseRetryable, runStatements } from "./write-errors";

/** @see https://www.mongodb.com/docs/manual/reference/command/update/ */
export async function update(context: CommandContext): Promise<Doc> {
  const statements = context.array("updates");
  checkStatements("update", statements);
  const checked = statements.map(checkStatement);
  const upserts = checked.some((statement) => statement["upsert"] === true);
  refuseRetryable(context, checked, ({ multi }) => multi === true, "multi=true");
  return context.write((unit) => {
    const collection = upserts
      ? context.findOrCreate(unit, context.collectionName())
      : context.findWritable();
    const outcome: UpdateOutcome = { matched: 0, modified: 0, upserted: [] };
    const writeErrors = runStatements(context, checked, (statement, index) => {
      runStatement(context, unit, collection, statement, index, outcome);
    });
    const { matched, modified, upserted } = outcome;
    return {
      n: matched + upserted.length,
      nModified: modified,
      ...(upserted.length > 0 ? { upserted } : {}),
      ...(writeErrors.length > 0 ? { writeErrors } : {}),
    };
  });
}

/** A command with a bad statement updates nothing. */
function checkStatement(statement: unknown): Doc {
  if (!isDocument(statement)) {
    throw typeMismatch("BSON field 'update.updates' must hold objects only");
  }
  checkStatementFields("update.updates", statement);
  return FLAGS.every((name) => isPlainFlag(statement[name]))
    ? statement
    : withPlainFlags(statement);
}

const FLAGS = ["multi", "upsert"];

function isPlainFlag(value: unknown): boolean {
  return value === undefined || typeof value === "boolean";
}

/** A number stands for a flag, too. */
function withPlainFlags(statement: Doc): Doc {
  const flag = (name: string) => flagOf("update.updates", name, statement[name] ?? false);
  return { ...statement, multi: flag("multi"), upsert: flag("upsert") };
}

function runStatement(
  context: CommandContext,
  unit: WriteUnit,
  collection: Collection | undefined,
  statement: Doc,
  index: number,
  outcome: UpdateOutcome,
): void {
  const parsed = parseStatement(context, collection, statement);
  if (collection) {
    updateDocuments(unit, collection, parsed, index, outcome, context.deadline);
  }
}

export function parseStatement(
  context: CommandContext,
  collection: Collection | undefined,
  statement: Doc,
): UpdateStatement {
  const collation = collationOr(statement["collation"], collection);
  const variables = { ...context.variables, ...((statement["c"] ?? {}) as Doc) };
  const filter = parseFilter(filterArgument("q", statement["q"]), { collation, variables });
  const arrayFilters = statement["arrayFilters"] as unknown[] | undefined;
  const compiled = compileUpdate(statement["u"], { filter, arrayFilters, collation, variables });
  const multi = statement["multi"] === true;
  refuseExpr(filter, statement["upsert"] === true);
  if (collection?.timeSeries) {
    const upsert = statement["upsert"] === true;
    checkTimeSeriesUpdate(collection.timeSeries, {
      update: statement["u"],
      filter: filter.root,
      multi,
      upsert,
    });
  }
  if (multi && compiled.replacement) {
    throw failedToParse("multi update is not supported for replacement-style update");
  }
  const sort = parseSort(statement["sort"]);
  if (multi && sort.length > 0) {
    throw failedToParse("Cannot specify sort with multi=true");
  }
  return {
    filter,
    update: compiled,
    multi,
    upsert: statement["upsert"] === true,
    collation,
    hint: hintOf(statement["hint"]),
    sort,
    bypassValidation: context.flag("bypassDocumentValidation"),
  };
}
