import { decode } from "../bson/decode";
import { encode } from "../bson/encode";
import type { Doc } from "../bson/values";
import type { Collection } from "../catalog/collection";
import { enforceCap } from "../catalog/capped";
import type { Collation } from "../query/collation";
import type { Filter } from "../query/filter";
import { type Deadline, type Match, UnreadMatch } from "../query/scan";
import { select } from "../query/select";
import type { SortKey } from "../query/sort";
import type { WriteUnit } from "../sessions/write-unit";
import { type CompiledUpdate, makeUpsert } from "./update";

/** One statement of an update command. */
export interface UpdateStatement {
  filter: Filter;
  update: CompiledUpdate;
  multi: boolean;
  upsert: boolean;
  collation: Collation | undefined;
  hint: unknown;
  sort: readonly SortKey[];
  bypassValidation: boolean;
}

export interface UpdateOutcome {
  matched: number;
  modified: number;
  upserted: { index: number; _id: unknown }[];
}

/** Runs one statement and adds what it did to the outcome. */
export function updateDocuments(
  unit: WriteUnit,
  collection: Collection,
  statement: UpdateStatement,
  index: number,
  outcome: UpdateOutcome,
  deadline: Deadline,
): void {
  let [matched, changed] = [0, 0];
  for (const match of selectForWriting(unit, collection, statement, deadline)) {
    const { modified } = updateOne(unit, collection, match, statement);
    matched++;
    changed += modified ? 1 : 0;
  }
  // A statement that fails on the way counts for nothing.
  outcome.matched += matched;
  outcome.modified += changed;
  if (matched === 0 && statement.upsert) {
    const doc = insertUpsert(unit, collection, statement);
    outcome.upserted.push({ index, _id: doc["_id"] });
  }
}

/**
 * All documents are chosen before the first one changes, so none is met twice. Of many, each is
 * read again when its turn comes: together they may be more than the memory holds.
 */
export function* selectForWriting(
  unit: WriteUnit,
  collection: Collection,
  statement: Pick<UpdateStatement, "filter" | "multi" | "collation" | "hint" | "sort">,
  deadline: Deadline,
): Iterable<Match> {
  const selection = { ...statement, skip: 0, limit: statement.multi ? 0 : 1 };
  const { matches } = select(unit, collection, selection, deadline);
  if (!statement.multi) {
    yield* [...matches];
    return;
  }
  for (const record of Array.from(matches, (match) => match.record)) {
    deadline.check();
    const bytes = collection.read(unit, record);
    if (bytes) {
      yield new UnreadMatch(record, bytes);
    }
  }
}

/** Changes one document; an update that changes nothing writes nothing. */
export function updateOne(
  unit: WriteUnit,
  collection: Collection,
  match: Match,
  { update, bypassValidation }: Pick<UpdateStatement, "update" | "bypassValidation">,
): { modified: boolean; after: Doc } {
  // Operators change their document in place, so the old state is decoded once more.
  const { after, change } = update.apply(decode(match.bytes), false);
  const bytes = encode(after);
  if (bytes.equals(match.bytes)) {
    return { modified: false, after };
  }
  if (!bypassValidation) {
    collection.validateChange(match.doc, after);
  }
  collection.replace(unit, match, match.doc, after, bytes, change);
  return { modified: true, after };
}

export function insertUpsert(
  unit: WriteUnit,
  collection: Collection,
  statement: Pick<UpdateStatement, "filter" | "update" | "bypassValidation">,
): Doc {
  const given = encode(makeUpsert(statement.filter, statement.update));
  const doc = decode(collection.insert(unit, given, statement.bypassValidation));
  enforceCap(unit, collection);
  return doc;
}
