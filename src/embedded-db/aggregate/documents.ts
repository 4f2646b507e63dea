import { MongoError } from "../errors";
import { formatValue } from "../bson/format";
import { type Doc, isDocument, typeName } from "../bson/values";
import { compileExpression } from "../query/expression";
import { keepMeta } from "../query/meta";
import { fieldPath, own } from "../query/path";
import { compileProjection } from "../query/projection";
import { type Evaluate, scopeFor } from "../query/scope";
import type { PipelineContext, Stage } from "./stage";

/** `$project`: @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/project/ */
export function project(argument: unknown, context: PipelineContext): Stage {
  if (!isDocument(argument)) {
    throw new MongoError(15969, "$project specification must be an object");
  }
  if (Object.keys(argument).length === 0) {
    throw new MongoError(
      51272,
      "Invalid $project :: caused by :: projection specification must have at least one field",
    );
  }
  const apply = labelled("$project", () => compileProjection(argument, context, false));
  return mapped((doc) => (apply ? keepMeta(doc, apply(doc)) : doc));
}

function labelled<T>(stage: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof MongoError) {
      throw new MongoError(error.code, `Invalid ${stage} :: caused by :: ${error.message}`);
    }
    throw error;
  }
}

/** `$addFields` and `$set`. */
export function addFields(argument: unknown, context: PipelineContext): Stage {
  if (!isDocument(argument)) {
    throw new MongoError(
      40272,
      `$addFields specification stage must be an object, got ${typeName(argument)}`,
    );
  }
  const fields = labelled("$addFields", () => fieldsOf(argument));
  return mapped((doc) => {
    const scope = scopeFor(doc, context);
    let out: Doc = { ...doc };
    for (const [parts, evaluate] of fields) {
      out = withField(out, parts, 0, evaluate(scope)) as Doc;
    }
    return keepMeta(doc, out);
  });
}

function fieldsOf(argument: Doc): [string[], Evaluate][] {
  const paths = Object.keys(argument);
  if (paths.length === 0) {
    throw new MongoError(40177, "specification must have at least one field");
  }
  paths.forEach((path) => fieldPath(path));
  const [inner, outer] = conflictOf(paths) ?? [];
  if (inner !== undefined) {
    throw new MongoError(
      40176,
      `specification contains two conflicting paths. Cannot specify both '${inner}' and '${outer}'`,
    );
  }
  return Object.entries(argument).flatMap(([path, value]) => flatten(path, value));
}

/** Two paths of which one leads through the other. */
function conflictOf(paths: readonly string[]): [string, string] | undefined {
  const given = new Set(paths);
  for (const path of paths) {
    const parts = path.split(".");
    const outer = parts.map((_, at) => parts.slice(0, at).join(".")).find((one) => given.has(one));
    if (outer !== undefined) {
      return [path, outer];
    }
  }
  return undefined;
}

/** Nested documents mean nested paths: `{ a: { b: 1 } }` sets `a.b`. */
function flatten(path: string, value: unknown): [string[], Evaluate][] {
  const nested =
    isDocument(value) &&
    Object.keys(value).length > 0 &&
    !Object.keys(value).some((key) => key.startsWith("$"));
  if (nested) {
    return Object.entries(value).flatMap(([name, inner]) => flatten(`${path}.${name}`, inner));
  }
  return [[path.split("."), compileExpression(value)]];
}

/** A copy with the value at a path; in an array every document gets it, others become documents. */
function withField(target: unknown, parts: readonly string[], at: number, value: unknown): unknown {
  if (at === parts.length) {
    return value;
  }
  if (Array.isArray(target)) {
    return target.map((element) => withField(element, parts, at, value));
  }
  const part = parts[at] as string;
  const base: Doc = isDocument(target) ? { ...target } : {};
  const inner = withField(own(base, part), parts, at + 1, value);
  if (inner === undefined) {
    delete base[part];
  } else {
    base[part] = inner;
  }
  return base;
}

export function unset(argument: unknown, context: PipelineContext): Stage {
  const paths = Array.isArray(argument) ? argument : [argument];
  if (!Array.isArray(argument) && typeof argument !== "string") {
    throw new MongoError(31002, "$unset specification must be a string or an array");
  }
  if (paths.length === 0) {
    throw new MongoError(
      31119,
      "$unset specification must be a string or an array with at least one field",
    );
  }
  if (!paths.every((path) => typeof path === "string")) {
    throw new MongoError(
      31120,
      "$unset specification must be a string or an array containing only string values",
    );
  }
  const spec = Object.fromEntries(paths.map((path) => [path, 0]));
  const apply = labelled("$unset", () => compileProjection(spec, context, false));
  return mapped((doc) => (apply ? keepMeta(doc, apply(doc)) : doc));
}

/** `$replaceRoot` and `$replaceWith`. */
export function replaceRoot(argument: unknown, context: PipelineContext): Stage {
  const evaluate = compileExpression((argument as Doc | undefined)?.["newRoot"]);
  return mapped((doc) => {
    const root = evaluate(scopeFor(doc, context));
    if (!isDocument(root)) {
      throw new MongoError(
        40228,
        `'newRoot' expression must evaluate to an object, but resulting value was: ${root === undefined ? "MISSING" : formatValue(root)}. Type of resulting value: '${typeName(root)}'.`,
      );
    }
    return keepMeta(doc, root);
  });
}

function mapped(apply: (doc: Doc) => Doc): Stage {
  return function* (input) {
    for (const doc of input) {
      yield apply(doc);
    }
  };
}
