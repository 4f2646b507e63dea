import { MongoError } from "../errors";
import { compareValues } from "../bson/compare";
import { type Doc, isDocument, textOf } from "../bson/values";
import type { Collection } from "../catalog/collection";
import { Index } from "../catalog/collection-index";
import { parseFilter } from "../query/filter";
import type { CommandContext } from "./context";

const OPTIONS = [
  "validator",
  "validationLevel",
  "validationAction",
  "viewOn",
  "pipeline",
  "changeStreamPreAndPostImages",
];

/** @see https://www.mongodb.com/docs/manual/reference/command/collMod/ */
export async function collMod(context: CommandContext): Promise<Doc> {
  const collection = context.engine.collection(context.db, context.collectionName());
  const reply: Doc = {};
  await context.engine.write((unit) => {
    const { options, indexes } = collection;
    unit.onRollback(() => {
      Object.assign(collection, { options, indexes });
      collection.forgetValidator();
    });
    for (const name of OPTIONS.filter((option) => context.command[option] !== undefined)) {
      const value = context.command[name];
      if (name === "validator" && isDocument(value)) {
        parseFilter(value);
      }
      collection.options = { ...collection.options, [name]: value };
    }
    collection.forgetValidator();
    const index = context.document("index");
    if (index) {
      Object.assign(reply, changeIndex(collection, index));
    }
    context.engine.catalog.save(unit, collection);
  });
  return reply;
}

function changeIndex(collection: Collection, wanted: Doc): Doc {
  const place = collection.indexes.findIndex(
    ({ name, spec }) =>
      name === wanted["name"] || compareValues(spec["key"], wanted["keyPattern"]) === 0,
  );
  const old = collection.indexes[place];
  if (!old) {
    throw new MongoError(
      27,
      `cannot find index ${textOf(wanted["name"] ?? "")} for ns ${collection.ns}`,
    );
  }
  const reply: Doc = {};
  const spec = { ...old.spec };
  for (const name of ["expireAfterSeconds", "hidden", "unique", "prepareUnique"].filter(
    (key) => key in wanted,
  )) {
    reply[`${name}_old`] = spec[name] ?? false;
    reply[`${name}_new`] = wanted[name];
    if (wanted[name] === false) {
      delete spec[name];
    } else {
      spec[name] = wanted[name];
    }
  }
  collection.indexes = collection.indexes.with(place, new Index(old.id, spec, [...old.multikey]));
  return reply;
}
