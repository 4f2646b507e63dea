import { Timestamp } from "./bson/values";
import { metaKey } from "./storage/keys";
import type { Reader, Storage, Writer } from "./storage/storage";

/** When the changes of a commit happened: they may be several, one after the other. */
export interface CommitTime {
  first: Timestamp;
  last: Timestamp;
}

/** The time of the last change that is stored. */
const CHANGED = metaKey("lastChange");

/** A time the clock has reached without a change: it starts no earlier. */
const REACHED = metaKey("clock");

/** Increments within a second; the next one has more. */
const MAX_INCREMENT = 2 ** 31 - 1;

/**
 * The logical clock of the replica set: every change has a time of its own, and none is given
 * twice, whatever the system's clock does and however often the server starts.
 *
 * Behind every commit it goes on by one, as if a no-op of the oplog followed: what a client is told
 * when it reads lies between the last change and the next.
 * @see https://www.mongodb.com/docs/manual/core/read-isolation-consistency-recency/#operation-time
 */
export class LogicalClock {
  /** All that was ever changed before this run was changed before this time. */
  readonly beginning: Timestamp;
  private changedAt: Timestamp;
  private appliedAt: Timestamp;
  private knownAt: Timestamp;

  /** The clock of a store, which from now on starts no earlier than this. */
  static async open(storage: Storage): Promise<LogicalClock> {
    const clock = new LogicalClock(storage);
    await clock.keep(storage);
    return clock;
  }

  private constructor(store: Reader) {
    const changed = read(store, CHANGED);
    const reached = latest(changed && after(changed), read(store, REACHED));
    this.appliedAt = latest(systemTime(), reached);
    this.beginning = changed ? after(changed) : this.appliedAt;
    this.changedAt = changed ?? this.beginning;
    this.knownAt = this.appliedAt;
  }

  /** The time of the state that everybody reads. */
  get applied(): Timestamp {
    return this.appliedAt;
  }

  /** The time of the youngest change in that state. */
  get changed(): Timestamp {
    return this.changedAt;
  }

  /** The latest time anybody has told: the cluster time. */
  get known(): Timestamp {
    return this.knownAt;
  }

  /** Gives a commit its time, which it stores: so many moments, one after the other. */
  tick(writer: Writer, moments: number): CommitTime {
    if (moments === 0) {
      return { first: this.appliedAt, last: this.appliedAt };
    }
    const next = latest(systemTime(), after(this.knownAt));
    const first = next.i + moments < MAX_INCREMENT ? next : new Timestamp({ t: next.t + 1, i: 1 });
    const last = after(first, moments - 1);
    writer.put(CHANGED, bytesOf(last));
    this.changedAt = last;
    this.appliedAt = after(last);
    this.knownAt = this.appliedAt;
    return { first, last };
  }

  /** Takes over a later cluster time. */
  advance(time: Timestamp): void {
    this.knownAt = time;
  }

  /** Stores how far the clock is. A full disk keeps nobody from reading. */
  async keep(storage: Storage): Promise<void> {
    const bytes = bytesOf(this.knownAt);
    await storage.write((writer) => writer.put(REACHED, bytes)).catch(() => undefined);
  }
}

/** The time so many moments later. */
export function after(time: Timestamp, moments = 1): Timestamp {
  return new Timestamp({ t: time.t, i: time.i + moments });
}

function latest(time: Timestamp, other: Timestamp | undefined): Timestamp;
function latest(time: Timestamp | undefined, other: Timestamp | undefined): Timestamp | undefined;
function latest(time: Timestamp | undefined, other: Timestamp | undefined): Timestamp | undefined {
  return time && other ? (time.compare(other) < 0 ? other : time) : (time ?? other);
}

function systemTime(): Timestamp {
  return new Timestamp({ t: Math.floor(Date.now() / 1000), i: 1 });
}

function bytesOf({ t, i }: Timestamp): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeUInt32BE(t, 0);
  bytes.writeUInt32BE(i, 4);
  return bytes;
}

function read(store: Reader, key: Buffer): Timestamp | undefined {
  const bytes = store.get(key);
  return bytes && new Timestamp({ t: bytes.readUInt32BE(0), i: bytes.readUInt32BE(4) });
}
