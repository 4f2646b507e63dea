import { badValue, failedToParse, MongoError } from "../errors";
import { decode, type RawDocument } from "../bson/decode";
import { encode } from "../bson/encode";
import { type Doc, isDocument, Timestamp } from "../bson/values";
import { compilePipeline } from "../aggregate/pipeline";
import { type Stage, stageEntry } from "../aggregate/stage";
import type { HistoryEntry } from "../change-history";
import type { TailableSource } from "../cursors";
import { readDocument } from "../query/select";
import type { CommandContext } from "./context";
import { pipelineContext } from "./pipeline-source";
import { openCursor } from "./reply";
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

/** Changes of a collection itself, after which a stream on it has nothing left to watch. */
const ENDING = new Set(["drop", "rename"]);

interface Watch {
  /** Undefined: every database. */
  db: string | undefined;
  /** Undefined: every collection. */
  coll: string | undefined;
  after: number;
  lookup: boolean;
  expanded: boolean;
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
  return openCursor(context, ns, new ChangeSource(context, watch), { batchSize, tailable: true });
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
  const all = options["allChangesForCluster"] === true;
  if (all && (context.db !== "admin" || coll !== undefined)) {
    throw new MongoError(
      72,
      "A $changeStream for the whole cluster must be run on the admin database",
    );
  }
  const refused = rest.map((stage) => stageEntry(stage)[0]).find((name) => !ALLOWED.has(name));
  if (refused !== undefined) {
    throw new MongoError(20, `${refused} is not permitted in a $changeStream pipeline`);
  }
  return {
    db: all ? undefined : context.db,
    coll,
    after: startOf(context, options),
    lookup: wantsLookup(options),
    expanded: options["showExpandedEvents"] === true,
    stages: compilePipeline(rest, pipelineContext(context, context.engine.storage)),
  };
}

function startOf({ engine: { history } }: CommandContext, options: Doc): number {
  const token = options["resumeAfter"] ?? options["startAfter"];
  if (token !== undefined) {
    return history.positionOf(token);
  }
  const time = options["startAtOperationTime"];
  return time instanceof Timestamp ? history.before(time) : history.position;
}

/** Documents as they were before a change are not kept. */
function wantsLookup(options: Doc): boolean {
  const { fullDocument = "default", fullDocumentBeforeChange = "off" } = options;
  if (fullDocumentBeforeChange !== "off" && fullDocumentBeforeChange !== "whenAvailable") {
    throw new MongoError(238, "fullDocumentBeforeChange is not supported by the embedded database");
  }
  if (!["default", "updateLookup", "whenAvailable", "required"].includes(String(fullDocument))) {
    throw badValue(
      `Enumeration value '${String(fullDocument)}' for field 'fullDocument' is not a valid value.`,
    );
  }
  return fullDocument !== "default";
}

/** The changes a client watches, as documents. */
class ChangeSource implements TailableSource {
  private position: number;
  private invalidated = false;
  private closing = false;

  constructor(
    private readonly context: CommandContext,
    private readonly watch: Watch,
  ) {
    this.position = watch.after;
  }

  get ended(): boolean {
    return this.invalidated;
  }

  next(): IteratorResult<Buffer, unknown> {
    for (let event = this.nextEvent(); event; event = this.nextEvent()) {
      const [shown] = this.watch.stages.reduce<Iterable<Doc>>(
        (docs, stage) => stage(docs),
        [event],
      );
      if (shown) {
        return { done: false, value: encode(shown) };
      }
    }
    return { done: true, value: undefined };
  }

  close(): void {
    // It holds nothing.
  }

  wait(ms: number): Promise<void> {
    return nextChange(this.context, ms);
  }

  resumeToken(): Doc {
    return this.context.engine.history.token(this.position);
  }

  private nextEvent(): Doc | undefined {
    const { history } = this.context.engine;
    if (this.closing) {
      this.closing = false;
      this.invalidated = true;
      return { _id: this.resumeToken(), operationType: "invalidate" };
    }
    for (
      let entry = this.invalidated ? undefined : history.after(this.position);
      entry;
      entry = history.after(this.position)
    ) {
      this.position = entry.position;
      if (this.watches(entry)) {
        this.closing = this.ends(entry);
        return this.eventOf(entry);
      }
    }
    return undefined;
  }

  private watches({ ns, change: { type } }: HistoryEntry): boolean {
    const { db, coll, expanded } = this.watch;
    return (
      (db === undefined || ns.db === db) &&
      (coll === undefined || (ns.coll === coll && type !== "dropDatabase")) &&
      (type !== "create" || expanded)
    );
  }

  private ends({ change: { type } }: HistoryEntry): boolean {
    const { db, coll } = this.watch;
    return coll === undefined ? db !== undefined && type === "dropDatabase" : ENDING.has(type);
  }

  /** @see https://www.mongodb.com/docs/manual/reference/change-events/ */
  private eventOf({ position, clusterTime, wallTime, ns, change }: HistoryEntry): Doc {
    const { type, documentKey, change: detail } = change;
    return {
      _id: this.context.engine.history.token(position),
      operationType: type,
      clusterTime,
      wallTime,
      ...this.fullDocument(change),
      ns: type === "dropDatabase" ? { db: ns.db } : ns,
      ...(documentKey ? { documentKey } : {}),
      ...(type === "update" ? { updateDescription: descriptionOf(detail ?? {}) } : {}),
      ...(type === "rename" ? { to: detail?.["to"] } : {}),
    };
  }

  /** An update carries the document as it is now, if that is wanted. */
  private fullDocument({ type, bytes, collection, documentKey }: HistoryEntry["change"]): Doc {
    if (type === "insert" || type === "replace") {
      return bytes ? { fullDocument: decode(bytes) } : {};
    }
    if (type !== "update" || !this.watch.lookup) {
      return {};
    }
    const current = readDocument(this.context.engine.storage, collection, documentKey?.["_id"]);
    return { fullDocument: current ?? null };
  }
}

function descriptionOf(change: Doc): Doc {
  return {
    updatedFields: change["$set"] ?? {},
    removedFields: Object.keys(change["$unset"] ?? {}),
    truncatedArrays: [],
  };
}
