import { MongoError } from "./errors";
import { type Doc, isDocument, type Timestamp } from "./bson/values";
import type { Collection } from "./catalog/collection";
import { after, type CommitTime } from "./logical-clock";
import type { Change } from "./sessions/write-unit";

/** The youngest changes are kept in memory, up to these limits. */
const MAX_ENTRIES = 10_000;
const MAX_BYTES = 8 * 1024 * 1024;

/** One committed change with its place in the order of all. */
export interface HistoryEntry {
  position: number;
  clusterTime: Timestamp;
  wallTime: Date;
  /** The collection's name at that time. */
  ns: { db: string; coll: string };
  change: Change;
}

/** Changes of one collection that were committed together; position and time are those of the first. */
interface Batch extends Omit<HistoryEntry, "change"> {
  changes: ChangeList;
  bytes: number;
  /** Of a transaction, all changes of which happen at one time. */
  atOnce: boolean;
}

/** An array of changes, or what keeps them in less room. */
interface ChangeList {
  readonly length: number;
  at(index: number): Change | undefined;
}

/** Documents that were inserted together: two objects for the collector instead of two for each. */
class Insertions implements ChangeList {
  private readonly first: Change;
  private readonly documents: Buffer;
  private readonly ends: Uint32Array;

  constructor(changes: readonly Change[]) {
    let end = 0;
    this.first = { ...(changes[0] as Change), bytes: NOTHING };
    this.documents = Buffer.concat(changes.map(({ bytes }) => bytes ?? NOTHING));
    this.ends = Uint32Array.from(changes, ({ bytes }) => (end += bytes?.length ?? 0));
  }

  get length(): number {
    return this.ends.length;
  }

  at(index: number): Change | undefined {
    const bytes = this.documents.subarray(this.ends[index - 1] ?? 0, this.ends[index]);
    return index < this.length ? { ...this.first, bytes } : undefined;
  }
}

const NOTHING = Buffer.alloc(0);

/** The time of a change of a batch. */
function timeOf({ clusterTime, atOnce }: Batch, index: number): Timestamp {
  return atOnce ? clusterTime : after(clusterTime, index);
}

/** What change streams read: the committed changes of this run of the server, in order. */
export class ChangeHistory {
  /** In batches, because most of what is noted is forgotten before anybody asks for it. */
  private batches: Batch[] = [];
  private entries = 0;
  private bytes = 0;
  private last = 0;

  /**
   * From `beginning` on every change is remembered. `run` tells the tokens of this run from those
   * of earlier ones, whose changes are gone.
   */
  constructor(
    private beginning: Timestamp,
    private readonly run = Date.now(),
  ) {}

  /** The position of the youngest change. */
  get position(): number {
    return this.last;
  }

  note(changes: readonly Change[], { first, last }: CommitTime): void {
    const wallTime = new Date();
    const atOnce = first.equals(last);
    for (let start = 0; start < changes.length;) {
      const { collection } = changes[start] as Change;
      let end = start + 1;
      while (changes[end]?.collection === collection) {
        end++;
      }
      const isAll = end - start === changes.length;
      this.add(collection, isAll ? changes : changes.slice(start, end), {
        clusterTime: atOnce ? first : after(first, start),
        wallTime,
        atOnce,
      });
      start = end;
    }
    if (this.entries > MAX_ENTRIES || this.bytes > MAX_BYTES) {
      this.forgetOldest();
    }
  }

  /** The first change after a position; an error when it is not kept any more. */
  after(position: number): HistoryEntry | undefined {
    const first = this.batches[0]?.position ?? this.last + 1;
    if (position + 1 < first) {
      throw historyLost();
    }
    return this.at(position + 1);
  }

