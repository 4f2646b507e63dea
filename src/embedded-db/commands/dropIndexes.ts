import { MongoError, typeMismatch } from "../errors";
import { compareValues } from "../bson/compare";
import { formatValue } from "../bson/format";
import { type Doc, isDocument, typeName } from "../bson/values";
import type { Collection } from "../catalog/collection";
import type { Index } from "../catalog/collection-index";
import type { CommandContext } from "./context";

/** @see https://www.mongodb.com/docs/manual/reference/command/dropIndexes/ */
export async function dropIndexes(context: CommandContext): Promise<Doc> {
  const wanted = indexArgument(context.command["index"]);
  return context.changeCatalog((unit) => {
    const collection = context.findCollection();
    if (!collection) {
      throw new MongoError(26, `ns not found ${context.db}.${context.collectionName()}`);
    }
    const nIndexesWas = collection.indexes.length;
    const indexes =
      wanted === "*"
        ? collection.indexes.filter(({ isId }) => !isId)
        : selected(collection, wanted);
    indexes.forEach((index) => context.engine.catalog.dropIndex(unit, collection, index));
    return {
      nIndexesWas,
      ...(wanted === "*" ? { msg: "non-_id indexes dropped for collection" } : {}),
    };
  });
}

function indexArgument(index: unknown): unknown {
  if (index === undefined) {
    throw new MongoError(40414, "BSON field 'dropIndexes.index' is missing but a required field");
  }
  if (typeof index !== "string" && !Array.isArray(index) && !isDocument(index)) {
    throw typeMismatch(
      `BSON field 'dropIndexes.index' is the wrong type '${typeName(index)}', expected types '[string, array, object]'`,
    );
  }
  return index;
}

function selected(collection: Collection, wanted: unknown): Index[] {
  return (Array.isArray(wanted) ? wanted : [wanted]).map((name) => {
    const index = collection.indexes.find((candidate) =>
      isDocument(name) ? compareValues(candidate.spec["key"], name) === 0 : candidate.name === name,
    );
    if (!index) {
      throw new MongoError(
        27,
        isDocument(name)
          ? `can't find index with key: ${formatValue(name)}`
          : `index not found with name [${String(name)}]`,
      );
    }
    if (index.isId) {
      throw new MongoError(72, "cannot drop _id index");
    }
    return index;
  });
}
