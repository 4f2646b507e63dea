import { failedToParse, MongoError, unknownField } from "../errors";
import { type Doc, isDocument } from "../bson/values";
import { compileExpression } from "../query/expression";
import { kept, MemoryBudget, passing } from "../query/memory-budget";
import { scopeFor } from "../query/scope";
import { parseSort, sortDocuments } from "../query/sort";
import { setPath } from "../update/path";
import type { MakeAccumulator } from "./accumulators";
import { compileField } from "./group";
import { partitioned, structuredCopy } from "./partitions";
import type { PipelineContext, Stage } from "./stage";
import { type Bounds, boundsOf, type SortAxis } from "./window-bounds";
import { WINDOW_FUNCTIONS, type WindowFunction } from "./window-functions";

const ARGUMENTS = new Set(["partitionBy", "sortBy", "output"]);

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/setWindowFields/ */
export function setWindowFields(argument: unknown, context: PipelineContext): Stage {
  const spec: Doc = isDocument(argument) ? argument : {};
  const unknown = Object.keys(spec).find((name) => !ARGUMENTS.has(name));
  if (unknown !== undefined) {
    throw unknownField("$setWindowFields", unknown);
  }
  const { output, sortBy } = spec;
  if (!isDocument(output)) {
    throw new MongoError(
      40414,
      "BSON field '$setWindowFields.output' is missing but a required field",
    );
  }
  const axis = axisOf(sortBy);
  const fields = Object.entries(output).map(([path, how]) => ({
    parts: path.split("."),
    compute: compileOutput(path, how, axis, context),
  }));
  const partitionBy = compileExpression(spec["partitionBy"] ?? null);
  return (input) => {
    const docs = [...kept("$setWindowFields", input)];
    const sorted = axis.keys.length > 0 ? sortDocuments(docs, axis.keys, itself, context) : docs;
    return partitioned(sorted, partitionBy, context).flatMap((partition) => {
      const values = fields.map(({ compute }) => compute(partition));
      return partition.map((doc, at) => {
        const out = structuredCopy(doc);
        fields.forEach(({ parts }, which) => setPath(out, parts, values[which]?.[at] ?? null));
        return out;
      });
    });
  };
}

function itself(doc: Doc): Doc {
  return doc;
}

function axisOf(sortBy: unknown): SortAxis {
  const keys = parseSort(sortBy);
  return { keys, parts: keys.length === 1 ? keys[0]?.path.split(".") : undefined };
}

/** One field of `output`: a window function, or an accumulator over a window. */
function compileOutput(
  path: string,
  how: unknown,
  axis: SortAxis,
  context: PipelineContext,
): WindowFunction {
  const { window, ...rest } = isDocument(how) ? how : {};
  const entries = Object.entries(rest);
  const [entry] = entries;
  if (!entry || entries.length !== 1) {
    throw failedToParse(
      `The field '${path}' must be an object with one window function and, at most, a 'window'`,
    );
  }
  const [name, operand] = entry;
  const make = Object.hasOwn(WINDOW_FUNCTIONS, name) ? WINDOW_FUNCTIONS[name] : undefined;
  if (make) {
    return make(operand, { axis, window, context });
  }
  const bounds = boundsOf(window, axis);
  // The name of the field may be a path here, unlike in a $group.
  return accumulated(compileField(path, { [name]: operand }), bounds, context);
}

/** An accumulator over the window of each document; one that has only grown is gone on with. */
function accumulated(
  make: MakeAccumulator,
  bounds: Bounds,
  context: PipelineContext,
): WindowFunction {
  return (partition) => passing(() => overWindows(partition, bounds, make, context));
}

function overWindows(
  partition: readonly Doc[],
  bounds: Bounds,
  make: MakeAccumulator,
  context: PipelineContext,
): unknown[] {
  const results = new MemoryBudget("$setWindowFields");
  const base = scopeFor(undefined, context);
  const begin = () => make(context, new MemoryBudget("$setWindowFields"));
  let accumulator = begin();
  let [start, end] = [0, 0];
  let result = accumulator.result();
  return bounds(partition).map(([from, to], at) => {
    context.deadline.check();
    const isSame = at > 0 && from === start && to === end;
    if (from !== start || to < end) {
      accumulator = begin();
      [start, end] = [from, from];
    }
    for (; end < to; end++) {
      const doc = partition[end];
      accumulator.add({ ...base, root: doc, current: doc });
    }
    if (!isSame) {
      result = accumulator.result();
      results.keep(result);
    }
    return result;
  });
}
