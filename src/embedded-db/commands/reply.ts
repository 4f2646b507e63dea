import type { CommandContext } from "./context";
import { RawDocument } from "../bson/decode";
import { arrayPieces, documentPieces, elementBytes, elementHead, encode } from "../bson/encode";
import { type Doc, double, Long } from "../bson/values";
import {
  type Batch,
  type Cursor,
  type DocumentSource,
  FIRST_BATCH,
  takeBatch,
  type TailableSource,
} from "../cursors";
import { MongoError, within } from "../errors";
import type { Snapshot } from "../storage/storage";
import { toNumber } from "../bson/values";

export const DURING_AGGREGATE = "PlanExecutor error during aggregation";

type BatchName = "firstBatch" | "nextBatch";

/** A cursor reply made of the documents' bytes, without decoding them. */
export function cursorReply(
  context: CommandContext,
  name: BatchName,
  batch: readonly Buffer[],
  id: bigint,
  ns: string,
  extra: Doc = {},
): RawDocument {
  context.tellTime();
  context.engine.statistics.documents.returned += batch.length;
  const cursor = documentPieces([
    elementHead(4, name),
    ...arrayPieces(batch),
    elementBytes(encode({ ...extra, id: Long.fromBigInt(id), ns })),
  ]);
  return new RawDocument(Buffer.concat(documentPieces([CURSOR, ...cursor, OK])));
}

const CURSOR = elementHead(3, "cursor");
const OK = elementBytes(encode({ ok: double(1) }));

/** Answers the first batch of a source and keeps a cursor for the rest. */
export function openCursor(
  context: CommandContext,
  ns: string,
  source: DocumentSource,
  options: {
    batchSize: number | undefined;
    singleBatch?: boolean;
    noTimeout?: boolean;
    tailable?: boolean;
    /** What the errors met while reading say. */
    during?: string;
  },
): RawDocument {
  const { cursors } = context.engine;
  // What opening the source took counts too.
  context.deadline.pause();
  const cursor = cursors.open(ns, source, context.cursorOwner, {
    ...options,
    deadline: context.deadline,
  });
  try {
    const read = () => {
      const batch = takeBatch(cursor, options.batchSize ?? FIRST_BATCH);
      const ends = !options.tailable && endsHere(cursor, batch, options.batchSize);
      return { batch, done: ends || (options.singleBatch ?? false) };
    };
    const { batch, done } = options.during === undefined ? read() : within(options.during, read);
    if (done) {
      cursors.close(cursor);
    } else {
      cursors.leave(cursor);
    }
    const id = done ? 0n : cursor.id;
    if (!done) {
      context.openTransaction?.beforeEnd(() => void cursors.kill(id));
    }
    return cursorReply(context, "firstBatch", batch.documents, id, ns, {
      ...readTime(context),
      ...resumeFields(source),
    });
  } catch (error) {
    cursors.close(cursor);
    throw error;
  }
}

/** What a read of a snapshot tells: later ones of its session ask for the same time. */
export function readTime({ atClusterTime }: CommandContext): Doc {
  return atClusterTime ? { atClusterTime } : {};
}

export function isTailable(source: DocumentSource): source is TailableSource {
  return "wait" in source;
}

/** Where a change stream goes on after this batch. */
export function resumeFields(source: DocumentSource): Doc {
  const token = isTailable(source) ? source.resumeToken?.() : undefined;
  return token === undefined ? {} : { postBatchResumeToken: token };
}

/** A full batch may have been the last: look one further, so that no empty getMore is needed. */
function endsHere(cursor: Cursor, batch: Batch, batchSize: number | undefined): boolean {
  if (batch.exhausted) {
    return true;
  }
  if (batchSize === 0 || cursor.pending) {
    return false;
  }
  const next = cursor.source.next();
  if (!next.done) {
    cursor.pending = next.value;
  }
  return next.done === true;
}

/** A source over an iterable of documents or bytes. */
export function sourceOf(documents: Iterable<Buffer>, release: () => void): DocumentSource {
  const iterator = documents[Symbol.iterator]();
  let closed = false;
  return {
    next: () => iterator.next(),
    close: () => {
      if (!closed) {
        closed = true;
        iterator.return?.();
        release();
      }
    },
  };
}

/** A source that reads a snapshot, which is given back with it, or when it cannot be opened. */
export function heldSource(
  context: CommandContext,
  read: (snapshot: Snapshot) => Iterable<Buffer>,
): DocumentSource {
  const snapshot = context.snapshot();
  try {
    return sourceOf(read(snapshot), () => snapshot.release());
  } catch (error) {
    snapshot.release();
    throw error;
  }
}

export function* encoded(documents: Iterable<Doc>): Iterable<Buffer> {
  for (const doc of documents) {
    yield encode(doc);
  }
}

/** The batchSize of a command or of its `cursor` option. */
export function batchSizeOf(value: unknown): number | undefined {
  const size = toNumber(value);
  if (size !== undefined && size < 0) {
    throw new MongoError(
      51024,
      `BSON field 'batchSize' value must be >= 0, actual value '${size}'`,
    );
  }
  return size;
}
