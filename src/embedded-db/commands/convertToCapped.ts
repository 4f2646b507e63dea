import { badValue, MongoError } from "../errors";
import { omit, toNumber } from "../bson/values";
import type { Doc } from "../bson/values";
import { roundedCap, enforceCap } from "../catalog/capped";
import type { CommandContext } from "./context";

/** @see https://www.mongodb.com/docs/manual/reference/command/convertToCapped/ */
export async function convertToCapped(context: CommandContext): Promise<Doc> {
  const size = toNumber(context.command["size"]);
  if (size === undefined || size <= 0) {
    throw badValue("Capped collection size must be greater than zero");
  }
  return context.changeCatalog((unit) => {
    const { catalog } = context.engine;
    const collection = context.findWritable();
    if (!collection) {
      throw new MongoError(
        26,
        `source collection ${context.db}.${context.collectionName()} does not exist`,
      );
    }
    const { options } = collection;
    unit.onRollback(() => (collection.options = options));
    collection.options = { ...omit(options, "max"), capped: true, size: roundedCap(size) };
    collection.indexes
      .filter(({ isId }) => !isId)
      .forEach((index) => catalog.dropIndex(unit, collection, index));
    enforceCap(unit, collection);
    catalog.save(unit, collection);
    return {};
  });
}
