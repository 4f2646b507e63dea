import { badValue } from "../errors";
import { decode } from "../bson/decode";
import type { Collection } from "../catalog/collection";
import type { TailableSource } from "../cursors";
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
    next() {
      const range = {
        start: documentKey(collection.id, after + 1),
        end: documentRange(collection.id).end,
      };
      for (const { key, value } of storage.range(range)) {
        after = readRecordId(key);
        const doc = decode(value);
        if (query.filter.matches(doc)) {
          return { done: false, value: query.projection ? encode(query.projection(doc)) : value };
        }
      }
      return { done: true, value: undefined };
    },
    close: () => undefined,
    wait: (ms) => nextChange(context, ms),
  };
}

/** Resolves with the next commit, or when the time is over. */
export function nextChange(context: CommandContext, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stop();
      clearTimeout(timer);
      context.connection.signal?.removeEventListener("abort", done);
      resolve();
    };
    const stop = context.engine.listen(done);
    const timer = setTimeout(done, ms);
    context.connection.signal?.addEventListener("abort", done);
  });
}
