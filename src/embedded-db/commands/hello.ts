import { setTimeout as sleep } from "node:timers/promises";
import { type Doc, isDocument, Long, ObjectId, type Timestamp, toNumber } from "../bson/values";
import { MAX_DOCUMENT_BYTES, MAX_MESSAGE_BYTES } from "../bson/encode";
import { MongoError } from "../errors";
import { SESSION_MINUTES } from "../sessions/sessions";
import type { CommandContext } from "./context";

/** The name of the one-member replica set this server presents itself as. */
export const SET_NAME = "embedded";

/** Wire version 25 is MongoDB 8.0's. */
const WIRE_VERSION = 25;

/** This server is the primary for as long as it runs: nothing ever counts. */
const TOPOLOGY_VERSION = { processId: new ObjectId(), counter: Long.ZERO };

/** Node's timers hold 31 bits. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/** @see https://www.mongodb.com/docs/manual/reference/command/hello/ */
export async function hello(context: CommandContext): Promise<Doc> {
  await awaitNews(context);
  const { host, id } = context.connection;
  const legacy = context.name !== "hello";
  return {
    ...(context.command["helloOk"] === true || legacy ? { helloOk: true } : {}),
    ...(legacy ? { ismaster: true } : { isWritablePrimary: true }),
    secondary: false,
    setName: SET_NAME,
    setVersion: 1,
    hosts: [host],
    primary: host,
    me: host,
    maxBsonObjectSize: MAX_DOCUMENT_BYTES,
    maxMessageSizeBytes: MAX_MESSAGE_BYTES,
    maxWriteBatchSize: 100_000,
    topologyVersion: TOPOLOGY_VERSION,
    lastWrite: lastWrite(context),
    localTime: new Date(),
    logicalSessionTimeoutMinutes: SESSION_MINUTES,
    connectionId: id,
    minWireVersion: 0,
    maxWireVersion: WIRE_VERSION,
    readOnly: false,
  };
}

/** The place of the last write in the oplog; with one member the majority has it at once. */
export function lastWrite({ engine }: CommandContext): Doc {
  const ts = engine.clock.applied;
  const [opTime, lastWriteDate] = [opTimeOf(ts), dateOf(ts)];
  return { opTime, lastWriteDate, majorityOpTime: opTime, majorityWriteDate: lastWriteDate };
}

/** A time within the one term there is. */
export function opTimeOf(ts: Timestamp): Doc {
  return { ts, t: Long.ONE };
}

export function dateOf({ t }: Timestamp): Date {
  return new Date(t * 1000);
}

/**
 * Waits for a client that knows how things are: until they change, which they do not, the time is
 * over, or the connection ends, which is how the client hears of the end of this server.
 * @see https://github.com/mongodb/specifications/blob/master/source/server-discovery-and-monitoring/server-monitoring.md
 */
async function awaitNews({ command, connection }: CommandContext): Promise<void> {
  const { topologyVersion, maxAwaitTimeMS } = command;
  if (topologyVersion === undefined && maxAwaitTimeMS === undefined) {
    return;
  }
  const ms = toNumber(maxAwaitTimeMS);
  if (!isDocument(topologyVersion) || ms === undefined) {
    throw new MongoError(31368, "A hello must have both 'topologyVersion' and 'maxAwaitTimeMS'");
  }
  if (!(ms >= 0) || !Number.isInteger(ms)) {
    throw new MongoError(31373, "maxAwaitTimeMS must be a non-negative integer");
  }
  if (connection.streaming || isCurrent(topologyVersion)) {
    const { signal } = connection;
    await sleep(Math.min(ms, LONGEST_WAIT_MS), undefined, { signal }).catch(() => undefined);
  }
  connection.streaming = true;
}

function isCurrent({ processId, counter }: Doc): boolean {
  return (
    processId instanceof ObjectId &&
    processId.equals(TOPOLOGY_VERSION.processId) &&
    toNumber(counter) === TOPOLOGY_VERSION.counter.toNumber()
  );
}
