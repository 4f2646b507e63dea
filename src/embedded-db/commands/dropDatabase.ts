import type { Doc } from "../bson/values";
import type { CommandContext } from "./context";

/** @see https://www.mongodb.com/docs/manual/reference/command/dropDatabase/ */
export async function dropDatabase(context: CommandContext): Promise<Doc> {
  const { catalog } = context.engine;
  const { db } = context;
  const known = catalog.collections(db).length > 0;
  await context.changeCatalog((unit) => {
    const collections = catalog.collections(db);
    collections.forEach((collection) => catalog.drop(unit, collection));
    const [last] = collections;
    if (last) {
      unit.changed({ type: "dropDatabase", collection: last });
    }
  });
  return known ? { dropped: db } : {};
}
