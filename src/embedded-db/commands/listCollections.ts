import { type Doc } from "../bson/values";
import type { RawDocument } from "../bson/decode";
import type { Collection } from "../catalog/collection";
import { filterArgument, parseFilter } from "../query/filter";
import type { CommandContext } from "./context";
import { batchSizeOf, encoded, openCursor, sourceOf } from "./reply";

/** @see https://www.mongodb.com/docs/manual/reference/command/listCollections/ */
export function listCollections(context: CommandContext): RawDocument {
  const filter = parseFilter(filterArgument("filter", context.command["filter"]));
  const nameOnly = context.flag("nameOnly");
  const collections = context.engine.catalog
    .collections(context.db)
    .map((collection) => describe(collection, nameOnly))
    .filter((entry) => filter.matches(entry));
  const source = sourceOf(encoded(collections), () => undefined);
  const batchSize = batchSizeOf(context.document("cursor")?.["batchSize"]);
  return openCursor(context, `${context.db}.$cmd.listCollections`, source, { batchSize });
}

function describe(collection: Collection, nameOnly: boolean): Doc {
  const { name, options, uuid, indexes } = collection;
  const type = collection.isView ? "view" : "timeseries" in options ? "timeseries" : "collection";
  if (nameOnly) {
    return { name, type };
  }
  const info: Doc = collection.isView ? { readOnly: true } : { readOnly: false, uuid };
  const [idIndex] = indexes;
  return { name, type, options, info, ...(idIndex ? { idIndex: idIndex.spec } : {}) };
}
