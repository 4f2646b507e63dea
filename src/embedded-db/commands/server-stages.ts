import { createHash } from "node:crypto";
import { failedToParse, MongoError } from "../errors";
import { Binary, type Doc, isDocument, typeName } from "../bson/values";
import type { CommandContext } from "./context";
import { operationsOf } from "./diagnostics";

/** The documents of a stage that tells of the server and not of a collection. */
type ServerStage = (context: CommandContext, argument: unknown) => Doc[];

const STAGES: Record<string, ServerStage> = {
  $currentOp: currentOp,
  $listLocalSessions: listLocalSessions,
  $listSessions: listSessions,
};

const CURRENT_OP_OPTIONS = new Set([
  "allUsers",
  "backtrace",
  "idleConnections",
  "idleCursors",
  "idleSessions",
  "localOps",
  "targetAllNodes",
  "truncateOps",
]);

const SESSION_OPTIONS = new Set(["allUsers", "users"]);

/** What MongoDB takes for the user where nobody logs in. */
const NOBODY = new Binary(createHash("sha256").digest());

/** Undefined for a stage that works on a collection. */
export function serverStage(
  context: CommandContext,
  name: string,
  argument: unknown,
): Doc[] | undefined {
  return Object.hasOwn(STAGES, name) ? STAGES[name]?.(context, argument) : undefined;
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/currentOp/ */
function currentOp(context: CommandContext, argument: unknown): Doc[] {
  if (context.db !== "admin" || isOnCollection(context)) {
    throw new MongoError(
      73,
      "$currentOp must be run against the 'admin' database with {aggregate: 1}",
    );
  }
  checkOptions("$currentOp", argument, CURRENT_OP_OPTIONS);
  return operationsOf(context.engine);
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/listLocalSessions/ */
function listLocalSessions(context: CommandContext, argument: unknown): Doc[] {
  if (isOnCollection(context)) {
    throw new MongoError(
      73,
      "$listLocalSessions must be run against the database with {aggregate: 1}, not a collection",
    );
  }
  checkOptions("$listLocalSessions", argument, SESSION_OPTIONS);
  return sessionsOf(context);
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/listSessions/ */
function listSessions(context: CommandContext, argument: unknown): Doc[] {
  if (context.db !== "config" || context.command["aggregate"] !== "system.sessions") {
    throw new MongoError(73, "$listSessions may only be run against config.system.sessions");
  }
  checkOptions("$listSessions", argument, SESSION_OPTIONS);
  return sessionsOf(context);
}

function isOnCollection({ command }: CommandContext): boolean {
  return typeof command["aggregate"] === "string";
}

function checkOptions(stage: string, argument: unknown, known: ReadonlySet<string>): void {
  if (!isDocument(argument)) {
    throw failedToParse(
      `${stage} options must be specified in an object, but found: ${typeName(argument)}`,
    );
  }
  const unknown = Object.keys(argument).find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw failedToParse(`Unrecognized option '${unknown}' in ${stage} stage.`);
  }
}

function sessionsOf({ engine }: CommandContext): Doc[] {
  return engine.sessions.all().map(({ id, lastUse }) => ({
    _id: { id: new Binary(id, Binary.SUBTYPE_UUID), uid: NOBODY },
    lastUse: new Date(lastUse),
  }));
}
