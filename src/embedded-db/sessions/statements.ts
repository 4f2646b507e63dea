import { MongoError, wrongType } from "../errors";
import { type Doc, toNumber } from "../bson/values";

/** Where retryable writes hold their statements; findAndModify is one itself. */
const STATEMENTS: Record<string, string> = {
  bulkWrite: "ops",
  delete: "deletes",
  insert: "documents",
  update: "updates",
};

/** The numbers of a command's statements: named, or one after the other. */
export interface StatementIds {
  count: number;
  first: number;
  named?: readonly number[];
}

/**
 * Reads `stmtIds` or `stmtId` of a command; without them its statements are numbered from 0 on.
 * Refuses both together (72), numbers that are none (14) and more or fewer than statements (16).
 */
export function statementIds(name: string, command: Doc): StatementIds {
  const statements = command[STATEMENTS[name] ?? ""];
  const count = Array.isArray(statements) ? statements.length : 1;
  const { stmtId, stmtIds } = command;
  if (stmtIds === undefined) {
    return { count, first: stmtId === undefined ? 0 : idOf(`${name}.stmtId`, stmtId) };
  }
  if (stmtId !== undefined) {
    throw new MongoError(72, "May not specify both stmtIds and stmtId in write command");
  }
  if (!Array.isArray(stmtIds)) {
    throw wrongType(`${name}.stmtIds`, stmtIds, "array");
  }
  if (stmtIds.length !== count) {
    throw new MongoError(
      16,
      `Number of statement ids must match the number of batch entries. Got ${stmtIds.length} statement ids but ${count} operations.`,
    );
  }
  const named = stmtIds.map((id, at) => idOf(`${name}.stmtIds.${at}`, id));
  return { count, first: named[0] ?? 0, named };
}

/** True for the same statements in the same order. */
export function areSame(some: StatementIds, others: StatementIds): boolean {
  return some.named || others.named
    ? some.count === others.count && allOf(some).every((id, at) => id === idAt(others, at))
    : some.first === others.first && some.count === others.count;
}

/** True when some number stands in both. */
export function overlap(some: StatementIds, others: StatementIds): boolean {
  const known = new Set(allOf(others));
  return allOf(some).some((id) => known.has(id));
}

/**
 * What the reply to a repeated write says more than the first one: which statements had been
 * executed before.
 */
export function retriedFields(name: string, ids: StatementIds, reply: Doc, ordered: boolean): Doc {
  if (name === "findAndModify" || name === "findandmodify") {
    return { retriedStmtId: ids.first };
  }
  const failed = failedPlaces(reply);
  const end = ordered ? Math.min(ids.count, ...failed) : ids.count;
  const executed = allOf(ids).filter((_id, at) => at < end && !failed.includes(at));
  return executed.length > 0 ? { retriedStmtIds: executed } : {};
}

function failedPlaces({ writeErrors, cursor }: Doc): number[] {
  const items = ((cursor as Doc | undefined)?.["firstBatch"] ?? []) as Doc[];
  return [
    ...((writeErrors ?? []) as Doc[]).map(({ index }) => index),
    ...items.filter(({ ok }) => toNumber(ok) === 0).map(({ idx }) => idx),
  ].map(Number);
}

function allOf(ids: StatementIds): number[] {
  return Array.from({ length: ids.count }, (_, at) => idAt(ids, at));
}

function idAt({ first, named }: StatementIds, at: number): number {
  return named?.[at] ?? first + at;
}

function idOf(field: string, value: unknown): number {
  const id = toNumber(value);
  if (id === undefined || !Number.isInteger(id)) {
    throw wrongType(field, value, "int");
  }
  return id;
}
