import { failedToParse, MongoError } from "../errors";
import { type Doc, double, isDocument, isNumeric, toNumber, typeName } from "../bson/values";
import { compileExpression } from "../query/expression";
import { kept } from "../query/memory-budget";
import { readPath } from "../query/path";
import { type Evaluate, scopeFor } from "../query/scope";
import { parseSort, sortDocuments } from "../query/sort";
import { setPath } from "../update/path";
import { partitioned, structuredCopy } from "./partitions";
import type { PipelineContext, Stage } from "./stage";

/** How one field gets its missing values, over the documents of a partition in order. */
type Filling = (docs: Doc[]) => void;

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/fill/ */
export function fill(argument: unknown, context: PipelineContext): Stage {
  const spec: Doc = isDocument(argument) ? argument : {};
  const { output, sortBy } = spec;
  if (!isDocument(output) || Object.keys(output).length === 0) {
    throw failedToParse("BSON field '$fill.output' is missing but a required field");
  }
  const fillings = Object.entries(output).map(([path, how]) =>
    compileFilling(path, how, sortBy, context),
  );
  const partition = partitionOf(spec);
  const keys = parseSort(sortBy);
  return (input) => {
    const docs = [...kept("$fill", input)].map((doc) => structuredCopy(doc));
    const sorted = keys.length === 0 ? docs : sortDocuments(docs, keys, (doc) => doc, context);
    const partitions = partitioned(sorted, partition, context);
    partitions.forEach((group) => fillings.forEach((filling) => filling(group)));
    return keys.length === 0 ? docs : partitions.flat();
  };
}

function partitionOf({ partitionBy, partitionByFields }: Doc): Evaluate {
  if (partitionBy !== undefined && partitionByFields !== undefined) {
    throw new MongoError(
      6050204,
      "Maximum one of 'partitionBy' and 'partitionByFields can be specified in '$fill'",
    );
  }
  if (!Array.isArray(partitionByFields)) {
    return compileExpression(partitionBy ?? null);
  }
  return compileExpression(partitionByFields.map((field) => `$${String(field)}`));
}

function compileFilling(
  path: string,
  how: unknown,
  sortBy: unknown,
  context: PipelineContext,
): Filling {
  const parts = path.split(".");
  const spec: Doc = isDocument(how) ? how : {};
  if ("value" in spec) {
    const value = compileExpression(spec["value"]);
    return (docs) => {
      docs
        .filter((doc) => isMissing(readPath(doc, parts)))
        .forEach((doc) => {
          setPath(doc, parts, value(scopeFor(doc, context)) ?? null);
        });
    };
  }
  const { method } = spec;
  if (method !== "locf" && method !== "linear") {
    throw new MongoError(6050202, "Method must be either locf or linear");
  }
  if (!isDocument(sortBy)) {
    throw new MongoError(6050200, `$fill with method ${method} requires a sortBy`);
  }
  const [axis = ""] = Object.keys(sortBy);
  return method === "locf" ? carryForward(parts) : interpolate(parts, axis.split("."));
}

function isMissing(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

function carryForward(parts: readonly string[]): Filling {
  return (docs) => {
    let last: unknown = null;
    for (const doc of docs) {
      const value = readPath(doc, parts);
      if (isMissing(value)) {
        setPath(doc, parts, last);
      } else {
        last = value;
      }
    }
  };
}

function interpolate(parts: readonly string[], axis: readonly string[]): Filling {
  return (docs) => {
    const points = docs.map((doc) => ({
      doc,
      x: coordinate(readPath(doc, axis)),
      y: ordinate(readPath(doc, parts)),
    }));
    let before: (typeof points)[number] | undefined;
    let next = 0;
    points.forEach((point, at) => {
      const { doc, x, y } = point;
      if (y !== undefined) {
        before = point;
        return;
      }
      while (next < points.length && (next < at || points[next]?.y === undefined)) {
        next++;
      }
      const after = points[next];
      const between =
        before?.y !== undefined && after?.y !== undefined
          ? double(before.y + ((after.y - before.y) * (x - before.x)) / (after.x - before.x))
          : null;
      setPath(doc, parts, between);
    });
  };
}

function coordinate(value: unknown): number {
  const number = value instanceof Date ? value.getTime() : toNumber(value);
  if (number === undefined) {
    throw new MongoError(
      14,
      `$linearFill sortBy must be numeric or a date, not ${typeName(value)}`,
    );
  }
  return number;
}

function ordinate(value: unknown): number | undefined {
  if (!isMissing(value) && !isNumeric(value)) {
    throw new MongoError(
      14,
      `Value to be filled must be numeric or nullish, not ${typeName(value)}`,
    );
  }
  return toNumber(value);
}
