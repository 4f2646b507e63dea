import { badValue } from "../errors";
import type { RawDocument } from "../bson/decode";
import { encode } from "../bson/encode";
import { type Doc } from "../bson/values";
import type { Collection } from "../catalog/collection";
import type { DocumentSource } from "../cursors";
import { countArgument, type Filter, filterArgument, parseFilter } from "../query/filter";
import { matchedPosition } from "../query/position";
import { compileProjection, type Projection } from "../query/projection";
import type { Match } from "../query/scan";
import { select, type Selection } from "../query/select";
import { parseSort } from "../query/sort";
import { pipelineSource } from "./aggregate";
import type { CommandContext } from "./context";
import { batchSizeOf, openCursor, sourceOf } from "./reply";
import { tailCollection } from "./tail";

/** @see https://www.mongodb.com/docs/manual/reference/command/find/ */
export function find(context: CommandContext): RawDocument {
  const name = context.collectionName();
  const collection = context.findCollection();
  const query = parseFind(context, collection);
  const options = {
    batchSize: batchSizeOf(context.command["batchSize"]),
    singleBatch: context.flag("singleBatch") || query.negativeLimit,
    noTimeout: context.flag("noCursorTimeout"),
    tailable: context.flag("tailable"),
  };
  const source = openSource(context, collection, query);
  return openCursor(context, `${context.db}.${name}`, source, options);
}

export interface FindQuery extends Selection {
  projection: Projection | undefined;
  negativeLimit: boolean;
}

export function parseFind(context: CommandContext, collection: Collection | undefined): FindQuery {
  const { command } = context;
  const collation = context.collation ?? collection?.collation;
  const variables = context.document("let");
  const filter = parseFilter(filterArgument("filter", command["filter"] ?? command["query"]), {
    collation,
    variables,
  });
  const limit = countArgument("limit", command["limit"]);
  const skip = countArgument("skip", command["skip"]);
  if (skip < 0) {
    throw badValue(`BSON field 'skip' value must be >= 0, actual value '${skip}'`);
  }
  return {
    filter,
    sort: parseSort(command["sort"]),
    skip,
    limit: Math.abs(limit),
    negativeLimit: limit < 0,
    hint: hintOf(command["hint"]),
    collation,
    projection: projectionOf(command["projection"] ?? command["fields"], filter, variables),
  };
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

function openSource(
  context: CommandContext,
  collection: Collection | undefined,
  query: FindQuery,
): DocumentSource {
  if (!collection) {
    return sourceOf([], () => undefined);
  }
  if (collection.isView) {
    return pipelineSource(context, collection, viewPipeline(context));
  }
  if (context.flag("tailable")) {
    return tailCollection(context, collection, query);
  }
  const snapshot = context.snapshot();
  const { matches } = select(snapshot, collection, query, context.deadline);
  return sourceOf(bytesOf(matches, query.projection), () => snapshot.release());
}

/** Without a projection the stored bytes go out as they are. */
export function* bytesOf(
  matches: Iterable<Match>,
  projection: Projection | undefined,
): Iterable<Buffer> {
  for (const { bytes, doc } of matches) {
    yield projection ? encode(projection(doc)) : bytes;
  }
}

/** A find on a view is an aggregation. */
function viewPipeline({ command }: CommandContext): Doc[] {
  const stages: [unknown, string][] = [
    [command["filter"], "$match"],
    [command["sort"], "$sort"],
    [command["skip"], "$skip"],
    [command["limit"], "$limit"],
    [command["projection"], "$project"],
  ];
  return stages
    .filter(([value]) =>
      typeof value === "object" ? value !== null && Object.keys(value).length > 0 : Boolean(value),
    )
    .map(([value, stage]) => ({ [stage]: value }));
}
