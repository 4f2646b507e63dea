import type { RawDocument } from "../bson/decode";
import type { Doc } from "../bson/values";
import { aggregate } from "./aggregate";
import { buildInfo } from "./buildInfo";
import { bulkWrite } from "./bulkWrite";
import { collMod } from "./collMod";
import { collStats, dbStats } from "./collStats";
import { abortTransaction, commitTransaction } from "./commitTransaction";
import { connectionStatus } from "./connectionStatus";
import type { CommandContext } from "./context";
import { count } from "./count";
import { create } from "./create";
import { createIndexes } from "./createIndexes";
import { deleteCommand } from "./delete";
import { distinct } from "./distinct";
import { drop } from "./drop";
import { dropDatabase } from "./dropDatabase";
import { dropIndexes } from "./dropIndexes";
import { endSessions, refreshSessions, startSession } from "./endSessions";
import { explain } from "./explain";
import { find } from "./find";
import { findAndModify } from "./findAndModify";
import { getMore } from "./getMore";
import { getParameter, setParameter } from "./getParameter";
import { hello } from "./hello";
import { insert } from "./insert";
import { killCursors } from "./killCursors";
import { listCollections } from "./listCollections";
import { listDatabases } from "./listDatabases";
import { listIndexes } from "./listIndexes";
import { ping } from "./ping";
import { renameCollection } from "./renameCollection";
import { getCmdLineOpts, getLog, hostInfo, serverStatus, whatsmyuri } from "./serverStatus";
import { update } from "./update";
import { validate } from "./validate";

type Reply = Doc | RawDocument;

/** Runs a command; a thrown MongoError becomes its error reply. */
export type Command = (context: CommandContext) => Reply | Promise<Reply>;

/** Every command this server knows, sorted. */
export const COMMANDS: Record<string, Command> = {
  abortTransaction,
  aggregate,
  buildInfo,
  buildinfo: buildInfo,
  bulkWrite,
  collMod,
  collStats,
  collstats: collStats,
  commitTransaction,
  connectionStatus,
  count,
  create,
  createIndexes,
  dbStats,
  dbstats: dbStats,
  delete: deleteCommand,
  distinct,
  drop,
  dropDatabase,
  dropIndexes,
  endSessions,
  explain,
  find,
  findAndModify,
  findandmodify: findAndModify,
  getCmdLineOpts,
  getLog,
  getMore,
  getParameter,
  hello,
  hostInfo,
  insert,
  isMaster: hello,
  ismaster: hello,
  killCursors,
  killSessions: endSessions,
  listCollections,
  listDatabases,
  listIndexes,
  ping,
  refreshSessions,
  renameCollection,
  serverStatus,
  setParameter,
  startSession,
  update,
  validate,
  whatsmyuri,
};

/** Commands of MongoDB that are refused by name, sorted. */
export const UNSUPPORTED = new Set([
  "applyOps",
  "authenticate",
  "autoCompact",
  "cloneCollectionAsCapped",
  "compact",
  "convertToCapped",
  "createRole",
  "createSearchIndexes",
  "createUser",
  "currentOp",
  "dbHash",
  "dropSearchIndex",
  "dropUser",
  "eval",
  "filemd5",
  "fsync",
  "getFreeMonitoringStatus",
  "killAllSessions",
  "killOp",
  "listCommands",
  "listSearchIndexes",
  "logRotate",
  "mapReduce",
  "planCacheClear",
  "profile",
  "reIndex",
  "replSetGetConfig",
  "replSetGetStatus",
  "replSetInitiate",
  "saslContinue",
  "saslStart",
  "shutdown",
  "top",
  "updateSearchIndex",
  "updateUser",
  "usersInfo",
]);
