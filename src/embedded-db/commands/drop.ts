import type { Doc } from "../bson/values";
import type { CommandContext } from "./context";

/** Answers ok for a missing collection too, as MongoDB does since 7.0. */
export async function drop(context: CommandContext): Promise<Doc> {
  const collection = context.findCollection();
  if (!collection) {
    return {};
  }
  const nIndexesWas = collection.indexes.length;
  await context.changeCatalog((unit) => {
    if (context.findCollection() === collection) {
      context.engine.catalog.drop(unit, collection);
    }
  });
  return { nIndexesWas, ns: collection.ns };
}
