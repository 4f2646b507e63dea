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
    .flatMap((collection) => describe(collection, nameOnly))
    .concat(systemViews(context, nameOnly))
    .filter((entry) => filter.matches(entry));
  const source = sourceOf(encoded(collections), () => undefined);
  const batchSize = batchSizeOf(context.document("cursor")?.["batchSize"]);
  return openCursor(context, `${context.db}.$cmd.listCollections`, source, { batchSize });
}

function describe(collection: Collection, nameOnly: boolean): Doc[] {
  const { name, options, uuid, indexes, timeSeries } = collection;
  if (timeSeries) {
    return describeTimeSeries(collection, nameOnly);
  }
  const type = collection.isView ? "view" : "collection";
  if (nameOnly) {
    return [{ name, type }];
  }
  const info: Doc = collection.isView ? { readOnly: true } : { readOnly: false, uuid };
  const idIndex = options["clusteredIndex"] === undefined ? indexes[0] : undefined;
  return [{ name, type, options, info, ...(idIndex ? { idIndex: idIndex.spec } : {}) }];
}

/** MongoDB shows the collection of the buckets, too. */
function describeTimeSeries({ name, options, uuid }: Collection, nameOnly: boolean): Doc[] {
  const buckets = `system.buckets.${name}`;
  if (nameOnly) {
    return [
      { name, type: "timeseries" },
      { name: buckets, type: "collection" },
    ];
  }
  return [
    { name, type: "timeseries", options, info: { readOnly: false } },
    {
      name: buckets,
      type: "collection",
      options: { ...options, clusteredIndex: true },
      info: { readOnly: false, uuid },
    },
  ];
}

/** The collection in which MongoDB keeps the definitions of views and time-series collections. */
function systemViews({ engine: { catalog }, db }: CommandContext, nameOnly: boolean): Doc[] {
  const owners = catalog
    .collections(db)
    .filter(({ isView, timeSeries }) => isView || timeSeries !== undefined);
  const entry = { name: "system.views", type: "collection" };
  if (owners.length === 0) {
    return [];
  }
  const idIndex = { v: 2, key: { _id: 1 }, name: "_id_" };
  return [nameOnly ? entry : { ...entry, options: {}, info: { readOnly: false }, idIndex }];
}
