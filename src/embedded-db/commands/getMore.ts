import { badValue, MongoError, within } from "../errors";
import type { RawDocument } from "../bson/decode";
import { type Batch, checkOwner, type Cursor, takeBatch, type TailableSource } from "../cursors";
import { toNumber } from "../bson/values";
import type { CommandContext } from "./context";
import { batchSizeOf, cursorReply, isTailable, resumeFields } from "./reply";

/** How long an awaiting cursor waits when the client names no time. */
const DEFAULT_WAIT_MS = 1000;

/** @see https://www.mongodb.com/docs/manual/reference/command/getMore/ */
export async function getMore(context: CommandContext): Promise<RawDocument> {
  const { cursors } = context.engine;
  const cursor = cursors.find(context.long("getMore").toBigInt());
  const ns = `${context.db}.${context.string("collection")}`;
  if (cursor.ns !== ns) {
    throw new MongoError(
      13,
      `Requested getMore on namespace '${ns}', but cursor belongs to a different namespace ${cursor.ns}`,
    );
  }
  checkOwner(cursor, context.cursorOwner);
  if (context.command["maxTimeMS"] !== undefined && !isAwaiting(cursor)) {
    throw badValue("cannot set maxTimeMS on getMore command for a non-awaitData cursor");
  }
  const size = batchSizeOf(context.command["batchSize"]) || Infinity;
  try {
    return isTailable(cursor.source)
      ? await tailedReply(context, cursor, cursor.source, size)
      : plainReply(context, cursor, readBatch(cursor, size));
  } catch (error) {
    cursors.close(cursor);
    throw error;
  }
}

function readBatch(cursor: Cursor, size: number): Batch {
  return within("Executor error during getMore", () => takeBatch(cursor, size));
}

function isAwaiting({ source }: Cursor): boolean {
  return isTailable(source) && source.awaits;
}

function plainReply(context: CommandContext, cursor: Cursor, batch: Batch): RawDocument {
  const { cursors } = context.engine;
  if (batch.exhausted) {
    cursors.close(cursor);
  } else {
    cursors.leave(cursor);
  }
  return cursorReply(
    context,
    "nextBatch",
    batch.documents,
    batch.exhausted ? 0n : cursor.id,
    cursor.ns,
  );
}

async function tailedReply(
  context: CommandContext,
  cursor: Cursor,
  source: TailableSource,
  size: number,
): Promise<RawDocument> {
  const end = Date.now() + (toNumber(context.command["maxTimeMS"]) ?? DEFAULT_WAIT_MS);
  let batch = readBatch(cursor, size);
  while (
    batch.documents.length === 0 &&
    source.awaits &&
    !source.ended &&
    Date.now() < end &&
    !context.connection.signal?.aborted
  ) {
    cursor.waiter ??= new AbortController();
    await source.wait(end - Date.now(), cursor.waiter.signal);
    if (cursor.waiter.signal.aborted) {
      throw new MongoError(237, "operation was interrupted because a client killed the cursor");
    }
    batch = readBatch(cursor, size);
  }
  if (source.ended) {
    context.engine.cursors.close(cursor);
  }
  const id = source.ended ? 0n : cursor.id;
  return cursorReply(context, "nextBatch", batch.documents, id, cursor.ns, resumeFields(source));
}
