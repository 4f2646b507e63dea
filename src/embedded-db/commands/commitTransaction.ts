import { MongoError } from "../errors";
import type { Doc } from "../bson/values";
import type { SessionRequest } from "../sessions/sessions";
import { noSuchTransaction } from "../sessions/sessions";
import type { CommandContext } from "./context";

/** @see https://www.mongodb.com/docs/manual/reference/command/commitTransaction/ */
export async function commitTransaction(context: CommandContext): Promise<Doc> {
  const request = requireTransaction(context);
  const { session, txnNumber } = request;
  if (session.txnNumber === txnNumber && session.state === "committed") {
    return {};
  }
  const transaction = context.engine.sessions.transactionFor(request);
  const asked = transaction.committing;
  const changes = await context.engine.sessions.commit(request, transaction);
  if (!asked) {
    context.engine.publish(changes, transaction.unit.time);
  }
  context.operationTime = transaction.unit.time?.last;
  return {};
}

/** @see https://www.mongodb.com/docs/manual/reference/command/abortTransaction/ */
export async function abortTransaction(context: CommandContext): Promise<Doc> {
  const request = requireTransaction(context);
  if (request.session.state === "aborted" && request.session.txnNumber === request.txnNumber) {
    throw noSuchTransaction(
      `Transaction with { txnNumber: ${request.txnNumber} } has been aborted.`,
    );
  }
  context.engine.sessions.transactionFor(request);
  await context.engine.sessions.abort(request.session);
  return {};
}

function requireTransaction(context: CommandContext): SessionRequest {
  const request = context.sessionRequest;
  if (!request?.inTransaction) {
    throw new MongoError(125, `${context.name} must be run within a transaction`);
  }
  return request;
}
