import type { RawDocument } from "../bson/decode";
import { encode } from "../bson/encode";
import { type Doc } from "../bson/values";
import type { Collection } from "../catalog/collection";
import type { DocumentSource } from "../cursors";
import type { Projection } from "../query/projection";
import type { Match } from "../query/scan";
import { select } from "../query/select";
import type { CommandContext } from "./context";
import { pipelineSource } from "./pipeline-source";
import { type FindQuery, parseFind } from "./query";
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
function* bytesOf(matches: Iterable<Match>, projection: Projection | undefined): Iterable<Buffer> {
  for (const match of matches) {
    yield projection ? encode(projection(match.doc)) : match.bytes;
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
