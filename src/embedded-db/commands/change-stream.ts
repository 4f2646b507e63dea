import { failedToParse, MongoError, wrongType, unknownField } from "../errors";
import { identicalValues } from "../bson/compare";
import { decode, type RawDocument } from "../bson/decode";
import { encode, encodeWithin, MAX_DOCUMENT_BYTES } from "../bson/encode";
import { type Doc, isDocument, omit, Timestamp } from "../bson/values";
import { compilePipeline } from "../aggregate/pipeline";
import { type Stage, stageEntry } from "../aggregate/stage";
import { isStage } from "../aggregate/stages";
import type { HistoryEntry } from "../change-history";
import type { TailableSource } from "../cursors";
import { readDocument } from "../query/select";
import { disambiguatedPaths } from "../update/disambiguate";
import type { Change } from "../sessions/write-unit";
import { type CommandContext, refuseView } from "./context";
import { pipelineContext } from "./pipeline-source";
import { choice } from "./fields";
import { DURING_AGGREGATE, openCursor } from "./reply";
import { nextChange } from "./tail";

/** What may follow `$changeStream`. */
const ALLOWED = new Set([
  "$addFields",
  "$match",
  "$project",
  "$redact",
  "$replaceRoot",
  "$replaceWith",
  "$set",
  "$unset",
]);

const SPLIT = "$changeStreamSplitLargeEvent";

/** Room for the token and the number of a fragment. */
const FRAGMENT_OVERHEAD = 1024;

/** Changes of a collection itself, after which a stream on it has nothing left to watch. */
const ENDING = new Set(["drop", "rename"]);

/** What only streams with `showExpandedEvents` are told. */
const EXPANDED = new Set(["create", "createIndexes", "dropIndexes", "modify"]);

/** The options of the stage, as MongoDB documents them. */
const OPTIONS = new Set([
  "allChangesForCluster",
  "allowToRunOnConfigDB",
  "fullDocument",
  "fullDocumentBeforeChange",
  "resumeAfter",
  "showExpandedEvents",
  "showMigrationEvents",
  "showRawUpdateDescription",
  "showSystemEvents",
  "startAfter",
  "startAtOperationTime",
]);

/** Stands in the token of an invalidate event where others have the number of a fragment. */
const INVALIDATED = 0xff;

/** How a stream asks for documents that only a collection with pre- and post-images keeps. */
type Images = "whenAvailable" | "required";

interface Start {
  after: number;
  /** Fragments of the first event that the client has already. */
  fragments: number;
  /** The client has the change at `after`, and perhaps not yet what follows from it. */
  resumed: boolean;
  /** The cluster time of the first change that is told; it may be still to come. */
  from?: Timestamp;
}

interface Watch extends Start {
  /** Undefined: every database. */
  db: string | undefined;
  /** Undefined: every collection. */
  coll: string | undefined;
  fullDocument: Images | "default" | "updateLookup";
  beforeChange: Images | "off";
  expanded: boolean;
  split: boolean;
  stages: Stage[];
}

/** @see https://www.mongodb.com/docs/manual/changeStreams/ */
export function changeStream(
  context: CommandContext,
  pipeline: readonly unknown[],
  batchSize: number | undefined,
): RawDocument {
  const { aggregate } = context.command;
  const coll = typeof aggregate === "string" ? aggregate : undefined;
  const watch = parseWatch(context, coll, pipeline);
  const ns = `${context.db}.${coll ?? "$cmd.aggregate"}`;
  return openCursor(context, ns, new ChangeSource(context, watch), {
    batchSize,
    tailable: true,
    during: DURING_AGGREGATE,
  });
}

