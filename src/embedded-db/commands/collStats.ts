import { scaleFactor, storageStats } from "../aggregate/collection-stats";
import { type Doc, double } from "../bson/values";
import { type CommandContext, refuseView } from "./context";

/** @see https://www.mongodb.com/docs/manual/reference/command/collStats/ */
export function collStats(context: CommandContext): Doc {
  const collection = context.findCollection();
  const { scale } = context.command;
  if (!collection) {
    return {
      ns: `${context.db}.${context.collectionName()}`,
      size: 0,
      count: 0,
      storageSize: 0,
      totalSize: 0,
      nindexes: 0,
      totalIndexSize: 0,
      indexDetails: {},
      indexSizes: {},
      scaleFactor: scaleFactor(scale),
    };
  }
  refuseView(collection);
  return storageStats(collection, collection.count, scale);
}

/** @see https://www.mongodb.com/docs/manual/reference/command/dbStats/ */
export function dbStats(context: CommandContext): Doc {
  const all = context.engine.catalog.collections(context.db);
  const collections = all.filter(({ isView }) => !isView);
  const objects = collections.reduce((sum, { count }) => sum + count, 0);
  const bytes = collections.reduce((sum, collection) => sum + collection.bytes, 0);
  const factor = scaleFactor(context.command["scale"]);
  const dataSize = double(bytes / factor);
  return {
    db: context.db,
    collections: collections.length,
    views: all.length - collections.length,
    objects,
    avgObjSize: objects === 0 ? 0 : bytes / objects,
    dataSize,
    storageSize: dataSize,
    indexes: collections.reduce((sum, { indexes }) => sum + indexes.length, 0),
    indexSize: 0,
    totalSize: dataSize,
    scaleFactor: factor,
  };
}
