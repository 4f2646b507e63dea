import { failedToParse } from "../errors";
import { type Doc, isDocument, typeName } from "../bson/values";
import type { Collection } from "../catalog/collection";
import { identityOf } from "../index/index-keys";
import { compileExpression } from "../query/expression";
import { kept, passing } from "../query/memory-budget";
import { fieldPath, readPath } from "../query/path";
import { type Evaluate, scopeFor } from "../query/scope";
import {
  beginsWithDocuments,
  pipelineArgument,
  refuseDocuments,
  type Stage,
  type StageContext,
} from "./stage";

/** What a join remembers is bounded: a repeated key beyond it is looked up again. */
const CACHED_DOCUMENTS = 100_000;

class Found {
  private readonly byKey = new Map<string, Doc[]>();
  private size = 0;

  get(key: string): Doc[] | undefined {
    return this.byKey.get(key);
  }

  note(key: string, docs: Doc[]): void {
    if (this.size < CACHED_DOCUMENTS) {
      this.size += docs.length + 1;
      this.byKey.set(key, docs);
    }
  }
}

interface Lookup {
  from: Collection | undefined;
  as: string[];
  local: string[] | undefined;
  foreign: string | undefined;
  variables: [name: string, evaluate: Evaluate][];
  pipeline: unknown[];
}

const OPTIONS = new Set(["from", "as", "localField", "foreignField", "let", "pipeline"]);

/**
 * Joins documents of another collection; each look-up goes through that collection's planner, so
 * an index on the foreign field answers it.
 * @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/lookup/
 */
export function lookup(argument: unknown, context: StageContext): Stage {
  const spec = parse(argument, context);
  return function* (input) {
    const cache = new Found();
    for (const doc of input) {
      context.deadline.check();
      yield withArray(doc, spec.as, joined(doc, spec, context, cache));
    }
  };
}

function parse(argument: unknown, context: StageContext): Lookup {
  if (!isDocument(argument)) {
    throw failedToParse("the $lookup specification must be an Object");
  }
  const unknown = Object.keys(argument).find((key) => !OPTIONS.has(key));
  if (unknown !== undefined) {
    throw failedToParse(`unknown argument to $lookup: ${unknown}`);
  }
  const { from, as, localField, foreignField } = argument;
  for (const name of ["localField", "foreignField"]) {
    if (argument[name] !== undefined && typeof argument[name] !== "string") {
      throw failedToParse(
        `$lookup argument '${name}' must be a string, is type ${typeName(argument[name])}`,
      );
    }
  }
  const pipeline =
    argument["pipeline"] === undefined ? undefined : pipelineArgument(argument["pipeline"]);
  if (typeof as !== "string") {
    throw failedToParse("must specify 'as' field for a $lookup");
  }
  if ((localField === undefined) !== (foreignField === undefined)) {
    throw failedToParse(
      "$lookup requires both or neither of 'localField' and 'foreignField' to be specified",
    );
  }
  if (pipeline === undefined && localField === undefined) {
    throw failedToParse(
      "$lookup requires either 'pipeline' or both 'localField' and 'foreignField' to be specified",
    );
  }
  if (from !== undefined) {
    refuseDocuments(pipeline ?? []);
  } else if (!beginsWithDocuments(pipeline ?? [])) {
    throw failedToParse("must specify 'from' field for a $lookup");
  }
  return {
    from: foreignCollection(from, context),
    as: fieldPath(as),
    local: typeof localField === "string" ? localField.split(".") : undefined,
    foreign: foreignField as string | undefined,
    variables: Object.entries((argument["let"] ?? {}) as Doc).map(([name, value]) => [
      name,
      compileExpression(value),
    ]),
    pipeline: pipeline ?? [],
  };
}

/** The collection a join reads from. */
export function foreignCollection(from: unknown, context: StageContext): Collection | undefined {
  if (isDocument(from)) {
    return context.catalog.find(String(from["db"]), String(from["coll"]));
  }
  return typeof from === "string" ? context.catalog.find(context.db, from) : undefined;
}

function joined(doc: Doc, spec: Lookup, context: StageContext, cache: Found): Doc[] {
  const variables = Object.fromEntries(
    spec.variables.map(([name, evaluate]) => [name, evaluate(scopeFor(doc, context))]),
  );
  const values = spec.local && localValues(doc, spec.local);
  // Equal values of other types, and a missing one and null, may find other documents.
  const given = Object.values(variables).map((value) => [typeName(value), value ?? null]);
  const key = identityOf([values ?? null, given]);
  let found = cache.get(key);
  if (!found) {
    found = run(spec, values, variables, context);
    cache.note(key, found);
  }
  return found;
}

function run(
  spec: Lookup,
  values: unknown[] | undefined,
  variables: Doc,
  context: StageContext,
): Doc[] {
  const inner: StageContext = {
    ...context,
    variables: { ...context.variables, ...variables },
    depth: context.depth + 1,
  };
  const match =
    values && spec.foreign !== undefined ? [{ $match: { [spec.foreign]: condition(values) } }] : [];
  return passing(() => {
    const found = context.runPipeline(inner, spec.from, [...match, ...spec.pipeline]);
    return [...kept("$lookup", found)];
  });
}

/** An array is compared element by element; a missing field joins with null. */
function localValues(doc: Doc, parts: readonly string[]): unknown[] {
  const value = readPath(doc, parts);
  return Array.isArray(value) ? value : [value ?? null];
}

function condition(values: readonly unknown[]): unknown {
  return values.length === 1 ? { $eq: values[0] } : { $in: values };
}

/** A copy of a document with the joined ones at a path. */
export function withArray(doc: Doc, parts: readonly string[], found: Doc[]): Doc {
  const [first = "", ...rest] = parts;
  const inner = doc[first];
  return {
    ...doc,
    [first]: rest.length === 0 ? found : withArray(isDocument(inner) ? inner : {}, rest, found),
  };
}
