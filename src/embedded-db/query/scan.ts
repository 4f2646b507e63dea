import { MongoError } from "../errors";
import { decode } from "../bson/decode";
import type { Doc, Timestamp } from "../bson/values";
import type { Collection, StoredDocument } from "../catalog/collection";
import type { Index } from "../catalog/collection-index";
import { TextAnalyzer } from "../index/text";
import type { IndexScan, Plan, ScanRange } from "../index/planner";
import type { LogicalClock } from "../logical-clock";
import { documentRange, indexRange, readRecordId } from "../storage/keys";
import type { Entry, Reader } from "../storage/storage";
import type { Filter } from "./filter";

/** What explain tells about a run. */
export interface ScanStatistics {
  keysExamined: number;
  docsExamined: number;
}

/** A document that matched. */
export interface Match extends StoredDocument {
  readonly doc: Doc;
  score?: number;
}

/** How long a command may work without letting others have their turn. */
const LONGEST_STRETCH_MS = 60_000;

/** A match that is known to be one, by its index, say: decoded when somebody looks into it. */
export class UnreadMatch implements Match {
  private decoded: Doc | undefined;

  constructor(
    readonly record: number,
    readonly bytes: Buffer,
  ) {}

  get doc(): Doc {
    return (this.decoded ??= decode(this.bytes));
  }
}

/** The time a command and the reading of its cursor may take together, from maxTimeMS. */
export class Deadline {
  private steps = 0;
  private end: number;
  private stretchEnd = Infinity;
  private startedAt: Timestamp | undefined;

  /** Without a limit it never passes. */
  constructor(
    private left = Infinity,
    private readonly clock?: LogicalClock,
  ) {
    this.end = Date.now() + left;
  }

  /** The cluster time of the whole operation. */
  get clusterTime(): Timestamp | undefined {
    return (this.startedAt ??= this.clock?.known);
  }

  /** Looks at the clock once in a while. */
  check(): void {
    if ((this.steps++ & 63) === 0 && Date.now() > Math.min(this.end, this.stretchEnd)) {
      throw expired();
    }
  }

