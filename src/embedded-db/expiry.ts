import { setImmediate as turn } from "node:timers/promises";
import type { Collection } from "./catalog/collection";
import type { Index } from "./catalog/collection-index";
import type { Engine } from "./engine";
import { toNumber } from "./bson/values";
import { parseFilter } from "./query/filter";
import { Deadline } from "./query/scan";
import { select } from "./query/select";

/** Documents removed in one commit, after which others have their turn. */
const CHUNK = 500;

const TICK_MS = 250;
const SWEEP_MS = 30_000;

/**
 * The background work: documents of TTL indexes, idle cursors, forgotten sessions. Answers how to
 * stop it.
 * @see https://www.mongodb.com/docs/manual/core/index-ttl/
 */
export function startExpiry(engine: Engine): () => Promise<void> {
  const { parameters } = engine;
  // Apart, because removing documents may wait for a transaction that only the sweep ends.
  const stops = [
    repeat(
      (now) => sweep(engine, now),
      () => SWEEP_MS,
    ),
    repeat(
      (now) => expireAll(engine, now),
      () => (toNumber(parameters["ttlMonitorSleepSecs"]) ?? 60) * 1000,
    ),
  ];
  return async () => {
    await Promise.all(stops.map((stop) => stop()));
  };
}

/** Does a work again and again, never twice at once; answers how to stop it. */
function repeat(work: (now: number) => Promise<void>, pauseMs: () => number): () => Promise<void> {
  let last = Date.now();
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    const now = Date.now();
    if (!running && now - last >= pauseMs()) {
      last = now;
      // A full disk, say: the next round tries again.
      running = work(now)
        .catch(() => undefined)
        .finally(() => (running = undefined));
    }
  }, TICK_MS);
  return async () => {
    clearInterval(timer);
    await running;
  };
}

async function sweep({ cursors, pastStates, sessions }: Engine, now: number): Promise<void> {
  cursors.sweep(now);
  pastStates.sweep(now);
  await sessions.sweep(now);
}

async function expireAll(engine: Engine, now: number): Promise<void> {
  if (engine.parameters["ttlMonitorEnabled"] === false) {
    return;
  }
  for (const db of engine.catalog.databaseNames()) {
    for (const collection of engine.catalog.collections(db)) {
      for (const rule of rulesOf(collection)) {
        // One that fails, on a full disk, say, keeps no other from its turn; the next round tries again.
        await expire(engine, collection, rule, now).catch(() => undefined);
      }
    }
  }
}

/** Documents go when the date at `path` is older than `seconds`. */
interface Rule {
  path: string;
  seconds: number;
  index: Index | undefined;
}

function rulesOf({ indexes, options, timeSeries }: Collection): Rule[] {
  const rules: Rule[] = indexes.flatMap((index) => {
    const {
      spec,
      fields: [field],
    } = index;
    const seconds = toNumber(spec["expireAfterSeconds"]);
    return seconds === undefined || !field ? [] : [{ path: field.path, seconds, index }];
  });
  const seconds = toNumber(options["expireAfterSeconds"]);
  return seconds === undefined
    ? rules
    : [...rules, { path: timeSeries?.timeField ?? "_id", seconds, index: undefined }];
}

async function expire(
  engine: Engine,
  collection: Collection,
  { path, seconds, index }: Rule,
  now: number,
): Promise<void> {
  const filter = parseFilter({ [path]: { $lt: new Date(now - seconds * 1000) } });
  const selection = {
    filter,
    sort: [],
    skip: 0,
    limit: CHUNK,
    hint: index?.name,
    collation: undefined,
  };
  let removed = CHUNK;
  while (removed === CHUNK) {
    removed = await engine.write((unit) => {
      const there = engine.catalog.find(collection.db, collection.name) === collection;
      if (!there || (index && !collection.indexes.includes(index))) {
        return 0;
      }
      const matches = [...select(unit, collection, selection, new Deadline()).matches];
      matches.forEach((match) => collection.remove(unit, match, match.doc));
      return matches.length;
    });
    await turn();
  }
}
