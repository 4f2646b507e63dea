import { decode } from "../bson/decode";
import type { Timestamp } from "../bson/values";
import type { Collection } from "../catalog/collection";
import { MongoError } from "../errors";
import type { LogicalClock } from "../logical-clock";
import { catalogKey, catalogRange, countsKey } from "../storage/keys";
import type { Snapshot, Storage } from "../storage/storage";
import type { Transactions } from "./transactions";

/** Each holds a reader of the store; beyond them the oldest goes. */
const MAX_KEPT = 100;

/** All data at one time, to be read for as long as it is kept. */
export class PastState {
  private readers = 0;
  private kept = true;

  constructor(
    private readonly snapshot: Snapshot,
    /** When the last change before it was made. */
    readonly changedAt: Timestamp,
    /** Until when it is known that nothing was changed after it. */
    public knownUntil: Timestamp,
    private readonly moment: number,
    /** When somebody was last given its time. */
    public usedAt: number,
  ) {}

  /** A view of it; release it. */
  read(): Snapshot {
    const { snapshot } = this;
    let released = false;
    this.readers++;
    return {
      get: (key) => snapshot.get(key),
      range: (range) => snapshot.range(range),
      count: (range) => snapshot.count(range),
      release: () => {
        this.readers -= released ? 0 : 1;
        released = true;
        this.releaseUnused();
      },
    };
  }

  /** It is kept no longer: the last reader gives it back. */
  forget(): void {
    this.kept = false;
    this.releaseUnused();
  }

  isOf(time: Timestamp): boolean {
    return time.compare(this.changedAt) >= 0 && time.compare(this.knownUntil) <= 0;
  }

  /**
   * The collection of a name at that time, given the one that has it now. Throws 246 when it is
   * another one now, or has an index that does not lead to what there was.
   */
  collectionOf(db: string, name: string, now: Collection | undefined): Collection | undefined {
    const record = now && this.snapshot.get(catalogKey(now.id));
    const isThere = now && record ? isNamed(record, db, name) : false;
    if (now && isThere && now.indexedAt <= this.moment) {
      return now;
    }
    if (isThere || this.hadCollection(db, name)) {
      throw new MongoError(
        246,
        "Unable to read from a snapshot due to pending collection catalog changes; please retry the operation.",
      );
    }
    return undefined;
  }

  countOf({ id }: Collection): number {
    return this.snapshot.get(countsKey(id))?.readDoubleBE(0) ?? 0;
  }

  private hadCollection(db: string, name: string): boolean {
    for (const { value } of this.snapshot.range(catalogRange())) {
      if (isNamed(value, db, name)) {
        return true;
      }
    }
    return false;
  }

  private releaseUnused(): void {
    if (!this.kept && this.readers === 0) {
      this.snapshot.release();
    }
  }
}

/**
 * The states that reads with `readConcern: { level: "snapshot" }` outside of transactions come back
 * to: those whose time a client was told, for a while.
 * @see https://www.mongodb.com/docs/manual/reference/read-concern-snapshot/
 */
export class PastStates {
  private kept: PastState[] = [];

  constructor(
    private readonly storage: Storage,
    private readonly clock: LogicalClock,
    private readonly transactions: Transactions,
    /** MongoDB's minSnapshotHistoryWindowInSeconds. */
    private readonly windowSeconds: () => number,
  ) {}

  /** The state at a time that is not to come; throws 239 when it is not kept, or no longer. */
  at(time: Timestamp): PastState {
    this.sweep(Date.now());
    if (time.compare(this.clock.changed) >= 0) {
      return this.current(time);
    }
    const state = this.kept.find((known) => known.isOf(time));
    if (!state) {
      throw tooOld(time);
    }
    return state;
  }

  /** Refuses a time since which something has changed. */
  requireCurrent(time: Timestamp): void {
    if (time.compare(this.clock.changed) < 0) {
      throw tooOld(time);
    }
  }

  /** Forgets the states that are too old. */
  sweep(now: number): void {
    const oldest = now - this.windowSeconds() * 1000;
    const stays = (state: PastState, at: number) =>
      state.usedAt > oldest && at >= this.kept.length - MAX_KEPT;
    this.kept.filter((state, at) => !stays(state, at)).forEach((state) => state.forget());
    this.kept = this.kept.filter(stays);
  }

  close(): void {
    this.kept.splice(0).forEach((state) => state.forget());
  }

  private current(time: Timestamp): PastState {
    const { changed } = this.clock;
    const last = this.kept.at(-1);
    if (last?.changedAt.equals(changed)) {
      last.usedAt = Date.now();
      last.knownUntil = time.compare(last.knownUntil) > 0 ? time : last.knownUntil;
      return last;
    }
    const { now } = this.transactions;
    const state = new PastState(this.storage.snapshot(), changed, time, now, Date.now());
    this.kept.push(state);
    return state;
  }
}

function isNamed(record: Buffer, db: string, name: string): boolean {
  const found = decode(record, { only: NAMES });
  return found["db"] === db && found["name"] === name;
}

const NAMES = new Set(["db", "name"]);

function tooOld({ t, i }: Timestamp): MongoError {
  return new MongoError(
    239,
    `Read timestamp Timestamp(${t}, ${i}) is older than the oldest available timestamp.`,
  );
}
