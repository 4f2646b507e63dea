import { badValue, failedToParse, MongoError, refuseOptionsIf, wrongType } from "../errors";
import { type Doc, isDocument, textOf, Timestamp, toNumber } from "../bson/values";

const LEVELS = new Set(["local", "available", "majority", "linearizable", "snapshot"]);

/** Members a write concern may ask for, as MongoDB parses it. */
const MAX_MEMBERS = 50;

const MAX_TIME_MS = 2 ** 31 - 1;

/** Commands that take other read concerns than `local`; drivers send a session's with its cursors, too. */
const READING = new Set([
  ...["aggregate", "count", "distinct", "explain", "find"],
  ...["getMore", "killCursors"],
]);

/** Levels that wait for a time. */
const CAUSAL = new Set(["local", "majority", "snapshot"]);

/**
 * Refuses a read concern that MongoDB does not know (2, 14), or not for this command, or that names
 * a time later than the known one (72). In a transaction it is the transaction's.
 * @see https://www.mongodb.com/docs/manual/reference/read-concern/
 */
export function checkReadConcern(name: string, command: Doc, known: Timestamp): void {
  const concern = command["readConcern"];
  const level = isDocument(concern) ? concern["level"] : undefined;
  if (level !== undefined && !LEVELS.has(textOf(level))) {
    throw badValue(
      `Enumeration value '${textOf(level)}' for field 'readConcern.level' is not a valid value.`,
    );
  }
  const isSupported =
    level === undefined ||
    level === "local" ||
    command["autocommit"] !== undefined ||
    (READING.has(name) && !(name === "count" && level === "snapshot"));
  if (!isSupported) {
    throw new MongoError(
      72,
      `Command ${name} does not support { readConcern: { level: "${textOf(level)}", provenance: "clientSupplied" } } :: caused by :: read concern not supported`,
    );
  }
  if (isDocument(concern)) {
    checkReadTimes(concern, known);
  }
}

/** Commands that read a snapshot outside of transactions. */
const OF_SNAPSHOTS = new Set(["aggregate", "distinct", "find"]);

/**
 * The time of the snapshot that a read asks for, which is now when it names none; undefined for any
 * other command.
 * @see https://www.mongodb.com/docs/manual/reference/read-concern-snapshot/
 */
export function snapshotTime(name: string, command: Doc, now: Timestamp): Timestamp | undefined {
  const concern = command["readConcern"];
  return isDocument(concern) && concern["level"] === "snapshot" && OF_SNAPSHOTS.has(name)
    ? ((concern["atClusterTime"] as Timestamp | undefined) ?? now)
    : undefined;
}

/**
 * With one member, every state that has been told of is there to be read: nobody waits for a time.
 * @see https://www.mongodb.com/docs/manual/reference/read-concern/#afterclustertime
 */
function checkReadTimes(concern: Doc, known: Timestamp): void {
  const { afterClusterTime: after, atClusterTime: at, level } = concern;
  checkReadTime("afterClusterTime", after, known);
  checkReadTime("atClusterTime", at, known);
  refuseOptionsIf(
    after !== undefined && at !== undefined,
    "Specifying a timestamp for both atClusterTime and afterClusterTime is not allowed",
  );
  refuseOptionsIf(
    after !== undefined && level !== undefined && !CAUSAL.has(level as string),
    "afterClusterTime field can be set only if level is equal to majority, local, or snapshot",
  );
  refuseOptionsIf(
    at !== undefined && level !== "snapshot",
    "atClusterTime field can be set only if level is equal to snapshot",
  );
}

function checkReadTime(name: string, time: unknown, known: Timestamp): void {
  if (time === undefined) {
    return;
  }
  if (!(time instanceof Timestamp)) {
    throw wrongType(`readConcern.${name}`, time, "timestamp");
  }
  refuseOptionsIf(time.isZero(), `${name} cannot be a null timestamp`);
  refuseOptionsIf(
    time.compare(known) > 0,
    `readConcern ${name} value must not be greater than the current clusterTime. ` +
      `Requested clusterTime: ${timeText(time)}; current clusterTime: ${timeText(known)}`,
  );
}

function timeText({ t, i }: Timestamp): string {
  return `{ ts: Timestamp(${t}, ${i}) }`;
}

/**
 * Refuses a time limit that is no number of milliseconds.
 * @see https://www.mongodb.com/docs/manual/reference/method/cursor.maxTimeMS/
 */
export function checkMaxTime(limit: unknown): void {
  if (limit === undefined) {
    return;
  }
  const ms = toNumber(limit);
  if (ms === undefined) {
    throw badValue("maxTimeMS must be a number");
  }
  if (ms <= -1 || ms >= MAX_TIME_MS + 1) {
    throw badValue(`${ms} value for maxTimeMS is out of range [0, ${MAX_TIME_MS}]`);
  }
  if (!Number.isInteger(ms)) {
    throw badValue("maxTimeMS has non-integral value");
  }
}

/**
 * What the reply of a write says about a concern that one member cannot satisfy: the write itself
 * has happened.
 * @see https://www.mongodb.com/docs/manual/reference/write-concern/
 */
export function writeConcernError(concern: unknown): Doc | undefined {
  const w = isDocument(concern) ? concern["w"] : undefined;
  const members = toNumber(w);
  if (members !== undefined && (members < 0 || members > MAX_MEMBERS)) {
    throw failedToParse(`w has to be a non-negative number and not greater than ${MAX_MEMBERS}`);
  }
  if (members !== undefined && members > 1) {
    return described(new MongoError(100, "Not enough data-bearing nodes"));
  }
  if (typeof w === "string" && w !== "majority") {
    return described(
      new MongoError(79, `No write concern mode named '${w}' found in replica set configuration`),
    );
  }
  return undefined;
}

/**
 * True when a write must be on disk before it is answered.
 * @see https://www.mongodb.com/docs/manual/reference/write-concern/#acknowledgment-behavior
 */
export function isJournaled(concern: unknown): boolean {
  if (!isDocument(concern)) {
    return false;
  }
  const { j, w } = concern;
  return j === undefined ? w === "majority" : j === true || Boolean(toNumber(j));
}

function described({ code, codeName, message }: MongoError): Doc {
  return { code, codeName, errmsg: message };
}
