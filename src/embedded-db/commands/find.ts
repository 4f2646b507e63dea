import { badValue, failedToParse, MongoError } from "../errors";
import type { RawDocument } from "../bson/decode";
import { encode } from "../bson/encode";
import { type Doc, Long, toNumber } from "../bson/values";
import type { Collection } from "../catalog/collection";
import type { DocumentSource } from "../cursors";
import type { Plan } from "../index/planner";
import { readPath } from "../query/path";
import type { Match } from "../query/scan";
import { select } from "../query/select";
import type { CommandContext } from "./context";
import { pipelineSource } from "./pipeline-source";
import { type FindQuery, parseFind, viewPipeline } from "./query";
import { batchSizeOf, DURING_AGGREGATE, heldSource, openCursor, sourceOf } from "./reply";
import { tailCollection } from "./tail";

/** @see https://www.mongodb.com/docs/manual/reference/command/find/ */
export function find(context: CommandContext): RawDocument {
  const name = context.collectionName();
  const collection = context.findCollection();
  const query = parseFind(context, collection);
  if (query.negativeLimit) {
    throw new MongoError(
      51024,
      `BSON field 'limit' value must be >= 0, actual value '${-query.limit}'`,
    );
  }
  checkTailing(context);
  const options = {
    batchSize: batchSizeOf(context.command["batchSize"]),
    singleBatch: context.flag("singleBatch"),
    noTimeout: context.flag("noCursorTimeout"),
    // A collection without documents has no end that could be waited at.
    tailable: context.flag("tailable") && collection !== undefined && collection.count > 0,
  };
  const source = openSource(context, collection, query);
  const ns = `${context.db}.${name}`;
  const during = collection?.isView
    ? DURING_AGGREGATE
    : `Executor error during find command: ${ns}`;
  return openCursor(context, ns, source, { ...options, during });
}

/** @see https://www.mongodb.com/docs/manual/core/tailable-cursors/ */
function checkTailing(context: CommandContext): void {
  const tailable = context.flag("tailable");
  if (context.flag("awaitData") && !tailable) {
    throw failedToParse("Cannot set 'awaitData' without also setting 'tailable'");
  }
  const sort = context.document("sort") ?? {};
  const natural = Object.keys(sort).length === 0 || toNumber(sort["$natural"]) === 1;
  if (tailable && !natural) {
    throw badValue("cannot use tailable option with a sort other than {$natural: 1}");
  }
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
    return pipelineSource(context, collection, viewPipeline(context, query));
  }
  if (context.flag("tailable")) {
    return tailCollection(context, collection, query);
  }
  return heldSource(context, (snapshot) => {
    const { plan, matches } = select(snapshot, collection, query, context.deadline);
    return bytesOf(matches, shownOf(context, query, plan));
  });
}

/** What a find shows of a match; undefined for the document as it is. */
type Shown = ((match: Match) => Doc) | undefined;

function shownOf(context: CommandContext, { projection }: FindQuery, plan: Plan): Shown {
  if (context.flag("returnKey")) {
    return ({ doc }) => keyShown(doc, plan);
  }
  if (context.flag("showRecordId")) {
    return ({ doc, record }) => ({
      ...(projection ? projection(doc) : doc),
      $recordId: Long.fromNumber(record),
    });
  }
  return projection && (({ doc }) => projection(doc));
}

/** @see https://www.mongodb.com/docs/manual/reference/method/cursor.returnKey/ */
function keyShown(doc: Doc, plan: Plan): Doc {
  const fields = plan.stage === "IXSCAN" ? plan.index.fields : [];
  return Object.fromEntries(fields.map(({ path, parts }) => [path, readPath(doc, parts) ?? null]));
}

/** A document that is shown as it is goes out as the stored bytes. */
function* bytesOf(matches: Iterable<Match>, shown: Shown): Iterable<Buffer> {
  for (const match of matches) {
    yield shown ? encode(shown(match)) : match.bytes;
  }
}
