import { badValue, MongoError } from "../errors";
import { formatDocument } from "../bson/format";
import { type Doc, isDocument } from "../bson/values";
import { identityOf } from "../index/index-keys";
import type { Collation } from "../query/collation";
import { compileExpression } from "../query/expression";
import { isOperatorDocument } from "../query/filter";
import { kept } from "../query/memory-budget";
import { average, extreme, sum } from "../query/operators/arithmetic";
import { mergeObjects } from "../query/operators/object";
import { setOf } from "../query/operators/set";
import { type Evaluate, type Scope, scopeFor } from "../query/scope";
import { sortDocuments, parseSort } from "../query/sort";
import { COMPOUND_ACCUMULATORS } from "./accumulators";
import type { PipelineContext, Stage } from "./stage";

/** Computes one field of a group from its documents. */
type Accumulate = (
  docs: readonly Doc[],
  values: () => unknown[],
  collation: Collation | undefined,
) => unknown;

/** The accumulators of one argument, sorted. */
const ACCUMULATORS: Record<string, Accumulate> = {
  $addToSet: (_docs, values, collation) => {
    const given = values().filter((value) => value !== undefined);
    return [...setOf(given, collation?.fold).values()];
  },
  $avg: (_docs, values) => average(values()),
  $count: (docs) => docs.length,
  $first: (_docs, values) => values()[0] ?? null,
  $last: (_docs, values) => values().at(-1) ?? null,
  $max: (_docs, values, collation) => extreme(values(), 1, collation?.order),
  $mergeObjects: (_docs, values) => mergeObjects([...values(), null]),
  $min: (_docs, values, collation) => extreme(values(), -1, collation?.order),
  $push: (_docs, values) => values().filter((value) => value !== undefined),
  $sum: (_docs, values) => sum(values()),
};

interface Field {
  name: string;
  compute: (docs: readonly Doc[], context: PipelineContext) => unknown;
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/group/ */
export function group(argument: unknown, context: PipelineContext): Stage {
  if (!isDocument(argument)) {
    throw new MongoError(15947, "a group's fields must be specified in an object");
  }
  if (!("_id" in argument)) {
    throw new MongoError(15955, "a group specification must include an _id");
  }
  const id = compileExpression(argument["_id"]);
  const fields = Object.entries(argument).flatMap(([name, spec]) =>
    name === "_id" ? [] : [compileField(name, spec)],
  );
  return (input) => grouped(input, id, fields, context);
}

/** The computing of one field from the documents of a group. */
export function compileField(name: string, spec: unknown): Field {
  if (name.includes(".")) {
    throw new MongoError(40235, `The field name '${name}' cannot contain '.'`);
  }
  const entries = isDocument(spec) ? Object.entries(spec) : [];
  const [entry] = entries;
  if (!entry || entries.length !== 1 || !entry[0].startsWith("$")) {
    throw new MongoError(40234, `The field '${name}' must be an accumulator object`);
  }
  const [operator, operand] = entry;
  if (operator === "$accumulator") {
    throw badValue("$accumulator is not allowed: this server never evaluates JavaScript");
  }
  const compound = Object.hasOwn(COMPOUND_ACCUMULATORS, operator)
    ? COMPOUND_ACCUMULATORS[operator]
    : undefined;
  if (compound) {
    return { name, compute: compound(operand) };
  }
  const accumulate = Object.hasOwn(ACCUMULATORS, operator) ? ACCUMULATORS[operator] : undefined;
  if (!accumulate) {
    throw new MongoError(15952, `unknown group operator '${operator}'`);
  }
  const evaluate = compileExpression(operand);
  return {
    name,
    compute: (docs, context) =>
      accumulate(docs, () => valuesOf(docs, evaluate, context), context.collation),
  };
}

function valuesOf(docs: readonly Doc[], evaluate: Evaluate, context: PipelineContext): unknown[] {
  const base = scopeFor(undefined, context);
  return docs.map((doc) => evaluate(inDocument(base, doc)));
}

function inDocument(scope: Scope, doc: Doc): Scope {
  return { ...scope, root: doc, current: doc };
}

function* grouped(
  input: Iterable<Doc>,
  id: Evaluate,
  fields: readonly Field[],
  context: PipelineContext,
): Iterable<Doc> {
  const groups = new Map<string, { id: unknown; docs: Doc[] }>();
  const scope = scopeFor(undefined, context);
  for (const doc of kept("$group", input, (one) => one)) {
    context.deadline.check();
    const value = id(inDocument(scope, doc)) ?? null;
    const key = identityOf(value, context.collation?.fold);
    const known = groups.get(key);
    if (known) {
      known.docs.push(doc);
    } else {
      groups.set(key, { id: value, docs: [doc] });
    }
  }
  for (const { id: value, docs } of groups.values()) {
    const out: Doc = { _id: value };
    fields.forEach(({ name, compute }) => (out[name] = compute(docs, context)));
    yield out;
  }
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
