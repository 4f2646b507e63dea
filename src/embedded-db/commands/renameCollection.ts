import { MongoError } from "../errors";
import type { Doc } from "../bson/values";
import type { CommandContext } from "./context";

/** @see https://www.mongodb.com/docs/manual/reference/command/renameCollection/ */
export async function renameCollection(context: CommandContext): Promise<Doc> {
  const from = split(context.string("renameCollection"));
  const to = split(context.string("to"));
  const { catalog } = context.engine;
  await context.changeCatalog((unit) => {
    const collection = catalog.find(from.db, from.name);
    if (!collection) {
      throw new MongoError(26, `Source collection ${from.db}.${from.name} does not exist`);
    }
    if (collection.isView) {
      throw new MongoError(166, `cannot rename view: ${from.db}.${from.name}`);
    }
    const target = catalog.find(to.db, to.name);
    if (target === collection) {
      throw new MongoError(20, "Can't rename a collection to itself");
    }
    if (target && !context.flag("dropTarget")) {
      throw new MongoError(48, "target namespace exists");
    }
    catalog.rename(unit, collection, to, target);
  });
  return {};
}

function split(ns: string): { db: string; name: string } {
  const dot = ns.indexOf(".");
  if (dot <= 0 || dot === ns.length - 1) {
    throw new MongoError(73, `Invalid namespace specified: ${ns}`);
  }
  return { db: ns.slice(0, dot), name: ns.slice(dot + 1) };
}
