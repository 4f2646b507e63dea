import { elementBytes, elementHead, encode } from "../bson/encode";
import type { Timestamp } from "../bson/values";
import { Binary, type Doc, Long } from "../bson/values";

const OPERATION_TIME = elementHead(0x11, "operationTime");

/** Behind the time the zero byte of the document follows. */
const TIME_AT = OPERATION_TIME.length;
const END_AT = TIME_AT + 8;

/**
 * The end of a reply document: `operationTime`, and for who has told one, a later or the same
 * `$clusterTime`. What nearly every reply ends in is written, not encoded.
 * @see https://github.com/mongodb/specifications/blob/master/source/sessions/driver-sessions.md#gossipping-the-cluster-time
 */
export function timesOf(operationTime: Timestamp, clusterTime: Timestamp | undefined): Buffer {
  if (clusterTime) {
    const both = encode({ $clusterTime: unsigned(clusterTime), operationTime });
    return Buffer.concat([elementBytes(both), Buffer.alloc(1)]);
  }
  const bytes = Buffer.allocUnsafe(END_AT + 1);
  OPERATION_TIME.copy(bytes);
  bytes.writeUInt32LE(operationTime.i, TIME_AT);
  bytes.writeUInt32LE(operationTime.t, TIME_AT + 4);
  bytes[END_AT] = 0;
  return bytes;
}

/** Nobody signs cluster times here, as in a replica set without users. */
function unsigned(clusterTime: Timestamp): Doc {
  return { clusterTime, signature: { hash: new Binary(new Uint8Array(20)), keyId: Long.ZERO } };
}
