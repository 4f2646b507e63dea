import { MongoError } from "../errors";
import { type Doc, isDocument } from "../bson/values";
import type { CommandContext } from "./context";

/** Write conflicts and passed deadlines fail the command, not the statement. */
const OF_THE_COMMAND = new Set([50, 112]);

/** Most statements one command may hold. */
const MAX_STATEMENTS = 100_000;

function writeError(index: number, error: MongoError): Doc {
  return { index, code: error.code, ...error.details, errmsg: error.message };
}

/**
 * Refuses a retryable write with a statement for many documents (72).
 * @see https://www.mongodb.com/docs/manual/core/retryable-writes/
 */
export function refuseRetryable(
  { sessionRequest }: CommandContext,
  statements: readonly unknown[],
  isMulti: (statement: Doc) => boolean,
  sign: string,
): void {
  if (!sessionRequest || sessionRequest.inTransaction) {
    return;
  }
  if (statements.some((statement) => isDocument(statement) && isMulti(statement))) {
    throw new MongoError(72, `Cannot use (or request) retryable writes with ${sign}`);
  }
}

/**
 * Runs the statements of a write command one after the other. Ordered commands stop at the first
 * error; the writes of the statements before it stay. A transaction ends with its first error.
 */
export function runStatements<T>(
  context: CommandContext,
  statements: readonly T[],
  run: (statement: T, index: number) => void,
): Doc[] {
  const stops = context.flag("ordered", true) || context.inTransaction;
  const errors: Doc[] = [];
  for (const [index, statement] of statements.entries()) {
    try {
      run(statement, index);
    } catch (error) {
      if (!(error instanceof MongoError) || OF_THE_COMMAND.has(error.code)) {
        throw error;
      }
      errors.push(writeError(index, error));
      if (stops) {
        break;
      }
    }
  }
  return errors;
}

export function checkStatements(name: string, statements: readonly unknown[]): void {
  if (statements.length === 0 || statements.length > MAX_STATEMENTS) {
    throw new MongoError(
      16,
      `Write batch sizes must be between 1 and ${MAX_STATEMENTS}. Got ${statements.length} operations in ${name}.`,
    );
  }
}
