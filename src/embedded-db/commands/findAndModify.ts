import { failedToParse, MongoError, within } from "../errors";
import type { Doc } from "../bson/values";
import type { Collection } from "../catalog/collection";
import { type Filter, filterArgument, parseFilter } from "../query/filter";
import type { Projection } from "../query/projection";
import { parseSort } from "../query/sort";
import type { WriteUnit } from "../sessions/write-unit";
import { insertUpsert, selectForWriting, updateOne } from "../update/execute";
import { type CompiledUpdate, compileUpdate, refuseExpr } from "../update/update";
import type { CommandContext } from "./context";
import { hintOf, projectionOf } from "./query";

interface Request {
  filter: Filter;
  update: CompiledUpdate | undefined;
  upsert: boolean;
  returnNew: boolean;
  projection: Projection | undefined;
  selection: Parameters<typeof selectForWriting>[2];
}

/** @see https://www.mongodb.com/docs/manual/reference/command/findAndModify/ */
export async function findAndModify(context: CommandContext): Promise<Doc> {
  refuseBadCombination(context);
  return context.write((unit) => {
    const collection = context.flag("upsert")
      ? context.findOrCreate(unit, context.collectionName())
      : context.findWritable();
    if (!collection) {
      const updatedExisting = context.flag("remove") ? {} : { updatedExisting: false };
      return { lastErrorObject: { n: 0, ...updatedExisting }, value: null };
    }
    return run(context, unit, collection);
  });
}

function refuseBadCombination(context: CommandContext): void {
  const { command } = context;
  const remove = context.flag("remove");
  if (remove && command["update"] !== undefined) {
    throw failedToParse("Cannot specify both an 'update' and 'remove'=true");
  }
  if (!remove && command["update"] === undefined) {
    throw failedToParse("Either an update or remove=true must be specified");
  }
  if (remove && context.flag("upsert")) {
    throw failedToParse("Cannot specify both 'upsert'=true and 'remove'=true ");
  }
  if (remove && context.flag("new")) {
    throw failedToParse(
      "Cannot specify both 'new'=true and 'remove'=true; 'remove' always returns the deleted document",
    );
  }
}

function parse(context: CommandContext, collection: Collection): Request {
  const { command } = context;
  const collation = context.collationFor(collection);
  const variables = context.variables;
  const filter = parseFilter(filterArgument("query", command["query"]), { collation, variables });
  refuseExpr(filter, context.flag("upsert"));
  const arrayFilters = command["arrayFilters"] as unknown[] | undefined;
  const update = context.flag("remove")
    ? undefined
    : compileUpdate(command["update"], { filter, arrayFilters, collation, variables });
  return {
    filter,
    update,
    upsert: context.flag("upsert"),
    returnNew: context.flag("new"),
    projection: projectionOf(command["fields"], filter, variables),
    selection: {
      filter,
      multi: false,
      collation,
      hint: hintOf(command["hint"]),
      sort: parseSort(command["sort"]),
    },
  };
}

function run(context: CommandContext, unit: WriteUnit, collection: Collection): Doc {
  const request = parse(context, collection);
  return within("Plan executor error during findAndModify", () =>
    execute(context, unit, collection, request),
  );
}

function execute(
  context: CommandContext,
  unit: WriteUnit,
  collection: Collection,
  request: Request,
): Doc {
  if (collection.timeSeries && request.update) {
    throw new MongoError(72, "Cannot perform a non-multi update on a time-series collection");
  }
  const [match] = selectForWriting(unit, collection, request.selection, context.deadline);
  const shown = (doc: Doc) => (request.projection ? request.projection(doc) : doc);
  const { update } = request;
  const bypassValidation = context.flag("bypassDocumentValidation");
  if (!update) {
    if (match) {
      collection.remove(unit, match, match.doc);
    }
    return { lastErrorObject: { n: match ? 1 : 0 }, value: match ? shown(match.doc) : null };
  }
  if (match) {
    const { after } = updateOne(unit, collection, match, { update, bypassValidation });
    return {
      lastErrorObject: { n: 1, updatedExisting: true },
      value: shown(request.returnNew ? after : match.doc),
    };
  }
  if (!request.upsert) {
    return { lastErrorObject: { n: 0, updatedExisting: false }, value: null };
  }
  const { filter } = request;
  const doc = insertUpsert(unit, collection, { filter, update, bypassValidation });
  return {
    lastErrorObject: { n: 1, updatedExisting: false, upserted: doc["_id"] },
    value: request.returnNew ? shown(doc) : null,
  };
}
