import { elementBytes, elementHead, encode } from "../bson/encode";
import { Binary, type Doc, Long, Timestamp } from "../bson/values";

const NO_TIME = Timestamp.fromBits(0, 0);

/** A cluster time that nobody has signed. */
function unsigned(keyId: unknown): Doc {
  const signature = { hash: new Binary(new Uint8Array(20)), keyId };
  return { clusterTime: NO_TIME, signature };
}

/** What a reply ends in, with room for the times; with the zero byte of the document. */
const OPERATION_TIME = endOf({ operationTime: NO_TIME });
const BOTH_TIMES = endOf({ $clusterTime: unsigned(Long.ZERO), operationTime: NO_TIME });

function endOf(fields: Doc): Buffer {
  return Buffer.concat([elementBytes(encode(fields)), Buffer.alloc(1)]);
}

const TIME_BYTES = 8;

const CLUSTER_TIME = elementHead(3, "$clusterTime");

/** How clients send ours back: many of them make an int32 of the long. */
const SENT_BACK = [encode(unsigned(Long.ZERO)), encode(unsigned(0))];

const TIME_AT = 4 + elementHead(0x11, "clusterTime").length;

const CLUSTER_TIME_AT = CLUSTER_TIME.length + TIME_AT;

/**
 * The end of a reply document: `operationTime`, and for who has told one, a later or the same
 * `$clusterTime`. Nobody signs cluster times here, as in a replica set without users.
 * @see https://github.com/mongodb/specifications/blob/master/source/sessions/driver-sessions.md#gossipping-the-cluster-time
 */
export function timesOf(operationTime: Timestamp, clusterTime: Timestamp | undefined): Buffer {
  const template = clusterTime ? BOTH_TIMES : OPERATION_TIME;
  const bytes = Buffer.allocUnsafe(template.length);
  template.copy(bytes);
  if (clusterTime) {
    writeTime(bytes, clusterTime, CLUSTER_TIME_AT);
  }
  writeTime(bytes, operationTime, bytes.length - 1 - TIME_BYTES);
  return bytes;
}

/** The time in a `$clusterTime` that looks like ours, as it does when clients send it back. */
export function ownClusterTime(bytes: Buffer): Timestamp | undefined {
  return SENT_BACK.some((ours) => isSameAround(bytes, ours))
    ? Timestamp.fromBits(bytes.readInt32LE(TIME_AT), bytes.readInt32LE(TIME_AT + 4))
    : undefined;
}

/** True when they differ in the time alone. Calls of Buffer.compare() would take longer. */
function isSameAround(bytes: Buffer, ours: Buffer): boolean {
  if (bytes.length !== ours.length) {
    return false;
  }
  for (let at = 0; at < ours.length; at++) {
    if (bytes[at] !== ours[at] && (at < TIME_AT || at >= TIME_AT + TIME_BYTES)) {
      return false;
    }
  }
  return true;
}

function writeTime(bytes: Buffer, { t, i }: Timestamp, at: number): void {
  bytes.writeUInt32LE(i, at);
  bytes.writeUInt32LE(t, at + 4);
}
