import { MongoError } from "../errors";
import { type Doc, isDocument, Long } from "../bson/values";
import { fieldPath, own } from "../query/path";
import type { PipelineContext, Stage } from "./stage";

interface Unwind {
  parts: string[];
  keepEmpty: boolean;
  indexField: string[] | undefined;
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/unwind/ */
export function unwind(argument: unknown, context: PipelineContext): Stage {
  const spec = parse(argument);
  return function* (input) {
    for (const doc of input) {
      for (const out of unwindDocument(doc, spec)) {
        context.deadline.check();
        yield out;
      }
    }
  };
}

const OPTIONS = new Set(["path", "preserveNullAndEmptyArrays", "includeArrayIndex"]);

function parse(argument: unknown): Unwind {
  const spec: Doc = isDocument(argument) ? argument : { path: argument };
  const path = spec["path"];
  const unknown = Object.keys(spec).find((name) => !OPTIONS.has(name));
  if (unknown !== undefined) {
    throw new MongoError(28811, `unrecognized option to $unwind stage: ${unknown}`);
  }
  if (typeof path !== "string") {
    throw new MongoError(28808, "expected a string as the path for $unwind stage");
  }
  if (!path.startsWith("$") || path.length < 2) {
    throw new MongoError(
      28818,
      `path option to $unwind stage should be prefixed with a '$': ${path}`,
    );
  }
  return {
    parts: path.slice(1).split("."),
    keepEmpty: spec["preserveNullAndEmptyArrays"] === true,
    indexField: indexField(spec["includeArrayIndex"]),
  };
}

function indexField(name: unknown): string[] | undefined {
  if (name === undefined) {
    return undefined;
  }
  if (typeof name !== "string" || name === "") {
    throw new MongoError(
      28810,
      "expected a non-empty string for the includeArrayIndex option to $unwind stage",
    );
  }
  if (name.startsWith("$")) {
    throw new MongoError(
      28822,
      `includeArrayIndex option to $unwind stage should not be prefixed with a '$': ${name}`,
    );
  }
  return fieldPath(name);
}

function* unwindDocument(doc: Doc, spec: Unwind): Iterable<Doc> {
  const value = nestedValue(doc, spec.parts);
  const { indexField } = spec;
  const numbered = (out: Doc, index: unknown) =>
    indexField === undefined ? out : replaced(out, indexField, index);
  if (Array.isArray(value) && value.length > 0) {
    for (const [index, element] of value.entries()) {
      yield numbered(replaced(doc, spec.parts, element), Long.fromNumber(index));
    }
  } else if (!Array.isArray(value) && value !== undefined && value !== null) {
    yield numbered(doc, null);
  } else if (spec.keepEmpty) {
    yield numbered(Array.isArray(value) ? replaced(doc, spec.parts, undefined) : doc, null);
  }
}

/** The value at a path that leads through documents only: arrays on the way are not unwound. */
function nestedValue(doc: Doc, parts: readonly string[]): unknown {
  return parts.reduce<unknown>(
    (value, part) => (isDocument(value) ? own(value, part) : undefined),
    doc,
  );
}

/** A copy with another value at the path; undefined removes the field. */
function replaced(doc: Doc, parts: readonly string[], value: unknown): Doc {
  const [first = "", ...rest] = parts;
  const out = { ...doc };
  const inner = out[first];
  const next = rest.length === 0 ? value : replaced(isDocument(inner) ? inner : {}, rest, value);
  if (next === undefined) {
    delete out[first];
  } else {
    out[first] = next;
  }
  return out;
}
