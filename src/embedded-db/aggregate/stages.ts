import { MongoError, searchNotEnabled } from "../errors";
import { evaluateExpression } from "../query/expression";
import { countArgument, filterArgument, parseFilter } from "../query/filter";
import { refuseNear } from "../query/geo/near";
import { MemoryBudget } from "../query/memory-budget";
import { metaOf } from "../query/meta";
import { lengthOf } from "../query/scan";
import { parseSort, sortDocuments, type SortKey } from "../query/sort";
import { formatValue } from "../bson/format";
import { type Doc, isDocument, isNumeric, typeName } from "../bson/values";
import { bucket, bucketAuto } from "./bucket";
import { collStats, indexStats, planCacheStats } from "./collection-stats";
import { densify } from "./densify";
import { addFields, project, replaceRoot, unset } from "./documents";
import { facet } from "./facet";
import { geoNear } from "./geo-near";
import { group, sortByCount } from "./group";
import { fill } from "./fill";
import { graphLookup } from "./graph-lookup";
import { lookup } from "./lookup";
import { redact } from "./redact";
import type { CompileStage, PipelineContext, Stage, StageContext } from "./stage";
import { unionWith } from "./union-with";
import { unwind } from "./unwind";
import { setWindowFields } from "./window";

/**
 * The stages, sorted.
 * @see https://www.mongodb.com/docs/manual/reference/operator/aggregation-pipeline/
 */
const STAGES: Record<string, CompileStage> = {
  $addFields: addFields,
  $bucket: bucket,
  $bucketAuto: bucketAuto,
  $collStats: collStats,
  $count: count,
  $densify: densify,
  $documents: documents,
  $facet: facet,
  $fill: fill,
  $geoNear: geoNear,
  $graphLookup: graphLookup,
  $group: group,
  $indexStats: indexStats,
  $limit: limit,
  $lookup: lookup,
  $match: match,
  $planCacheStats: planCacheStats,
  $project: project,
  $redact: redact,
  $replaceRoot: replaceRoot,
  $replaceWith: (argument, context) => replaceRoot({ newRoot: argument }, context),
  $sample: sample,
  $set: addFields,
  $setWindowFields: setWindowFields,
  $skip: skip,
  $sort: sort,
  $sortByCount: sortByCount,
  $unionWith: unionWith,
  $unset: unset,
  $unwind: unwind,
};

/** Stages of Atlas, which other servers refuse with a code of its own. */
const SEARCH_STAGES = new Set([
  "$listSearchIndexes",
  "$rankFusion",
  "$search",
  "$searchMeta",
  "$vectorSearch",
]);

/** Known to MongoDB and refused here by name. */
const UNSUPPORTED = new Set([
  "$listSampledQueries",
  "$querySettings",
  "$queryStats",
  "$shardedDataDistribution",
]);

/** Stages that bring their own documents; those without a collection stand in the commands. */
export const FIRST_ONLY = new Set([
  "$changeStream",
  "$collStats",
  "$currentOp",
  "$documents",
  "$geoNear",
  "$indexStats",
  "$listLocalSessions",
  "$listSessions",
  "$planCacheStats",
]);

/** Stages that must stand at the end; the command runs them. */
const WRITING = new Set(["$merge", "$out"]);

/** True for a stage of MongoDB, whether or not it runs here. */
export function isStage(name: string): boolean {
  return (
    Object.hasOwn(STAGES, name) ||
    [FIRST_ONLY, WRITING, SEARCH_STAGES, UNSUPPORTED].some((known) => known.has(name))
  );
}

export function compileStage(name: string, argument: unknown, context: StageContext): Stage {
  const compile = Object.hasOwn(STAGES, name) ? STAGES[name] : undefined;
  if (compile) {
    return compile(argument, context);
  }
  if (FIRST_ONLY.has(name)) {
    throw mustBeFirst(name);
  }
  if (WRITING.has(name)) {
    throw new MongoError(40601, `${name} can only be the final stage in the pipeline`);
  }
  if (SEARCH_STAGES.has(name)) {
    throw searchNotEnabled(name);
  }
  if (UNSUPPORTED.has(name)) {
    throw new MongoError(238, `The stage ${name} is not supported by the embedded database`);
  }
  throw new MongoError(40324, `Unrecognized pipeline stage name: '${name}'`);
}

export function mustBeFirst(name: string): MongoError {
  return new MongoError(40602, `${name} is only valid as the first stage in a pipeline.`);
}

