import { MongoError } from "./errors";
import { type Doc, isDocument, Timestamp } from "./bson/values";
import type { Change } from "./sessions/write-unit";

/** The youngest changes are kept in memory, up to these limits. */
const MAX_ENTRIES = 10_000;
const MAX_BYTES = 8 * 1024 * 1024;

/** One committed change with its place in the order of all. */
export interface HistoryEntry {
  position: number;
  wallTime: Date;
  /** The collection's name at that time. */
  ns: { db: string; coll: string };
  change: Change;
}

/** The cluster time that change streams tell of a change. */
export function clusterTimeOf({ position, wallTime }: HistoryEntry): Timestamp {
  return new Timestamp({ t: Math.floor(wallTime.getTime() / 1000), i: position });
}

/** What change streams read: the committed changes of this run of the server, in order. */
export class ChangeHistory {
  private entries: HistoryEntry[] = [];
  private bytes = 0;
  private last = 0;

  /** Tells the tokens of this run from those of earlier ones, whose changes are gone. */
  constructor(private readonly run = Date.now()) {}

  /** The position of the youngest change. */
  get position(): number {
    return this.last;
  }

  note(changes: readonly Change[]): void {
    const wallTime = new Date();
    let ns = { db: "", coll: "" };
    for (const change of changes) {
      const { db, name } = change.collection;
      if (ns.db !== db || ns.coll !== name) {
        ns = { db, coll: name };
      }
      this.entries.push({ position: ++this.last, wallTime, ns, change });
      this.bytes += sizeOf(change);
    }
    if (this.entries.length > MAX_ENTRIES || this.bytes > MAX_BYTES) {
      this.forgetOldest();
    }
  }

  /** The first change after a position; an error when it is not kept any more. */
  after(position: number): HistoryEntry | undefined {
    const first = this.entries[0]?.position ?? this.last + 1;
    if (position + 1 < first) {
      throw historyLost();
    }
    return this.entries[position + 1 - first];
  }

  /** The position before the first change at or after a time. */
  before(time: Timestamp): number {
    const next = this.entries.find((entry) => clusterTimeOf(entry).compare(time) >= 0);
    return next ? next.position - 1 : this.last;
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

  /** Half at once, so that the rest is moved seldom. */
  private forgetOldest(): void {
    const kept = this.entries.slice(this.entries.length >> 1);
    this.entries = kept;
    this.bytes = kept.reduce((sum, { change }) => sum + sizeOf(change), 0);
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
