import { failedToParse, MongoError } from "../errors";
import { encode } from "../bson/encode";
import { type Doc, isDocument, ObjectId, omit, textOf } from "../bson/values";
import type { Collection } from "../catalog/collection";
import { evaluateExpression } from "../query/expression";
import { parseFilter } from "../query/filter";
import { readPath } from "../query/path";
import { watched } from "../query/watch";
import type { CommandContext } from "../commands/context";
import type { WriteUnit } from "../sessions/write-unit";
import { selectForWriting, updateOne } from "../update/execute";
import { compileUpdate } from "../update/update";
import { stageEntry } from "./stage";

/** Writes what a pipeline made. */
type WriteDocuments = (documents: readonly Doc[]) => Promise<void>;

/** The writing of `$out` or `$merge`, when the last stage is one. */
export function writingStage(stage: unknown, context: CommandContext): WriteDocuments | undefined {
  const [name, argument] = stage === undefined ? [] : stageEntry(stage);
  if (name === "$out") {
    return out(argument, context);
  }
  return name === "$merge" ? merge(argument, context) : undefined;
}

interface Target {
  db: string;
  name: string;
}

function targetOf(argument: unknown, context: CommandContext): Target {
  if (typeof argument === "string") {
    return { db: context.db, name: argument };
  }
  if (isDocument(argument) && typeof argument["coll"] === "string") {
    return { db: textOf(argument["db"] ?? context.db), name: argument["coll"] };
  }
  throw failedToParse("the target of $out or $merge must be a collection name or { db, coll }");
}

/** In one commit, within the time of the command. */
function written(context: CommandContext, work: (unit: WriteUnit) => void): Promise<void> {
  return context.commit((unit) => watched(context.deadline, () => work(unit)));
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/out/ */
function out(argument: unknown, context: CommandContext): WriteDocuments {
  const { db, name } = targetOf(argument, context);
  return async (documents) => {
    const all = {
      filter: parseFilter({}),
      multi: true,
      collation: undefined,
      hint: undefined,
      sort: [],
    };
    await written(context, (unit) => {
      const collection = context.findOrCreate(unit, name, db);
      for (const match of selectForWriting(unit, collection, all, context.deadline)) {
        collection.remove(unit, match, match.doc);
      }
      const bypass = context.flag("bypassDocumentValidation");
      for (const doc of documents) {
        context.deadline.check();
        collection.insert(unit, encode(doc), bypass);
      }
    });
  };
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/merge/ */
function merge(argument: unknown, context: CommandContext): WriteDocuments {
  const spec: Doc = isDocument(argument) && "into" in argument ? argument : { into: argument };
  const { db, name } = targetOf(spec["into"], context);
  const on = ([] as unknown[]).concat(spec["on"] ?? "_id").map(String);
  return async (documents) => {
    await written(context, (unit) => {
      const collection = context.findOrCreate(unit, name, db);
      requireUnique(collection, on);
      documents.forEach((doc) => mergeOne(unit, collection, doc, on, spec, context));
    });
  };
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/merge/#restrictions */
function requireUnique({ indexes }: Collection, on: readonly string[]): void {
  const unique = indexes.some(
    ({ unique: is, partialFilter, fields }) =>
      is &&
      !partialFilter &&
      fields.length === on.length &&
      fields.every(({ path }) => on.includes(path)),
  );
  if (!unique) {
    throw new MongoError(51183, "Cannot find index to verify that join fields will be unique");
  }
}

function mergeOne(
  unit: WriteUnit,
  collection: Collection,
  given: Doc,
  on: readonly string[],
  spec: Doc,
  context: CommandContext,
): void {
  const doc = "_id" in given ? given : { _id: new ObjectId(), ...given };
  const filter = parseFilter(
    Object.fromEntries(on.map((field) => [field, { $eq: joinValue(doc, field) }])),
  );
  const selection = { filter, multi: false, collation: undefined, hint: undefined, sort: [] };
  const [match] = selectForWriting(unit, collection, selection, context.deadline);
  const bypassValidation = context.flag("bypassDocumentValidation");
  if (!match) {
    const action = spec["whenNotMatched"] ?? "insert";
    return whenNotMatched(unit, collection, doc, action, bypassValidation);
  }
  const change = mergingUpdate(doc, spec, on);
  if (change !== undefined) {
    const update = compileUpdate(change, { filter, variables: mergeVariables(doc, spec["let"]) });
    updateOne(unit, collection, match, { update, bypassValidation });
  }
}

/** What a document holds in a field that `on` names, perhaps inside of others. */
function joinValue(doc: Doc, field: string): unknown {
  return readPath(doc, field.split(".")) ?? null;
}

/** What happens to a document that is there already; undefined for nothing. */
function mergingUpdate(doc: Doc, spec: Doc, on: readonly string[]): unknown {
  const fields = omit(doc, "_id");
  switch (spec["whenMatched"] ?? "merge") {
    case "keepExisting":
      return undefined;
    case "fail":
      throw new MongoError(11000, "$merge found a matching document with whenMatched: fail", {
        keyPattern: Object.fromEntries(on.map((field) => [field, 1])),
        keyValue: Object.fromEntries(on.map((field) => [field, joinValue(doc, field)])),
      });
    case "replace":
      return fields;
    case "merge": {
      const literals = Object.entries(fields).map(([key, $literal]) => [key, { $literal }]);
      return literals.length === 0 ? undefined : [{ $set: Object.fromEntries(literals) as Doc }];
    }
    default:
      return spec["whenMatched"];
  }
}

/** `let` is computed of the new document, which is `$$new` without one. */
function mergeVariables(doc: Doc, given: unknown): Doc {
  return isDocument(given)
    ? Object.fromEntries(
        Object.entries(given).map(([name, value]) => [name, evaluateExpression(doc, value)]),
      )
    : { new: doc };
}

function whenNotMatched(
  unit: WriteUnit,
  collection: Collection,
  doc: Doc,
  action: unknown,
  bypassValidation: boolean,
): void {
  if (action === "fail") {
    throw new MongoError(
      13113,
      "$merge could not find a matching document in the target collection for at least one document in the source collection",
    );
  }
  if (action === "insert") {
    collection.insert(unit, encode(doc), bypassValidation);
  }
}