  /** The change at a position, as long as it is remembered. */
  at(position: number): HistoryEntry | undefined {
    const batch = this.batchAt(position);
    const change = batch?.changes.at(position - batch.position);
    if (!batch || !change) {
      return undefined;
    }
    const { wallTime, ns } = batch;
    return {
      position,
      clusterTime: timeOf(batch, position - batch.position),
      wallTime,
      ns,
      change,
    };
  }

  /** The position before the first change at or after a time; an error when some are not kept. */
  before(time: Timestamp): number {
    if (time.compare(this.beginning) < 0) {
      throw historyLost();
    }
    for (const batch of this.batches) {
      for (let index = 0; index < batch.changes.length; index++) {
        if (timeOf(batch, index).compare(time) >= 0) {
          return batch.position + index - 1;
        }
      }
    }
    return this.last;
  }

  /**
   * What a client resumes with; the letters in it mean nothing to anybody else. `fragment` is the
   * place of a part of a split event.
   */
  token(position: number, fragment?: number): Doc {
    const parts = [this.run, position].map((part) => part.toString(16).padStart(16, "0"));
    return { _data: [...parts, ...(fragment === undefined ? [] : [hexByte(fragment)])].join("") };
  }

  /** @see https://www.mongodb.com/docs/manual/changeStreams/#resume-tokens */
  positionOf(token: unknown): { position: number; fragment: number | undefined } {
    const data = isDocument(token) ? token["_data"] : undefined;
    const [, run = "", position = "", fragment] =
      (typeof data === "string" && TOKEN.exec(data)) || [];
    if (run === "") {
      throw new MongoError(260, "Bad resume token: it is not one of this server");
    }
    if (parseInt(run, 16) !== this.run) {
      throw historyLost();
    }
    return {
      position: parseInt(position, 16),
      fragment: fragment === undefined ? undefined : parseInt(fragment, 16),
    };
  }

  private add(
    { db, name }: Collection,
    changes: readonly Change[],
    times: Pick<Batch, "clusterTime" | "wallTime" | "atOnce">,
  ): void {
    const bytes = changes.reduce((sum, change) => sum + sizeOf(change), 0);
    const position = this.last + 1;
    const isInsertions = changes.length > 1 && changes.every(({ type }) => type === "insert");
    const kept = isInsertions ? new Insertions(changes) : changes;
    // Not spread: that takes longer than everything else here.
    const { clusterTime, wallTime, atOnce } = times;
    const ns = { db, coll: name };
    this.batches.push({ position, clusterTime, wallTime, atOnce, ns, changes: kept, bytes });
    this.last += changes.length;
    this.entries += changes.length;
    this.bytes += bytes;
  }

  /** The batch with the change of a position, if there is that change yet. */
  private batchAt(position: number): Batch | undefined {
    let low = 0;
    let high = this.batches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.batches[middle] as Batch).position <= position) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return this.batches[low - 1];
  }

  /** Half at once, so that the rest is moved seldom. The youngest batch stays, however large it is. */
  private forgetOldest(): void {
    let forgotten = 0;
    while (
      forgotten < this.batches.length - 1 &&
      (this.entries > MAX_ENTRIES / 2 || this.bytes > MAX_BYTES / 2)
    ) {
      const batch = this.batches[forgotten++] as Batch;
      const { changes, bytes } = batch;
      this.entries -= changes.length;
      this.bytes -= bytes;
      this.beginning = after(timeOf(batch, changes.length - 1));
    }
    this.batches = this.batches.slice(forgotten);
  }
}

const TOKEN = /^([0-9a-f]{16})([0-9a-f]{16})([0-9a-f]{2})?$/;

function hexByte(value: number): string {
  return value.toString(16).padStart(2, "0");
}

function sizeOf({ bytes, before }: Change): number {
  return (bytes?.length ?? 0) + (before?.length ?? 0);
}

function historyLost(): MongoError {
  return new MongoError(
    286,
    "Resume of change stream was not possible, as the resume point may no longer be in the oplog.",
    {},
    ["NonResumableChangeStreamError"],
  );
}