  /** Waits for something, but no longer than there is time. */
  async limit(wait: Promise<unknown>): Promise<void> {
    if (this.end === Infinity) {
      await wait;
      return;
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const left = Math.min(Math.max(this.end - Date.now(), 0), LONGEST_TIMER_MS);
      timer = setTimeout(() => reject(expired()), left);
    });
    try {
      await Promise.race([wait, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Everybody else waits while a command works: without a limit of its own it has this one. */
  begin(): void {
    this.stretchEnd = Date.now() + LONGEST_STRETCH_MS;
  }

  /** The time a cursor waits for its client does not count. */
  pause(): void {
    this.left = this.end - Date.now();
  }

  resume(): void {
    this.end = Date.now() + this.left;
  }
}

function expired(): MongoError {
  return new MongoError(50, "operation exceeded time limit");
}

/** Node's timers hold 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Runs a plan: the documents it leads to that match the filter, in the plan's order. */
export function* runPlan(
  reader: Reader,
  collection: Collection,
  plan: Plan,
  filter: Filter,
  statistics: ScanStatistics,
  deadline: Deadline,
): Iterable<Match> {
  if (plan.stage === "TEXT") {
    yield* runText(reader, collection, plan.index, filter, statistics, deadline);
    return;
  }
  const covering = isCovering(plan);
  for (const stored of storedDocuments(reader, collection, plan, statistics)) {
    deadline.check();
    if (covering) {
      yield new UnreadMatch(stored.record, stored.bytes);
      continue;
    }
    const doc = decode(stored.bytes);
    if (filter.matches(doc)) {
      yield { ...stored, doc };
    }
  }
}

/** True when an index says which documents match, whatever else they hold. */
export function isCovering(plan: Plan): plan is IndexScan {
  return plan.stage === "IXSCAN" && plan.covered;
}

/** How many documents a covering plan leads to, from the keys alone. */
export function countKeys(
  reader: Reader,
  plan: IndexScan,
  statistics: ScanStatistics,
  deadline: Deadline,
): number {
  if (plan.distinct) {
    plan.index.accesses.ops++;
    const count = plan.ranges.reduce(
      (sum, { low, high }) => sum + reader.count({ start: low, end: high }),
      0,
    );
    statistics.keysExamined += count;
    return count;
  }
  return lengthOf(checked(recordIds(reader, plan, statistics), deadline));
}

function* checked<T>(items: Iterable<T>, deadline: Deadline): Iterable<T> {
  for (const item of items) {
    deadline.check();
    yield item;
  }
}

/** Counts without keeping what is counted. */
export function lengthOf(input: Iterable<unknown>): number {
  const iterator = input[Symbol.iterator]();
  let total = 0;
  while (!iterator.next().done) {
    total++;
  }
  return total;
}

/** The documents a plan leads to, not decoded and not filtered. */
function* storedDocuments(
  reader: Reader,
  collection: Collection,
  plan: Plan,
  statistics: ScanStatistics,
): Iterable<StoredDocument> {
  if (plan.stage === "COLLSCAN" && !collection.clustered) {
    for (const { key, value } of reader.range({
      ...documentRange(collection.id),
      reverse: plan.reverse,
    })) {
      statistics.docsExamined++;
      yield { record: readRecordId(key), bytes: value };
    }
    return;
  }
  const records =
    plan.stage === "COLLSCAN"
      ? clusteredRecords(reader, collection, plan.reverse)
      : recordIds(reader, plan, statistics);
  for (const record of records) {
    const bytes = collection.read(reader, record);
    if (bytes) {
      statistics.docsExamined++;
      yield { record, bytes };
    }
  }
}

/**
 * The documents of a clustered collection are in the order of their `_id`s.
 * @see https://www.mongodb.com/docs/manual/core/clustered-collections/
 */
function* clusteredRecords(
  reader: Reader,
  { indexes }: Collection,
  reverse: boolean,
): Iterable<number> {
  for (const { id } of indexes.filter(({ isId }) => isId)) {
    for (const { value } of reader.range({ ...indexRange(id), reverse })) {
      yield readRecordId(value);
    }
  }
}

function* recordIds(reader: Reader, plan: Plan, statistics: ScanStatistics): Iterable<number> {
  if (plan.stage === "OR") {
    yield* once(plan.plans.map((branch) => recordIds(reader, branch, statistics)));
    return;
  }
  if (plan.stage !== "IXSCAN") {
    return;
  }
  const { index, ranges, reverse } = plan;
  index.accesses.ops++;
  if (plan.unique && ranges.length === 1) {
    const holder = reader.get((ranges[0] as ScanRange).low);
    if (holder) {
      statistics.keysExamined++;
      yield readRecordId(holder);
    }
    return;
  }
  const merged = plan.sorted && ranges.length > 1;
  const entries = merged
    ? mergeRanges(reader, ranges, reverse)
    : inSequence(reader, ranges, reverse);
  const records = recordsOf(index, entries, statistics);
  yield* plan.distinct ? records : once([records]);
}

function* recordsOf(
  index: Index,
  entries: Iterable<Entry>,
  statistics: ScanStatistics,
): Iterable<number> {
  for (const { key, value } of entries) {
    statistics.keysExamined++;
    yield readRecordId(index.unique ? value : key);
  }
}

function* once(sources: readonly Iterable<number>[]): Iterable<number> {
  const seen = new Set<number>();
  for (const source of sources) {
    for (const record of source) {
      if (!seen.has(record)) {
        seen.add(record);
        yield record;
      }
    }
  }
}

function* inSequence(
  reader: Reader,
  ranges: readonly ScanRange[],
  reverse: boolean,
): Iterable<Entry> {
  for (const { low, high } of reverse ? [...ranges].reverse() : ranges) {
    yield* reader.range({ start: low, end: high, reverse });
  }
}

interface Head {
  entry: Entry;
  rest: Iterator<Entry>;
  fixed: number;
}

/** Several ranges, each in order, as one in order of what follows their fixed parts. */
function* mergeRanges(
  reader: Reader,
  ranges: readonly ScanRange[],
  reverse: boolean,
): Iterable<Entry> {
  const heads: Head[] = [];
  for (const { low, high, fixed } of ranges) {
    const rest = reader.range({ start: low, end: high, reverse })[Symbol.iterator]();
    const first = rest.next();
    if (!first.done) {
      heads.push({ entry: first.value, rest, fixed });
    }
  }
  const sign = reverse ? -1 : 1;
  while (heads.length > 0) {
    const best = heads.reduce((a, b) => (compareTails(b, a) * sign < 0 ? b : a));
    yield best.entry;
    const next = best.rest.next();
    if (next.done) {
      heads.splice(heads.indexOf(best), 1);
    } else {
      best.entry = next.value;
    }
  }
}

function compareTails(a: Head, b: Head): number {
  return a.entry.key.compare(b.entry.key, b.fixed, undefined, a.fixed);
}

function* runText(
  reader: Reader,
  collection: Collection,
  index: Index,
  filter: Filter,
  statistics: ScanStatistics,
  deadline: Deadline,
): Iterable<Match> {
  const query = filter.text;
  const spec = index.text;
  if (!query || !spec) {
    return;
  }
  index.accesses.ops++;
  const ranges = TextAnalyzer.lookupKeys(spec, query).map((term): ScanRange => {
    const low = Buffer.concat([index.scanPrefix, term]);
    return { low, high: Buffer.concat([low, Buffer.from([0xff])]), fixed: low.length };
  });
  const records = once([recordsOf(index, inSequence(reader, ranges, false), statistics)]);
  for (const record of records) {
    deadline.check();
    const bytes = collection.read(reader, record);
    const doc = bytes && decode(bytes);
    const score = doc && TextAnalyzer.scoreOf(spec, query, doc);
    if (bytes && doc && score !== undefined && filter.matches(doc)) {
      statistics.docsExamined++;
      yield { record, bytes, doc, score };
    }
  }
}
