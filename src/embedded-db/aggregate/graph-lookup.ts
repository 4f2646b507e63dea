import { failedToParse, MongoError } from "../errors";
import { type Doc, isDocument, Long, toNumber } from "../bson/values";
import { identityOf } from "../index/index-keys";
import { compileExpression } from "../query/expression";
import { kept, passing } from "../query/memory-budget";
import { fieldPath, readPath } from "../query/path";
import { scopeFor } from "../query/scope";
import { setPath } from "../update/path";
import { foreignCollection, withArray } from "./lookup";
import type { Stage, StageContext } from "./stage";

const REQUIRED = ["from", "startWith", "connectFromField", "connectToField", "as"];
const OPTIONAL = ["maxDepth", "depthField", "restrictSearchWithMatch"];

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/graphLookup/ */
export function graphLookup(argument: unknown, context: StageContext): Stage {
  const spec = checkSpec(argument);
  const start = compileExpression(spec["startWith"]);
  const as = fieldPath(spec["as"] as string);
  return function* (input) {
    for (const doc of input) {
      context.deadline.check();
      yield withArray(doc, as, reachable(start(scopeFor(doc, context)), spec, context));
    }
  };
}

function checkSpec(argument: unknown): Doc {
  if (!isDocument(argument)) {
    throw failedToParse("the $graphLookup stage specification must be an object");
  }
  const unknown = Object.keys(argument).find((key) => ![...REQUIRED, ...OPTIONAL].includes(key));
  if (unknown !== undefined) {
    throw new MongoError(40104, `Unknown argument to $graphLookup: ${unknown}`);
  }
  if (REQUIRED.some((key) => argument[key] === undefined)) {
    throw new MongoError(
      40105,
      `$graphLookup requires '${REQUIRED.join("', '")}' to be specified.`,
    );
  }
  for (const name of ["connectFromField", "connectToField", "as"]) {
    if (typeof argument[name] !== "string") {
      throw new MongoError(40103, `expected string as argument for ${name}`);
    }
  }
  const depth = argument["maxDepth"];
  if (depth !== undefined && !((toNumber(depth) ?? -1) >= 0)) {
    throw new MongoError(40101, "maxDepth requires a nonnegative argument");
  }
  return argument;
}

function reachable(start: unknown, spec: Doc, context: StageContext): Doc[] {
  return passing(() => [...kept("$graphLookup", steps(start, spec, context))]);
}

/** Goes from documents to those they name, one step for all of them at a time. */
function* steps(start: unknown, spec: Doc, context: StageContext): Iterable<Doc> {
  const from = foreignCollection(spec["from"], context);
  const next = (spec["connectFromField"] as string).split(".");
  const maxDepth = toNumber(spec["maxDepth"]) ?? Infinity;
  const restrict = spec["restrictSearchWithMatch"] ?? {};
  const seen = new Set<string>();
  let frontier = valuesOf(start);
  for (let depth = 0; depth <= maxDepth && frontier.length > 0; depth++) {
    const match = { $and: [{ [spec["connectToField"] as string]: { $in: frontier } }, restrict] };
    frontier = [];
    for (const doc of context.runPipeline(context, from, [{ $match: match }])) {
      if (addOnce(seen, doc)) {
        valuesOf(readPath(doc, next)).forEach((value) => frontier.push(value));
        noteDepth(doc, spec["depthField"], depth);
        yield doc;
      }
    }
  }
}

function valuesOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

function addOnce(seen: Set<string>, { _id }: Doc): boolean {
  const { size } = seen;
  return seen.add(identityOf(_id)).size > size;
}

function noteDepth(doc: Doc, field: unknown, depth: number): void {
  if (typeof field === "string") {
    setPath(doc, field.split("."), Long.fromNumber(depth));
  }
}