function match(argument: unknown, context: PipelineContext): Stage {
  if (!isDocument(argument)) {
    throw new MongoError(15959, "the match filter must be an expression in an object");
  }
  const filter = refuseNear(parseFilter(filterArgument("$match", argument), context));
  if (filter.text) {
    throw new MongoError(17313, "$match with $text is only allowed as the first pipeline stage");
  }
  return function* (input) {
    for (const doc of input) {
      context.deadline.check();
      if (filter.matches(doc)) {
        yield doc;
      }
    }
  };
}

function sort(argument: unknown, context: StageContext): Stage {
  const keys = parseSort(argument);
  if (keys.length === 0) {
    throw new MongoError(15976, "$sort stage must have at least one sort key");
  }
  return sortStage(keys, context, context.limit);
}

/** Sorts all documents, or finds the first ones. */
export function sortStage(
  keys: readonly SortKey[],
  { collation, deadline }: PipelineContext,
  limit: number | undefined,
): Stage {
  return (input) => {
    const budget = new MemoryBudget("$sort");
    return sortDocuments(input, keys, itself, { collation, deadline, meta: metaOf, limit, budget });
  };
}

function itself(doc: Doc): Doc {
  return doc;
}

/** The argument of `$limit` or `$skip`. */
function wholeNumber(name: string, code: number, argument: unknown): number {
  const count = isNumeric(argument) ? Number(argument) : undefined;
  const expected =
    count === undefined
      ? "a number"
      : count < 0
        ? "a non-negative number"
        : Number.isInteger(count)
          ? undefined
          : "an integer";
  if (count === undefined || expected !== undefined) {
    throw new MongoError(
      code,
      `invalid argument to ${name} stage: Expected ${expected} in: ${name}: ${formatValue(argument)}`,
    );
  }
  return count;
}

function limit(argument: unknown): Stage {
  const size = wholeNumber("$limit", 5107201, argument);
  if (size === 0) {
    throw new MongoError(15958, "the limit must be positive");
  }
  return function* (input) {
    let left = size;
    for (const doc of input) {
      yield doc;
      if (--left === 0) {
        return;
      }
    }
  };
}

function skip(argument: unknown): Stage {
  const size = wholeNumber("$skip", 5107200, argument);
  return function* (input) {
    let left = size;
    for (const doc of input) {
      if (left-- <= 0) {
        yield doc;
      }
    }
  };
}

/** True for what a `$count` may call its number. */
export function isCountName(name: unknown): name is string {
  return typeof name === "string" && name !== "" && !name.startsWith("$") && !name.includes(".");
}

function uncountable(name: unknown): MongoError {
  if (typeof name !== "string" || name === "") {
    const code = name === "" ? 40157 : 40156;
    return new MongoError(code, "the count field must be a non-empty string");
  }
  return name.startsWith("$")
    ? new MongoError(40158, "the count field cannot be a $-prefixed path")
    : new MongoError(40160, "the count field cannot contain '.'");
}

function count(argument: unknown): Stage {
  if (!isCountName(argument)) {
    throw uncountable(argument);
  }
  return function* (input) {
    const total = lengthOf(input);
    if (total > 0) {
      yield { [argument]: total };
    }
  };
}

function sample(argument: unknown): Stage {
  const size = countArgument("size", (argument as Doc | undefined)?.["size"]);
  if (size <= 0) {
    throw new MongoError(28747, "size argument to $sample must be a positive integer");
  }
  return (input) => {
    const budget = new MemoryBudget("$sample");
    const chosen: Doc[] = [];
    let seen = 0;
    // Each document takes the place of a chosen one with the chance it must have to be among them.
    for (const doc of input) {
      const place = Math.floor(Math.random() * ++seen);
      if (chosen.length < size) {
        budget.keep(doc);
        chosen.push(doc);
        [chosen[place], chosen[seen - 1]] = [doc, chosen[place] as Doc];
      } else if (place < size) {
        chosen[place] = doc;
      }
    }
    return chosen;
  };
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/documents/ */
function documents(argument: unknown, context: PipelineContext): Stage {
  const made = evaluateExpression({}, argument, context);
  if (!Array.isArray(made) || !made.every(isDocument)) {
    throw new MongoError(
      5858203,
      `'$documents' must evaluate to an array of objects, but found: ${typeName(made)}`,
    );
  }
  return () => made;
}
