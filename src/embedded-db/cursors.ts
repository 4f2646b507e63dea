import { MongoError } from "./errors";
import { MAX_DOCUMENT_BYTES } from "./bson/encode";
import type { Deadline } from "./query/scan";
import { CURSORS_LIMIT_BYTES, keptBy } from "./query/memory-budget";
import { watched } from "./query/watch";
import { SESSION_MINUTES } from "./sessions/sessions";

/** MongoDB's cursorTimeoutMillis. */
const IDLE_MS = 600_000;

/** Each cursor holds a reader of the store; the one idle for longest goes when there are more. */
const MAX_CURSORS = 1000;

/** Documents a first batch holds when the client names no size. */
export const FIRST_BATCH = 101;

/** Where a cursor's documents come from, as bytes. */
export interface DocumentSource {
  next(): IteratorResult<Buffer, unknown>;
  /** Gives snapshots back; called once. */
  close(): void;
}

/** A tailable source may have more later: `wait` resolves when it is worth looking again. */
export interface TailableSource extends DocumentSource {
  wait(ms: number, killed: AbortSignal): Promise<void>;
  /** True when a getMore waits for documents, as `awaitData` asks for. */
  readonly awaits: boolean;
  /** Where a change stream can be resumed after everything given out so far. */
  resumeToken?(): unknown;
  /** True when nothing can come any more. */
  readonly ended?: boolean;
}

/** The session, and the transaction, that opened a cursor: nobody else reads on. */
export interface CursorOwner {
  session: string | undefined;
  txnNumber: bigint | undefined;
}

export interface Cursor {
  id: bigint;
  /** Made by whoever waits for the cursor, and aborted when it is closed meanwhile. */
  waiter?: AbortController;
  owner: CursorOwner;
  ns: string;
  source: DocumentSource | TailableSource;
  lastUse: number;
  noTimeout: boolean;
  batchSize: number | undefined;
  deadline: Deadline | undefined;
  pending: Buffer | undefined;
  /** What the stages of its pipeline keep in memory. */
  kept: number;
}

export interface Batch {
  documents: Buffer[];
  exhausted: boolean;
}

/** All open cursors. */
export class Cursors {
  private readonly byId = new Map<bigint, Cursor>();
  private kept = 0;
  private lastId = BigInt(Date.now()) << 16n;

  get size(): number {
    return this.byId.size;
  }

  open(
    ns: string,
    source: DocumentSource,
    owner: CursorOwner,
    options: { noTimeout?: boolean; batchSize?: number | undefined; deadline?: Deadline } = {},
  ): Cursor {
    if (this.byId.size >= MAX_CURSORS) {
      this.closeOldest();
    }
    const cursor: Cursor = {
      id: ++this.lastId,
      owner,
      ns,
      source,
      lastUse: Date.now(),
      noTimeout: options.noTimeout ?? false,
      batchSize: options.batchSize,
      deadline: options.deadline,
      pending: undefined,
      kept: 0,
    };
    this.byId.set(cursor.id, cursor);
    return cursor;
  }

  find(id: bigint): Cursor {
    const cursor = this.byId.get(id);
    if (!cursor) {
      throw new MongoError(43, `cursor id ${id} not found`);
    }
    cursor.lastUse = Date.now();
    // Last in the map is used last.
    this.byId.delete(id);
    this.byId.set(id, cursor);
    return cursor;
  }

  /** True when there was such a cursor. */
  kill(id: bigint): boolean {
    const cursor = this.byId.get(id);
    if (cursor) {
      this.close(cursor);
    }
    return cursor !== undefined;
  }

  /** Lets a cursor wait for its client. When all of them keep too much, the oldest that do go. */
  leave(cursor: Cursor): void {
    this.setKept(cursor, cursor.deadline ? keptBy(cursor.deadline) : 0);
    for (const other of this.byId.values()) {
      if (this.kept <= CURSORS_LIMIT_BYTES) {
        break;
      }
      if (other !== cursor && other.kept > 0) {
        this.close(other);
      }
    }
  }

  private setKept(cursor: Cursor, bytes: number): void {
    this.kept += bytes - cursor.kept;
    cursor.kept = bytes;
  }

  close(cursor: Cursor): void {
    this.byId.delete(cursor.id);
    this.setKept(cursor, 0);
    cursor.waiter?.abort();
    cursor.source.close();
  }

  /**
   * Closes what nobody has used for too long: a cursor without a timeout ends with its session.
   * @see https://www.mongodb.com/docs/manual/reference/method/cursor.noCursorTimeout/
   */
  sweep(now: number): void {
    for (const cursor of this.byId.values()) {
      if (now - cursor.lastUse > patienceWith(cursor)) {
        this.close(cursor);
      }
    }
  }

  /** A session is used, and with it its cursors. */
  refresh(session: string): void {
    for (const cursor of this.byId.values()) {
      if (cursor.owner.session === session) {
        cursor.lastUse = Date.now();
      }
    }
  }

  closeAll(): void {
    [...this.byId.values()].forEach((cursor) => this.close(cursor));
  }

  private closeOldest(): void {
    const [oldest] = this.byId.values();
    if (oldest) {
      this.close(oldest);
    }
  }
}

function patienceWith({ noTimeout, owner }: Cursor): number {
  if (!noTimeout) {
    return IDLE_MS;
  }
  return owner.session === undefined ? Infinity : SESSION_MINUTES * 60_000;
}

/** Refuses a getMore in another session or transaction than the cursor was opened in. */
export function checkOwner({ id, owner }: Cursor, asking: CursorOwner): void {
  const refused = (code: number, opened: string, asked: string) =>
    new MongoError(code, `Cannot run getMore on cursor ${id}, which was ${opened}, ${asked}`);
  if (owner.session !== asking.session) {
    throw owner.session === undefined
      ? refused(50736, "not created in a session", "in a session")
      : asking.session === undefined
        ? refused(50737, "created in a session", "without an lsid")
        : refused(50738, "created in a session", "in another session");
  }
  if (owner.txnNumber !== asking.txnNumber) {
    throw owner.txnNumber === undefined
      ? refused(50739, "not created in a transaction", "in a transaction")
      : asking.txnNumber === undefined
        ? refused(50740, "created in a transaction", "without a txnNumber")
        : refused(50741, "created in a transaction", "in a different transaction");
  }
}

/** Takes up to `size` documents that fit into one reply. */
export function takeBatch(cursor: Cursor, size: number): Batch {
  const { deadline } = cursor;
  if (!deadline) {
    return readBatch(cursor, size);
  }
  deadline.resume();
  try {
    return watched(deadline, () => readBatch(cursor, size));
  } finally {
    deadline.pause();
  }
}

function readBatch(cursor: Cursor, size: number): Batch {
  const documents: Buffer[] = [];
  let bytes = 0;
  while (documents.length < size) {
    const next = cursor.pending ? { done: false, value: cursor.pending } : cursor.source.next();
    cursor.pending = undefined;
    if (next.done) {
      return { documents, exhausted: true };
    }
    const document = next.value;
    if (documents.length > 0 && bytes + document.length > MAX_DOCUMENT_BYTES) {
      cursor.pending = document;
      break;
    }
    bytes += document.length + 16;
    documents.push(document);
  }
  return { documents, exhausted: false };
}
