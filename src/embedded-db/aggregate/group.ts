import { MongoError } from "../errors";
import { formatDocument } from "../bson/format";
import { type Doc, isDocument } from "../bson/values";
import { identityOf } from "../index/index-keys";
import { compileExpression } from "../query/expression";
import { isOperatorDocument } from "../query/filter";
import { MemoryBudget } from "../query/memory-budget";
import { type Evaluate, scopeFor } from "../query/scope";
import { sortDocuments, parseSort } from "../query/sort";
import { type Accumulator, compileAccumulator, type MakeAccumulator } from "./accumulators";
import type { PipelineContext, Stage } from "./stage";

interface Field {
  name: string;
  make: MakeAccumulator;
}

interface Group {
  id: unknown;
  accumulators: Accumulator[];
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/group/ */
export function group(argument: unknown, context: PipelineContext): Stage {
  if (!isDocument(argument)) {
    throw new MongoError(15947, "a group's fields must be specified in an object");
  }
  if (!("_id" in argument)) {
    throw new MongoError(15955, "a group specification must include an _id");
  }
  const { _id, ...fields } = argument;
  return groupBy("$group", compileExpression(_id), compileFields(fields), context);
}

/** The fields of a group, besides its `_id`. */
export function compileFields(fields: Doc): Field[] {
  return Object.entries(fields).map(([name, spec]) => {
    if (name.includes(".")) {
      throw new MongoError(40235, `The field name '${name}' cannot contain '.'`);
    }
    return { name, make: compileField(name, spec) };
  });
}

/** What computes `{ $sum: "$views" }`. */
export function compileField(name: string, spec: unknown): MakeAccumulator {
  const entries = isDocument(spec) ? Object.entries(spec) : [];
  const [entry] = entries;
  if (!entry || entries.length !== 1 || !entry[0].startsWith("$")) {
    throw new MongoError(40234, `The field '${name}' must be an accumulator object`);
  }
  return compileAccumulator(...entry);
}

/** Gathers documents by an id. What is kept are the groups, not the documents. */
export function groupBy(
  stage: string,
  id: Evaluate,
  fields: readonly Field[],
  context: PipelineContext,
): Stage {
  return function* (input) {
    const groups = new Map<string, Group>();
    const budget = new MemoryBudget(stage);
    const base = scopeFor(undefined, context);
    for (const doc of input) {
      context.deadline.check();
      const scope = { ...base, root: doc, current: doc };
      const value = id(scope) ?? null;
      const key = identityOf(value, context.collation?.fold);
      let found = groups.get(key);
      if (!found) {
        budget.keep([key, value]);
        found = { id: value, accumulators: fields.map(({ make }) => make(context, budget)) };
        groups.set(key, found);
      }
      found.accumulators.forEach((accumulator) => accumulator.add(scope));
    }
    for (const group of groups.values()) {
      const out: Doc = { _id: group.id };
      fields.forEach(({ name }, at) => (out[name] = group.accumulators[at]?.result()));
      yield out;
    }
  };
}

export function sortByCount(argument: unknown, context: PipelineContext): Stage {
  if (typeof argument === "string" ? !argument.startsWith("$") : !isDocument(argument)) {
    throw new MongoError(
      40148,
      `the sortByCount field must be defined as a $-prefixed path or an expression inside an object: ${isDocument(argument) ? formatDocument(argument) : String(argument)}`,
    );
  }
  if (isDocument(argument) && !isOperatorDocument(argument)) {
    throw new MongoError(
      40147,
      `the sortByCount field must be defined as a $-prefixed path or an expression inside an object: ${formatDocument(argument)}`,
    );
  }
  const stage = group({ _id: argument, count: { $sum: 1 } }, context);
  return (input) => sortDocuments([...stage(input)], parseSort({ count: -1 }), (doc) => doc);
}
