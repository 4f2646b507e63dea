import { createHash } from "node:crypto";
import { MongoError } from "../errors";
import { type Doc, isDocument, Long, Timestamp, toNumber } from "../bson/values";
import type { Collection } from "../catalog/collection";
import type { Engine } from "../engine";
import { documentRange } from "../storage/keys";
import type { CommandContext } from "./context";
import { dateOf, opTimeOf, SET_NAME } from "./hello";

/** @see https://www.mongodb.com/docs/manual/reference/command/currentOp/ */
export function currentOp({ engine }: CommandContext): Doc {
  return { inprog: operationsOf(engine) };
}

/** The commands at work: this one, and those that wait for documents or for a transaction. */
export function operationsOf({ running }: Engine): Doc[] {
  const now = Date.now();
  return [...running].map((operation, at) => ({
    type: "op",
    host: operation.connection.host,
    desc: `conn${operation.connection.id}`,
    connectionId: operation.connection.id,
    active: true,
    currentOpTime: new Date(operation.startedAt).toISOString(),
    opid: at + 1,
    secs_running: Long.fromNumber(Math.floor((now - operation.startedAt) / 1000)),
    microsecs_running: Long.fromNumber((now - operation.startedAt) * 1000),
    op: "command",
    ns: namespaceOf(operation),
    command: { [operation.name]: operation.command[operation.name], $db: operation.command["$db"] },
  }));
}

function namespaceOf({ command, name }: CommandContext): string {
  const target = command[name];
  return `${String(command["$db"])}.${typeof target === "string" ? target : "$cmd"}`;
}

/**
 * Nothing is profiled: level 0 is the only one.
 * @see https://www.mongodb.com/docs/manual/reference/command/profile/
 */
export function profile({ command }: CommandContext): Doc {
  const level = toNumber(command["profile"]) ?? -1;
  if (level > 0) {
    throw new MongoError(238, "Profiling is not supported by the embedded database");
  }
  return { was: 0, slowms: 100, sampleRate: 1 };
}

/** @see https://www.mongodb.com/docs/manual/reference/command/replSetGetStatus/ */
export function replSetGetStatus({ connection, engine }: CommandContext): Doc {
  const ts = engine.clock.applied;
  const [optime, optimeDate] = [opTimeOf(ts), dateOf(ts)];
  return {
    set: SET_NAME,
    date: new Date(),
    myState: 1,
    term: 1,
    heartbeatIntervalMillis: 2000,
    optimes: {
      lastCommittedOpTime: optime,
      lastCommittedWallTime: optimeDate,
      readConcernMajorityOpTime: optime,
      appliedOpTime: optime,
      durableOpTime: optime,
      lastAppliedWallTime: optimeDate,
      lastDurableWallTime: optimeDate,
    },
    members: [
      {
        _id: 0,
        name: connection.host,
        health: 1,
        state: 1,
        stateStr: "PRIMARY",
        uptime: Math.floor((Date.now() - engine.startedAt) / 1000),
        optime,
        optimeDate,
        electionTime: new Timestamp({ t: Math.floor(engine.startedAt / 1000), i: 1 }),
        configVersion: 1,
        self: true,
      },
    ],
  };
}

/** @see https://www.mongodb.com/docs/manual/reference/command/replSetGetConfig/ */
export function replSetGetConfig({ connection }: CommandContext): Doc {
  return {
    config: {
      _id: SET_NAME,
      version: 1,
      term: 1,
      members: [{ _id: 0, host: connection.host, arbiterOnly: false, priority: 1, votes: 1 }],
    },
  };
}

/**
 * Nobody logs in, so there are no users.
 * @see https://www.mongodb.com/docs/manual/reference/command/usersInfo/
 */
export function usersInfo(): Doc {
  return { users: [] };
}

/**
 * Brings everything acknowledged to the disk; writes cannot be locked out.
 * @see https://www.mongodb.com/docs/manual/reference/command/fsync/
 */
export async function fsync(context: CommandContext): Promise<Doc> {
  if (context.flag("lock")) {
    throw new MongoError(238, "fsync with lock is not supported by the embedded database");
  }
  const { storage } = context.engine;
  storage.checkpoint();
  await storage.flush();
  return { numFiles: 1 };
}

/**
 * Plans are not cached.
 * @see https://www.mongodb.com/docs/manual/reference/command/planCacheClear/
 */
export function planCacheClear(context: CommandContext): Doc {
  context.engine.collection(context.db, context.collectionName());
  return {};
}

/** @see https://www.mongodb.com/docs/manual/reference/command/dbHash/ */
export function dbHash(context: CommandContext): Doc {
  const { collections: wanted } = context.command;
  const names = Array.isArray(wanted) && wanted.length > 0 ? new Set<unknown>(wanted) : undefined;
  const collections = context.engine.catalog
    .collections(context.db)
    .filter(({ name, isView }) => !isView && (names?.has(name) ?? true))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const snapshot = context.snapshot();
  try {
    const hashes = collections.map(({ name, id }): [string, string] => {
      const hash = createHash("md5");
      for (const { value } of snapshot.range(documentRange(id))) {
        context.deadline.check();
        hash.update(value);
      }
      return [name, hash.digest("hex")];
    });
    return {
      host: context.connection.host,
      collections: Object.fromEntries(hashes),
      capped: collections.filter(({ capped }) => capped).map(({ name }) => name),
      uuids: uuidsOf(collections),
      md5: createHash("md5").update(JSON.stringify(hashes)).digest("hex"),
    };
  } finally {
    snapshot.release();
  }
}

function uuidsOf(collections: readonly Collection[]): Doc {
  return Object.fromEntries(collections.map(({ name, uuid }) => [name, uuid]));
}

/** @see https://www.mongodb.com/docs/manual/reference/command/dataSize/ */
export function dataSize(context: CommandContext): Doc {
  const [db = "", ...name] = context.string("dataSize").split(".");
  const collection = context.engine.catalog.find(db, name.join("."));
  if (collection?.isView || isDocument(context.command["keyPattern"])) {
    throw new MongoError(238, "dataSize is supported for whole collections only");
  }
  return { size: collection?.bytes ?? 0, numObjects: collection?.count ?? 0, millis: 0 };
}