function parseWatch(
  context: CommandContext,
  coll: string | undefined,
  [first, ...rest]: readonly unknown[],
): Watch {
  const [, options] = stageEntry(first);
  if (!isDocument(options)) {
    throw failedToParse("the $changeStream stage specification must be an object");
  }
  const unknown = Object.keys(options).find((name) => !OPTIONS.has(name));
  if (unknown !== undefined) {
    throw unknownField("$changeStream", unknown);
  }
  const all = options["allChangesForCluster"] === true;
  if (all && (context.db !== "admin" || coll !== undefined)) {
    throw new MongoError(
      72,
      "A $changeStream for the whole cluster must be run on the admin database",
    );
  }
  refuseNamespace(context, coll, all);
  const { stages, split } = splitting(rest);
  const refused = stages
    .map((stage) => stageEntry(stage)[0])
    .find((name) => isStage(name) && !ALLOWED.has(name));
  if (refused !== undefined) {
    throw new MongoError(20, `${refused} is not permitted in a $changeStream pipeline`);
  }
  return {
    db: all ? undefined : context.db,
    coll,
    ...startOf(context, options),
    fullDocument: choice("$changeStream", options, "fullDocument", [
      "default",
      "updateLookup",
      "whenAvailable",
      "required",
    ]),
    beforeChange: choice("$changeStream", options, "fullDocumentBeforeChange", [
      "off",
      "whenAvailable",
      "required",
    ]),
    expanded: options["showExpandedEvents"] === true,
    split,
    stages: compilePipeline(stages, pipelineContext(context, context.engine.storage, undefined)),
  };
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/changeStreamSplitLargeEvent/ */
function splitting(stages: readonly unknown[]): { stages: readonly unknown[]; split: boolean } {
  const place = stages.findIndex((stage) => stageEntry(stage)[0] === SPLIT);
  if (place < 0) {
    return { stages, split: false };
  }
  const [, argument] = stageEntry(stages[place]);
  if (!isDocument(argument) || Object.keys(argument).length > 0) {
    throw new MongoError(7182800, `${SPLIT} spec should be an empty object`);
  }
  if (place < stages.length - 1) {
    throw new MongoError(7182802, `${SPLIT} must be the last stage in the pipeline`);
  }
  return { stages: stages.slice(0, -1), split: true };
}

/** Databases of the server itself, which nobody watches. */
const INTERNAL = new Set(["admin", "config", "local"]);

function refuseNamespace(context: CommandContext, coll: string | undefined, all: boolean): void {
  const { db } = context;
  if (INTERNAL.has(db) && !all) {
    throw new MongoError(73, `$changeStream may not be opened on the internal ${db} database`);
  }
  if (coll?.startsWith("system.")) {
    throw new MongoError(
      73,
      `$changeStream may not be opened on the internal ${db}.${coll} collection`,
    );
  }
  const collection = coll === undefined ? undefined : context.findCollection(coll);
  if (collection) {
    refuseView(collection);
  }
}

function startOf({ engine: { history } }: CommandContext, options: Doc): Start {
  const { resumeAfter, startAfter, startAtOperationTime: time } = options;
  if (resumeAfter !== undefined && startAfter !== undefined) {
    throw new MongoError(
      50674,
      "Do not specify both 'resumeAfter' and 'startAfter' in a $changeStream stage",
    );
  }
  if (time !== undefined && !(time instanceof Timestamp)) {
    throw wrongType("$changeStream.startAtOperationTime", time, "timestamp");
  }
  const token = resumeAfter ?? startAfter;
  if (token !== undefined && time !== undefined) {
    throw new MongoError(
      40674,
      "Only one type of resume option is allowed, but multiple were found.",
    );
  }
  if (token === undefined) {
    return time
      ? { after: history.before(time), fragments: 0, resumed: false, from: time }
      : { after: history.position, fragments: 0, resumed: false };
  }
  const { position, fragment } = history.positionOf(token);
  if (fragment === INVALIDATED && resumeAfter !== undefined) {
    throw new MongoError(
      260,
      "Attempting to resume a change stream using 'resumeAfter' is not allowed from an invalidate notification.",
    );
  }
  return fragment === undefined || fragment === INVALIDATED
    ? { after: position, fragments: 0, resumed: fragment === undefined }
    : { after: position - 1, fragments: fragment + 1, resumed: false };
}

/** The changes a client watches, as documents. */
class ChangeSource implements TailableSource {
  readonly awaits = true;
  private position: number;
  private invalidated = false;
  /** The change that ended the stream, until the client has been told. */
  private ending: HistoryEntry | undefined;
  private fragments: Buffer[] = [];
  private skip: number;

  constructor(
    private readonly context: CommandContext,
    private readonly watch: Watch,
  ) {
    this.position = watch.after;
    this.skip = watch.fragments;
    const last = watch.resumed ? context.engine.history.at(watch.after) : undefined;
    if (last && this.watches(last) && this.ends(last)) {
      this.ending = last;
    }
  }

  get ended(): boolean {
    return this.invalidated;
  }

  next(): IteratorResult<Buffer, unknown> {
    const fragment = this.fragments.shift();
    if (fragment) {
      return { done: false, value: fragment };
    }
    for (let event = this.nextEvent(); event; event = this.nextEvent()) {
      const [shown] = this.watch.stages.reduce<Iterable<Doc>>(
        (docs, stage) => stage(docs),
        [event],
      );
      checkToken(event, shown);
      const parts = shown ? this.partsOf(shown) : [];
      this.fragments = parts.slice(this.skip);
      this.skip = 0;
      const first = this.fragments.shift();
      if (first) {
        return { done: false, value: first };
      }
    }
    return { done: true, value: undefined };
  }

  /** The event as it goes to the client: in one piece, or in fragments where it is too large. */
  private partsOf(event: Doc): Buffer[] {
    const whole = encodeWithin(MAX_DOCUMENT_BYTES, event);
    if (whole) {
      return [whole];
    }
    if (!this.watch.split) {
      throw new MongoError(
        10334,
        `BSONObj size is invalid. Executor error during getMore :: caused by :: the change event is larger than 16 MB; use ${SPLIT}`,
        {},
        ["NonResumableChangeStreamError"],
      );
    }
    const groups = fragmentsOf(event);
    return groups.map((fields, at) =>
      encode({
        _id: this.context.engine.history.token(this.position, at),
        splitEvent: { fragment: at + 1, of: groups.length },
        ...fields,
      }),
    );
  }

  close(): void {
    // It holds nothing.
  }

  wait(ms: number, killed: AbortSignal): Promise<void> {
    return nextChange(this.context, ms, killed);
  }

  resumeToken(): Doc {
    const fragment = this.invalidated ? INVALIDATED : undefined;
    return this.context.engine.history.token(this.position, fragment);
  }

  private nextEvent(): Doc | undefined {
    const { history } = this.context.engine;
    if (this.ending) {
      const { ending } = this;
      this.ending = undefined;
      this.invalidated = true;
      return {
        _id: this.resumeToken(),
        operationType: "invalidate",
        clusterTime: ending.clusterTime,
        wallTime: ending.wallTime,
      };
    }
    for (
      let entry = this.invalidated ? undefined : history.after(this.position);
      entry;
      entry = history.after(this.position)
    ) {
      this.position = entry.position;
      if (this.watches(entry)) {
        this.ending = this.ends(entry) ? entry : undefined;
        return this.eventOf(entry);
      }
    }
    return undefined;
  }

  private watches(entry: HistoryEntry): boolean {
    const {
      ns,
      clusterTime,
      change: { type, to },
    } = entry;
    const { from } = this.watch;
    return (
      (from === undefined || clusterTime.compare(from) >= 0) &&
      (this.isWatched(ns, type) || (to !== undefined && this.isWatched(to, type))) &&
      (!EXPANDED.has(type) || this.watch.expanded)
    );
  }

  private isWatched(ns: HistoryEntry["ns"], type: Change["type"]): boolean {
    const { db, coll } = this.watch;
    return (
      (db === undefined || ns.db === db) &&
      (coll === undefined || (ns.coll === coll && type !== "dropDatabase"))
    );
  }

  private ends({ change: { type } }: HistoryEntry): boolean {
    const { db, coll } = this.watch;
    return coll === undefined ? db !== undefined && type === "dropDatabase" : ENDING.has(type);
  }

  /** @see https://www.mongodb.com/docs/manual/reference/change-events/ */
  private eventOf(entry: HistoryEntry): Doc {
    const { position, clusterTime, wallTime, ns, change } = entry;
    const { type, to, transaction } = change;
    const documentKey = documentKeyOf(change);
    return {
      _id: this.context.engine.history.token(position),
      operationType: type,
      clusterTime,
      wallTime,
      ...this.fullDocument(change),
      ns: type === "dropDatabase" ? { db: ns.db } : ns,
      ...(documentKey ? { documentKey } : {}),
      ...(type === "update" ? { updateDescription: this.describe(change) } : {}),
      ...(type === "rename" ? { to } : {}),
      ...this.beforeChange(change),
      ...(this.watch.expanded ? expansionOf(change) : {}),
      ...transaction,
    };
  }

  private describe({ description, bytes }: Change): Doc {
    return this.watch.expanded && description && bytes
      ? { ...description, disambiguatedPaths: disambiguatedPaths(description, decode(bytes)) }
      : { ...description };
  }

  /** An update carries the document as the stream asks for it. */
  private fullDocument({ type, bytes, collection, documentKey }: Change): Doc {
    if (type === "insert" || type === "replace") {
      return bytes ? { fullDocument: decode(bytes) } : {};
    }
    const wanted = this.watch.fullDocument;
    if (type !== "update" || wanted === "default") {
      return {};
    }
    if (wanted === "updateLookup") {
      const current = readDocument(this.context.engine.storage, collection, documentKey?.["_id"]);
      return { fullDocument: current ?? null };
    }
    return { fullDocument: image(collection.keepsImages ? bytes : undefined, wanted, "post") };
  }

  /** @see https://www.mongodb.com/docs/manual/changeStreams/#change-streams-with-document-pre--and-post-images */
  private beforeChange({ type, before }: Change): Doc {
    const wanted = this.watch.beforeChange;
    return wanted === "off" || !["update", "replace", "delete"].includes(type)
      ? {}
      : { fullDocumentBeforeChange: image(before, wanted, "pre") };
  }
}

/** What an event has only in streams with `showExpandedEvents`. */
function expansionOf({ type, collection, operation, stateBefore }: Change): Doc {
  const hasUuid = type !== "dropDatabase" && !collection.isView;
  return {
    ...(hasUuid ? { collectionUUID: collection.uuid } : {}),
    ...(operation ? { operationDescription: operation } : {}),
    ...(stateBefore ? { stateBeforeChange: stateBefore } : {}),
  };
}

/** Clients resume with the `_id` of an event: a pipeline must leave it as it is. */
function checkToken(event: Doc, shown: Doc | undefined): void {
  if (shown && !identicalValues(shown["_id"], event["_id"])) {
    throw new MongoError(
      280,
      "Encountered an event whose _id field, which contains the resume token, was modified by the pipeline. " +
        "Modifying the _id field of an event makes it impossible to resume the stream from that point. " +
        "Only transformations that retain the unmodified _id field are allowed.",
      {},
      ["NonResumableChangeStreamError"],
    );
  }
}

/** The most common change, an insertion, leaves it to who wants to know. */
function documentKeyOf({ type, documentKey, bytes }: Change): Doc | undefined {
  return type === "insert" && bytes ? decode(bytes, { only: ID_ONLY }) : documentKey;
}

const ID_ONLY = new Set(["_id"]);

function image(bytes: Buffer | undefined, wanted: Images, which: "pre" | "post"): Doc | null {
  if (!bytes && wanted === "required") {
    throw new MongoError(
      47,
      `Change stream was configured to require a ${which}-image for all update${which === "pre" ? ", delete and replace" : ""} events, but the ${which}-image was not found for an event`,
      {},
      ["NonResumableChangeStreamError"],
    );
  }
  return bytes ? decode(bytes) : null;
}

/** The fields of an event, small ones first, in as few groups as fit into documents. */
function fragmentsOf(event: Doc): Doc[] {
  const groups: Doc[] = [];
  let room = 0;
  const fields = Object.entries(omit(event, "_id"))
    .map(([name, value]) => ({ name, value, size: encode({ [name]: value }).length }))
    .sort((a, b) => a.size - b.size);
  for (const { name, value, size } of fields) {
    if (size > room || groups.length === 0) {
      groups.push({});
      room = MAX_DOCUMENT_BYTES - FRAGMENT_OVERHEAD;
    }
    Object.assign(groups.at(-1) as Doc, { [name]: value });
    room -= size;
  }
  return groups;
}
