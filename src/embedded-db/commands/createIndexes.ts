import { randomUUID } from "node:crypto";
import { badValue, MongoError, typeMismatch } from "../errors";
import { compareValues } from "../bson/compare";
import { formatDocument } from "../bson/format";
import { type Doc, isDocument, omit, toNumber } from "../bson/values";
import type { Collection } from "../catalog/collection";
import { checkTimeSeriesIndex } from "../catalog/time-series";
import { isIdKey, normalizeIndexSpec } from "../index/index-spec";
import { collationOr } from "../query/collation";
import { type FilterNode, parseFilter } from "../query/filter";
import type { WriteUnit } from "../sessions/write-unit";
import type { CommandContext } from "./context";

/** Operators a partialFilterExpression may use. */
const PARTIAL_OPERATORS = new Set(["$eq", "$exists", "$gt", "$gte", "$in", "$lt", "$lte", "$type"]);

/** @see https://www.mongodb.com/docs/manual/reference/command/createIndexes/ */
export async function createIndexes(context: CommandContext): Promise<Doc> {
  const name = context.collectionName();
  const raw = context.array("indexes");
  if (raw.length === 0) {
    throw badValue("Must specify at least one index to create");
  }
  const specs = raw.map((spec) => parseSpec(spec));
  return context.changeCatalog((unit) => {
    const created = !context.findCollection(name);
    const collection = context.findOrCreate(unit, name);
    const before = collection.indexes.length;
    for (const spec of specs) {
      const wanted = withCollation(spec, collection);
      if (collection.timeSeries) {
        checkTimeSeriesIndex(collection.timeSeries, wanted);
      }
      if (!alreadyThere(collection, wanted)) {
        checkTransaction(context, collection);
        build(context, unit, collection, wanted);
      }
    }
    const after = collection.indexes.length;
    return {
      numIndexesBefore: before,
      numIndexesAfter: after,
      createdCollectionAutomatically: created,
      ...(before === after ? { note: "all indexes already exist" } : {}),
    };
  });
}

/** What keeps an index from being built is told with the build and the collection. */
function build({ engine }: CommandContext, unit: WriteUnit, collection: Collection, spec: Doc) {
  try {
    engine.catalog.addIndex(unit, collection, spec);
  } catch (error) {
    const { ns, uuid } = collection;
    throw error instanceof MongoError
      ? error.within(
          `Index build failed: ${randomUUID()}: Collection ${ns} ( ${uuid.toUUID().toString()} )`,
        )
      : error;
  }
}

/** @see https://www.mongodb.com/docs/manual/core/transactions/#create-collections-and-indexes-in-a-transaction */
function checkTransaction({ openTransaction }: CommandContext, collection: Collection): void {
  if (!openTransaction) {
    return;
  }
  const empty = collection.count === 0 && !openTransaction.unit.touched(collection);
  if (!openTransaction.created.has(collection) || !empty) {
    throw new MongoError(
      263,
      `Cannot create new indexes on existing collection ${collection.ns} in a multi-document transaction.`,
    );
  }
}

function parseSpec(raw: unknown): Doc {
  if (!isDocument(raw)) {
    throw typeMismatch("The elements of the 'indexes' array must be objects");
  }
  const spec = normalizeIndexSpec(raw);
  const partial = spec["partialFilterExpression"];
  if (isDocument(partial)) {
    checkPartial(parseFilter(partial).root);
  }
  return spec;
}

/** @see https://www.mongodb.com/docs/manual/core/index-partial/ */
function checkPartial(node: FilterNode): void {
  switch (node.kind) {
    case "and":
    case "or":
      return node.children.forEach(checkPartial);
    case "compare":
      if (
        !PARTIAL_OPERATORS.has(node.operator) ||
        (node.operator === "$exists" && !isTrue(node.operand))
      ) {
        throw refusedPartial(node.operator);
      }
      return;
    case "nor":
      throw refusedPartial("$not");
    case "element":
    case "opaque":
      throw refusedPartial(node.kind === "element" ? "$elemMatch" : "$expr");
  }
}

function isTrue(operand: unknown): boolean {
  return operand === true || (toNumber(operand) ?? 0) !== 0;
}

function refusedPartial(operator: string): MongoError {
  return new MongoError(67, `Expression not supported in partial index: ${operator}`);
}

function withCollation(spec: Doc, collection: Collection): Doc {
  const rest = omit(spec, "collation");
  const parsed = collationOr(spec["collation"], collection);
  return parsed ? { ...rest, collation: parsed.spec } : rest;
}

/** True for an equal index; other indexes of that name or key are conflicts. */
function alreadyThere(collection: Collection, spec: Doc): boolean {
  if (isIdKey(spec["key"] as Doc)) {
    return true;
  }
  const sameName = collection.indexes.find(({ name }) => name === spec["name"]);
  const sameKey = collection.indexes.find((index) => identity(index.spec) === identity(spec));
  if (sameName && sameName !== sameKey) {
    throw new MongoError(
      86,
      "An existing index has the same name as the requested index. When index names are not specified, they are auto " +
        `generated and can cause conflicts. Please refer to our documentation. Requested index: ${shown(spec)}, existing index: ${shown(sameName.spec)}`,
    );
  }
  if (!sameKey) {
    refuseSecondText(collection, spec);
    return false;
  }
  const sameOptions = compareValues(options(sameKey.spec), options(spec)) === 0;
  if (sameOptions && !sameName) {
    throw new MongoError(85, `Index already exists with a different name: ${sameKey.name}`);
  }
  if (!sameOptions) {
    throw new MongoError(
      85,
      `An equivalent index already exists with ${sameName ? "the same name but different" : "a different name and"} options. ` +
        `Requested index: ${shown(spec)}, existing index: ${shown(sameKey.spec)}`,
    );
  }
  return true;
}

function shown(spec: Doc): string {
  return formatDocument(spec);
}

/** What tells indexes with the same key apart, so that both may be there. */
const IDENTIFYING = [
  "key",
  "collation",
  "partialFilterExpression",
  "sparse",
  "unique",
  "weights",
  "wildcardProjection",
];

/** What may not differ between two definitions of one index. */
const OPTIONS = [
  "2dsphereIndexVersion",
  "bits",
  "default_language",
  "expireAfterSeconds",
  "language_override",
  "max",
  "min",
];

function identity(spec: Doc): string {
  return JSON.stringify(IDENTIFYING.map((name) => spec[name] || null));
}

function options(spec: Doc): unknown[] {
  return OPTIONS.map((name) => spec[name] ?? null);
}

function refuseSecondText(collection: Collection, spec: Doc): void {
  const other = collection.indexes.find(({ text }) => text !== undefined);
  if (other && spec["weights"] !== undefined) {
    throw new MongoError(
      85,
      `An equivalent index already exists with a different name and options. Requested index: ${shown(spec)}, existing index: ${shown(other.spec)}`,
    );
  }
}
