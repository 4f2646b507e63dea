import { cpus, hostname, totalmem, type as osType } from "node:os";
import { pid } from "node:process";
import { type Doc, double, Long } from "../bson/values";
import { isTruthy } from "../query/scope";
import { asLongs, Statistics } from "../statistics";
import { MONGODB_VERSION } from "./buildInfo";
import type { CommandContext } from "./context";
import { lastWrite, SET_NAME } from "./hello";

/** The sections of the answer, sorted. A command leaves them out one by one: `{ repl: 0 }`. */
const SECTIONS: Record<string, (context: CommandContext) => Doc> = {
  connections: ({ connection }) => connection.connections(),
  globalLock,
  mem: memory,
  metrics,
  network: ({ engine }) => asLongs(engine.statistics.network),
  opcounters: ({ engine }) => asLongs(engine.statistics.operations),
  opcountersRepl: () => asLongs(new Statistics().operations),
  repl: (context) => ({
    setName: SET_NAME,
    isWritablePrimary: true,
    hosts: [context.connection.host],
    lastWrite: lastWrite(context),
  }),
  storageEngine: () => ({ name: "embedded", supportsCommittedReads: true, persistent: true }),
};

/** @see https://www.mongodb.com/docs/manual/reference/command/serverStatus/ */
export function serverStatus(context: CommandContext): Doc {
  const up = Date.now() - context.engine.startedAt;
  const wanted = Object.entries(SECTIONS).filter(([name]) =>
    isTruthy(context.command[name] ?? true),
  );
  return {
    host: context.connection.host,
    version: MONGODB_VERSION,
    process: "mongod",
    pid,
    uptime: double(Math.floor(up / 1000)),
    uptimeMillis: Long.fromNumber(up),
    uptimeEstimate: Long.fromNumber(Math.floor(up / 1000)),
    localTime: new Date(),
    ...Object.fromEntries(wanted.map(([name, section]) => [name, section(context)])),
  };
}

function globalLock({ engine }: CommandContext): Doc {
  return {
    totalTime: Long.fromNumber((Date.now() - engine.startedAt) * 1000),
    currentQueue: { total: 0, readers: 0, writers: 0 },
    activeClients: { total: engine.running.size, readers: 0, writers: 0 },
  };
}

function memory(): Doc {
  const resident = Math.floor(process.memoryUsage.rss() / 1048576);
  return { bits: 64, resident, virtual: resident, supported: true };
}

function metrics({ engine }: CommandContext): Doc {
  return {
    cursor: { open: asLongs({ total: engine.cursors.size }) },
    document: asLongs(engine.statistics.documents),
  };
}

/** @see https://www.mongodb.com/docs/manual/reference/command/hostInfo/ */
export function hostInfo(): Doc {
  return {
    system: {
      currentTime: new Date(),
      hostname: hostname(),
      cpuAddrSize: 64,
      memSizeMB: Math.floor(totalmem() / 1048576),
      numCores: cpus().length,
    },
    os: { type: osType(), name: osType() },
    extra: {},
  };
}

/** Asked by shells when they connect. */
export function getLog(): Doc {
  return { totalLinesWritten: 0, log: [] };
}

export function getCmdLineOpts(): Doc {
  return { argv: [], parsed: {} };
}

export function whatsmyuri(context: CommandContext): Doc {
  return { you: context.connection.host };
}
