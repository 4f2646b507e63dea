import type { Doc } from "../bson/values";
import { filterArgument, parseFilter } from "../query/filter";
import type { CommandContext } from "./context";

/** @see https://www.mongodb.com/docs/manual/reference/command/listDatabases/ */
export function listDatabases(context: CommandContext): Doc {
  const { catalog } = context.engine;
  const filter = parseFilter(filterArgument("filter", context.command["filter"]));
  const all = catalog.databaseNames().map((name): Doc => {
    const collections = catalog.collections(name);
    const sizeOnDisk = collections.reduce((sum, { bytes }) => sum + bytes, 0);
    return { name, sizeOnDisk, empty: collections.every(({ count }) => count === 0) };
  });
  const databases = all.filter((database) => filter.matches(database));
  if (context.flag("nameOnly")) {
    return { databases: databases.map(({ name }) => ({ name })) };
  }
  const totalSize = databases.reduce((sum, { sizeOnDisk }) => sum + Number(sizeOnDisk), 0);
  return { databases, totalSize, totalSizeMb: Math.floor(totalSize / 1048576) };
}
