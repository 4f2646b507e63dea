import { MongoError, refuseOptionsIf, wrongType } from "../errors";
import { Binary, type Doc, isDocument, toBigInt, typeName } from "../bson/values";

/** Databases of the server itself, which no transaction reads or writes. */
const SERVER_DATABASES = new Set(["admin", "config", "local"]);

/** What of `admin` is about other databases. */
const ON_ADMIN = new Set(["abortTransaction", "bulkWrite", "commitTransaction", "hello"]);

const ENDING = new Set(["abortTransaction", "commitTransaction"]);

const RETRYABLE = new Set([
  "bulkWrite",
  "delete",
  "findAndModify",
  "findandmodify",
  "insert",
  "update",
]);

const WHOLE = new Set(["int", "long"]);

const UUID_BYTES = 16;

const LEVELS = new Set(["local", "majority", "snapshot"]);

/**
 * Refuses fields of sessions and transactions that do not go together.
 * @see https://www.mongodb.com/docs/manual/core/transactions/
 */
export function checkSessionFields(name: string, command: Doc): void {
  const { lsid, txnNumber, autocommit, startTransaction } = command;
  if (lsid !== undefined) {
    checkSessionId(lsid);
  }
  if (txnNumber !== undefined && !WHOLE.has(typeName(txnNumber))) {
    throw wrongType("txnNumber", txnNumber, "long");
  }
  refuseOptionsIf(
    txnNumber !== undefined && lsid === undefined,
    "Transaction number requires a session ID to also be specified",
  );
  refuseOptionsIf(
    txnNumber !== undefined && toBigInt(txnNumber) < 0n,
    "Transaction number cannot be negative",
  );
  refuseOptionsIf(
    autocommit !== undefined && txnNumber === undefined,
    "'autocommit' field requires a transaction number to also be specified",
  );
  refuseOptionsIf(
    autocommit !== undefined && autocommit !== false,
    "Specifying autocommit=true is not allowed.",
  );
  refuseOptionsIf(
    startTransaction !== undefined && autocommit === undefined,
    "'startTransaction' field requires 'autocommit' field to also be specified",
  );
  refuseOptionsIf(
    startTransaction !== undefined && startTransaction !== true,
    "Specifying startTransaction=false is not allowed.",
  );
  if (txnNumber !== undefined && autocommit === undefined) {
    checkRetryable(name);
  }
  if (autocommit !== undefined) {
    checkTransaction(name, command);
  }
}

/** @see https://www.mongodb.com/docs/manual/reference/server-sessions/ */
function checkSessionId(lsid: unknown): void {
  const id = isDocument(lsid) ? lsid["id"] : undefined;
  if (!isDocument(lsid) || !(id instanceof Binary)) {
    throw wrongType("lsid.id", id, "binData");
  }
  if (id.sub_type !== Binary.SUBTYPE_UUID || id.length() !== UUID_BYTES) {
    throw new MongoError(207, "uuid must be a 16-byte binary field with UUID (4) subtype");
  }
}

function checkRetryable(name: string): void {
  if (!RETRYABLE.has(name) && !ENDING.has(name)) {
    throw new MongoError(
      50768,
      "txnNumber may only be provided for multi-document transactions and retryable write commands. " +
        `autocommit:false was not provided, and ${name} is not a retryable write command.`,
    );
  }
}

function checkTransaction(name: string, command: Doc): void {
  const { $db: db, startTransaction, writeConcern } = command;
  const concern = command["readConcern"] as Doc | undefined;
  if (SERVER_DATABASES.has(db as string)) {
    refuseDatabase(name, db as string);
  }
  refuseOptionsIf(
    writeConcern !== undefined && !ENDING.has(name),
    "writeConcern is not allowed within a multi-statement transaction",
  );
  refuseOptionsIf(
    concern !== undefined && startTransaction === undefined,
    "Only the first command in a transaction may specify a readConcern",
  );
  refuseOptionsIf(
    concern?.["level"] !== undefined && !LEVELS.has(concern["level"] as string),
    "The readConcern level must be either 'local' (default), 'majority' or 'snapshot' in order to run in a transaction",
  );
}

function refuseDatabase(name: string, db: string): void {
  if (db !== "admin" || !ON_ADMIN.has(name)) {
    throw new MongoError(263, `Cannot run command against the '${db}' database in a transaction.`);
  }
}
