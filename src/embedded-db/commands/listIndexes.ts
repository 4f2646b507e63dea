import { MongoError } from "../errors";
import type { RawDocument } from "../bson/decode";
import type { CommandContext } from "./context";
import { refuseView } from "./context";
import { batchSizeOf, encoded, openCursor, sourceOf } from "./reply";

/** @see https://www.mongodb.com/docs/manual/reference/command/listIndexes/ */
export function listIndexes(context: CommandContext): RawDocument {
  const collection = context.findCollection();
  if (!collection) {
    throw new MongoError(26, `ns does not exist: ${context.db}.${context.collectionName()}`);
  }
  refuseView(collection);
  const source = sourceOf(encoded(collection.indexes.map(({ spec }) => spec)), () => undefined);
  const batchSize = batchSizeOf(context.document("cursor")?.["batchSize"]);
  return openCursor(context, collection.ns, source, { batchSize });
}
