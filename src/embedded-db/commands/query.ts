import { MongoError } from "../errors";
import { type Doc, isDocument } from "../bson/values";
import type { Collection } from "../catalog/collection";
import { countArgument, type Filter, filterArgument, parseFilter } from "../query/filter";
import { noTextScore } from "../query/meta";
import { matchedPosition } from "../query/position";
import { compileProjection, type Projection } from "../query/projection";
import { withinIndexBounds } from "../query/index-bounds";
import type { Selection } from "../query/select";
import { parseSort } from "../query/sort";
import type { CommandContext } from "./context";

/** What a find asks for; count, distinct and explain read their arguments the same way. */
export interface FindQuery extends Selection {
  projection: Projection | undefined;
  negativeLimit: boolean;
}

export function parseFind(context: CommandContext, collection: Collection | undefined): FindQuery {
  const { command } = context;
  const collation = context.collationFor(collection);
  const variables = context.variables;
  const filter = parseFilter(filterArgument("filter", command["filter"] ?? command["query"]), {
    collation,
    variables,
  });
  const limit = countArgument("limit", command["limit"]);
  const skip = countArgument("skip", command["skip"]);
  if (skip < 0) {
    throw new MongoError(51024, `BSON field 'skip' value must be >= 0, actual value '${skip}'`);
  }
  const sort = parseSort(command["sort"]);
  const projection = command["projection"] ?? command["fields"];
  if (!filter.text && (sort.some(({ meta }) => meta === "textScore") || asksForScore(projection))) {
    throw noTextScore();
  }
  return {
    filter: withinIndexBounds(filter, collection, command),
    sort,
    skip,
    limit: Math.abs(limit),
    negativeLimit: limit < 0,
    hint: hintOf(command["hint"]),
    collation,
    projection: projectionOf(projection, filter, variables),
  };
}

/** A find, count or distinct on a view is an aggregation. */
export function viewPipeline({ command }: CommandContext, { skip, limit }: FindQuery): Doc[] {
  const stages: [unknown, string][] = [
    [command["filter"] ?? command["query"], "$match"],
    [command["sort"], "$sort"],
    [skip, "$skip"],
    [limit, "$limit"],
    [command["projection"], "$project"],
  ];
  return stages
    .filter(([value]) =>
      typeof value === "object" ? value !== null && Object.keys(value).length > 0 : Boolean(value),
    )
    .map(([value, stage]) => ({ [stage]: value }));
}

/** True for a projection such as `{ score: { $meta: "textScore" } }`. */
function asksForScore(projection: unknown): boolean {
  return (
    isDocument(projection) &&
    Object.values(projection).some((value) => isDocument(value) && value["$meta"] === "textScore")
  );
}

/** An empty hint is none. */
export function hintOf(hint: unknown): unknown {
  return typeof hint === "object" && hint !== null && Object.keys(hint).length === 0
    ? undefined
    : hint;
}

export function projectionOf(
  spec: unknown,
  filter: Filter,
  variables?: Doc,
): Projection | undefined {
  return compileProjection(filterArgument("projection", spec), {
    collation: filter.collation,
    variables,
    positionOf: (doc, path) => matchedPosition(filter.root, doc, path),
  });
}
