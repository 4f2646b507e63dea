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
import { convertToCapped } from "./convertToCapped";
import { count } from "./count";
import { create } from "./create";
import { createIndexes } from "./createIndexes";
import { deleteCommand } from "./delete";
import {
  currentOp,
  dataSize,
  dbHash,
  fsync,
  planCacheClear,
  profile,
  replSetGetConfig,
  replSetGetStatus,
  usersInfo,
} from "./diagnostics";
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
  convertToCapped,
  count,
  create,
  createIndexes,
  currentOp,
  dataSize,
  dbHash,
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
  fsync,
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
  listCommands,
  listDatabases,
  listIndexes,
  ping,
  planCacheClear,
  profile,
  refreshSessions,
  renameCollection,
  replSetGetConfig,
  replSetGetStatus,
  serverStatus,
  setParameter,
  startSession,
  update,
  usersInfo,
  validate,
  whatsmyuri,
};

/** @see https://www.mongodb.com/docs/manual/reference/command/listCommands/ */
function listCommands(): Doc {
  return { commands: Object.fromEntries(Object.keys(COMMANDS).map((name) => [name, {}])) };
}

/** Commands that concern more than one database, sorted. */
export const ADMIN_ONLY = new Set([
  "abortTransaction",
  "bulkWrite",
  "commitTransaction",
  "currentOp",
  "fsync",
  "getCmdLineOpts",
  "getLog",
  "getParameter",
  "hostInfo",
  "listDatabases",
  "renameCollection",
  "replSetGetConfig",
  "replSetGetStatus",
  "setParameter",
]);

/** Nobody has an account here: whoever logs in is told what a wrong password is told. */
export const LOGINS = new Set(["authenticate", "saslContinue", "saslStart"]);

/** Commands of Atlas, which other servers refuse with a code of its own. */
export const SEARCH_COMMANDS = new Set([
  "createSearchIndexes",
  "dropSearchIndex",
  "listSearchIndexes",
  "updateSearchIndex",
]);

/** Commands of MongoDB that are refused by name, sorted. */
export const UNSUPPORTED = new Set([
  "analyze",
  "applyOps",
  "autoCompact",
  "cloneCollectionAsCapped",
  "compact",
  "connPoolStats",
  "createRole",
  "createUser",
  "dropAllRolesFromDatabase",
  "dropAllUsersFromDatabase",
  "dropConnections",
  "dropRole",
  "dropUser",
  "eval",
  "filemd5",
  "fsyncUnlock",
  "getClusterParameter",
  "getDefaultRWConcern",
  "getFreeMonitoringStatus",
  "grantPrivilegesToRole",
  "grantRolesToRole",
  "grantRolesToUser",
  "invalidateUserCache",
  "killAllSessions",
  "killAllSessionsByPattern",
  "killOp",
  "lockInfo",
  "logRotate",
  "mapReduce",
  "planCacheClearFilters",
  "planCacheListFilters",
  "planCacheSetFilter",
  "reIndex",
  "removeQuerySettings",
  "replSetFreeze",
  "replSetInitiate",
  "replSetMaintenance",
  "replSetReconfig",
  "replSetResizeOplog",
  "replSetStepDown",
  "replSetSyncFrom",
  "revokePrivilegesFromRole",
  "revokeRolesFromRole",
  "revokeRolesFromUser",
  "rolesInfo",
  "rotateCertificates",
  "setClusterParameter",
  "setDefaultRWConcern",
  "setFeatureCompatibilityVersion",
  "setIndexCommitQuorum",
  "setQuerySettings",
  "setUserWriteBlockMode",
  "shutdown",
  "top",
  "updateRole",
  "updateUser",
  "validateDBMetadata",
]);
