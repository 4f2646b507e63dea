import { failedToParse, typeMismatch } from "../errors";
import { type Doc, isDocument, textOf, toNumber } from "../bson/values";
import type { Collection } from "../catalog/collection";
import { collationOr } from "../query/collation";
import { filterArgument, parseFilter } from "../query/filter";
import type { WriteUnit } from "../sessions/write-unit";
import { selectForWriting } from "../update/execute";
import type { CommandContext } from "./context";
import { checkStatementFields } from "./fields";
import { hintOf } from "./query";
import { checkStatements, refuseRetryable, runStatements } from "./write-errors";

/** @see https://www.mongodb.com/docs/manual/reference/command/delete/ */
export async function deleteCommand(context: CommandContext): Promise<Doc> {
  const statements = context.array("deletes");
  checkStatements("delete", statements);
  const checked = statements.map(checkStatement);
  refuseRetryable(context, checked, ({ limit }) => toNumber(limit) === 0, "limit=0");
  return context.write((unit) => {
    const collection = context.findWritable();
    let n = 0;
    const writeErrors = runStatements(context, checked, (statement) => {
      n += collection ? deleteDocuments(context, unit, collection, statement) : 0;
    });
    return writeErrors.length > 0 ? { n, writeErrors } : { n };
  });
}

/** A command with a bad statement deletes nothing. */
function checkStatement(statement: unknown): Doc {
  if (!isDocument(statement)) {
    throw typeMismatch("BSON field 'delete.deletes' must hold objects only");
  }
  checkStatementFields("delete.deletes", statement);
  const limit = toNumber(statement["limit"]);
  if (limit !== 0 && limit !== 1) {
    throw failedToParse(
      `The limit field in delete objects must be 0 or 1. Got ${textOf(statement["limit"])}`,
    );
  }
  return statement;
}

export function deleteDocuments(
  context: CommandContext,
  unit: WriteUnit,
  collection: Collection,
  statement: Doc,
): number {
  const collation = collationOr(statement["collation"], collection);
  const filter = parseFilter(filterArgument("q", statement["q"]), {
    collation,
    variables: context.variables,
  });
  const selection = {
    filter,
    multi: toNumber(statement["limit"]) === 0,
    collation,
    hint: hintOf(statement["hint"]),
    sort: [],
  };
  let n = 0;
  for (const match of selectForWriting(unit, collection, selection, context.deadline)) {
    collection.remove(unit, match, match.doc);
    n++;
  }
  return n;
}
