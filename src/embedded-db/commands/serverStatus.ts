import { cpus, hostname, totalmem, type as osType } from "node:os";
import { pid, uptime } from "node:process";
import type { Doc } from "../bson/values";
import { MONGODB_VERSION } from "./buildInfo";
import type { CommandContext } from "./context";
import { SET_NAME } from "./hello";

/** @see https://www.mongodb.com/docs/manual/reference/command/serverStatus/ */
export function serverStatus(context: CommandContext): Doc {
  return {
    host: context.connection.host,
    version: MONGODB_VERSION,
    process: "mongod",
    pid,
    uptime: Math.floor(uptime()),
    localTime: new Date(),
    connections: context.connection.connections(),
    metrics: { cursor: { open: { total: context.engine.cursors.size } } },
    repl: { setName: SET_NAME, isWritablePrimary: true, hosts: [context.connection.host] },
    storageEngine: { name: "embedded", supportsCommittedReads: true, persistent: true },
    mem: { bits: 64, resident: Math.floor(process.memoryUsage.rss() / 1048576) },
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
