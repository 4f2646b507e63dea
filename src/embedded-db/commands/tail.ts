import { badValue, MongoError } from "../errors";
import { decode } from "../bson/decode";
import type { Collection } from "../catalog/collection";
import type { TailableSource } from "../cursors";
import { checkDeadline } from "../query/watch";
import { documentKey, documentRange, readRecordId } from "../storage/keys";
import type { CommandContext } from "./context";
import type { FindQuery } from "./query";
import { encode } from "../bson/encode";

/**
 * A cursor on a capped collection that goes on when documents arrive.
 * @see https://www.mongodb.com/docs/manual/core/tailable-cursors/
 */
export function tailCollection(
  context: CommandContext,
  collection: Collection,
  query: FindQuery,
): TailableSource {
  if (!collection.capped) {
    throw badValue("error processing query: tailable cursor requested on non capped collection");
  }
  const { storage } = context.engine;
  let after = 0;
  return {
    awaits: context.flag("awaitData"),
    next() {
      if (context.engine.catalog.find(collection.db, collection.name) !== collection) {
        throw new MongoError(175, `collection dropped: ${collection.ns}`);
      }
      const range = {
        start: documentKey(collection.id, after + 1),
        end: documentRange(collection.id).end,
      };
      for (const { key, value } of storage.range(range)) {
        checkDeadline();
        after = readRecordId(key);
        const doc = decode(value);
        if (query.filter.matches(doc)) {
          return { done: false, value: query.projection ? encode(query.projection(doc)) : value };
        }
      }
      return { done: true, value: undefined };
    },
    close: () => undefined,
    wait: (ms, killed) => nextChange(context, ms, killed),
  };
}

/** Resolves with the next commit, when the time is over, or when nobody waits any more. */
export function nextChange(
  context: CommandContext,
  ms: number,
  killed: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stop();
      clearTimeout(timer);
      killed.removeEventListener("abort", done);
      context.connection.signal?.removeEventListener("abort", done);
      resolve();
    };
    const stop = context.engine.listen(done);
    const timer = setTimeout(done, ms);
    killed.addEventListener("abort", done);
    context.connection.signal?.addEventListener("abort", done);
  });
}
