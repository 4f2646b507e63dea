import type { Doc } from "../bson/values";
import type { Collection } from "../catalog/collection";
import { type Plan, planQuery } from "../index/planner";
import type { Reader } from "../storage/storage";
import type { Collation } from "./collation";
import { type Filter, parseFilter } from "./filter";
import { lazily } from "./lazily";
import { MemoryBudget } from "./memory-budget";
import { metaOf, setMeta } from "./meta";
import { nearMatches, requireGeoIndex } from "./geo/near";
import {
  countKeys,
  Deadline,
  isCovering,
  lengthOf,
  type Match,
  runPlan,
  type ScanStatistics,
} from "./scan";
import { sortDocuments, type SortKey } from "./sort";

/** Which documents of a collection are wanted, and in which order. */
export interface Selection {
  filter: Filter;
  sort: readonly SortKey[];
  skip: number;
  limit: number;
  hint: unknown;
  collation: Collation | undefined;
}

/** Plans a selection and gives its documents, with skip and limit applied. */
export function select(
  reader: Reader,
  collection: Collection,
  selection: Selection,
  deadline: Deadline,
  statistics: ScanStatistics = { keysExamined: 0, docsExamined: 0 },
): { plan: Plan; matches: Iterable<Match> } {
  const { near } = selection.filter;
  if (near) {
    requireGeoIndex(collection, near);
  }
  const plan = planQuery(collection, selection);
  const found = runPlan(reader, collection, plan, selection.filter, statistics, deadline);
  const inRange = near ? nearMatches(found, near) : found;
  const ordered =
    selection.sort.length === 0 || (plan.sorted && !near)
      ? inRange
      : lazily(() => sorted(inRange, selection, deadline));
  return { plan, matches: cut(ordered, selection.skip, selection.limit) };
}

function sorted(found: Iterable<Match>, selection: Selection, deadline: Deadline): Match[] {
  const { sort, skip, limit, collation } = selection;
  const docOf = (match: Match) => {
    noteScore(match);
    return match.doc;
  };
  return sortDocuments(found, sort, docOf, {
    collation,
    deadline,
    budget: new MemoryBudget("the sort"),
    meta: (doc: Doc, name) => metaOf(doc, name),
    limit: limit > 0 ? skip + limit : undefined,
  });
}

function* cut(matches: Iterable<Match>, skip: number, limit: number): Iterable<Match> {
  let skipped = 0;
  let given = 0;
  for (const match of matches) {
    if (skipped < skip) {
      skipped++;
      continue;
    }
    noteScore(match);
    yield match;
    if (++given === limit) {
      return;
    }
  }
}

function noteScore(match: Match): void {
  if (match.score !== undefined) {
    setMeta(match.doc, "textScore", match.score);
  }
}

/** How many documents a selection has; from the keys of an index where they tell. */
export function countSelected(
  reader: Reader,
  collection: Collection,
  selection: Selection,
  deadline: Deadline,
  statistics: ScanStatistics = { keysExamined: 0, docsExamined: 0 },
): { plan: Plan; covered: boolean; count: number } {
  if (selection.filter.near) {
    const { plan, matches } = select(reader, collection, selection, deadline, statistics);
    return { plan, covered: false, count: lengthOf(matches) };
  }
  const plan = planQuery(collection, { ...selection, sort: [], counting: true });
  const covered = isCovering(plan);
  const found = covered
    ? countKeys(reader, plan, statistics, deadline)
    : lengthOf(runPlan(reader, collection, plan, selection.filter, statistics, deadline));
  const count = Math.max(0, found - selection.skip);
  return { plan, covered, count: selection.limit > 0 ? Math.min(count, selection.limit) : count };
}

/** The document with this `_id`, as it is now. */
export function readDocument(
  reader: Reader,
  collection: Collection,
  _id: unknown,
): Doc | undefined {
  const selection: Selection = {
    filter: parseFilter({ _id: { $eq: _id } }),
    sort: [],
    skip: 0,
    limit: 1,
    hint: undefined,
    collation: undefined,
  };
  const [match] = select(reader, collection, selection, new Deadline()).matches;
  return match?.doc;
}
