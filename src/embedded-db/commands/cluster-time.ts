import { MongoError, typeMismatch } from "../errors";
import { type Doc, isDocument, Timestamp, typeName } from "../bson/values";
import type { Engine } from "../engine";

/** MongoDB's maxAcceptableLogicalClockDriftSecs: a year. */
const MAX_DRIFT_SECONDS = 31_536_000;

/**
 * Takes over the cluster time that a client has heard of elsewhere; the promise resolves when it is
 * stored, undefined says that it was not later than ours. Refuses what is none (14, 4) and a time
 * too far ahead (205).
 * @see https://github.com/mongodb/specifications/blob/master/source/sessions/driver-sessions.md#gossipping-the-cluster-time
 */
export function acceptClusterTime(
  { clock, storage }: Engine,
  { $clusterTime: gossip }: Doc,
): Promise<void> | undefined {
  if (gossip === undefined) {
    return undefined;
  }
  const time = readTime(gossip);
  if (time.compare(clock.known) <= 0) {
    return undefined;
  }
  const now = Math.floor(Date.now() / 1000);
  if (time.t > now + MAX_DRIFT_SECONDS) {
    throw new MongoError(
      205,
      `New cluster time, ${time.t}, is too far from this node's wall clock time, ${now}.`,
    );
  }
  clock.advance(time);
  return clock.keep(storage);
}

function readTime(gossip: unknown): Timestamp {
  if (!isDocument(gossip)) {
    throw wrongType("$clusterTime", "object", gossip);
  }
  const time = gossip["clusterTime"];
  if (time === undefined) {
    throw new MongoError(4, 'Missing expected field "clusterTime"');
  }
  if (!(time instanceof Timestamp)) {
    throw wrongType("clusterTime", "timestamp", time);
  }
  checkSignature(gossip["signature"]);
  return time;
}

/** Who has no key for it leaves it out. */
function checkSignature(signature: unknown): void {
  if (signature !== undefined && !isDocument(signature)) {
    throw wrongType("signature", "object", signature);
  }
}

function wrongType(name: string, expected: string, found: unknown): MongoError {
  return typeMismatch(
    `"${name}" had the wrong type. Expected ${expected}, found ${typeName(found)}`,
  );
}
