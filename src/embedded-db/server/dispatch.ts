import { ADMIN_ONLY, COMMANDS, LOGINS, SEARCH_COMMANDS, UNSUPPORTED } from "../commands";
import { acceptClusterTime } from "../commands/cluster-time";
import {
  checkMaxTime,
  checkReadConcern,
  isJournaled,
  writeConcernError,
} from "../commands/concerns";
import { CommandContext } from "../commands/context";
import { checkFields } from "../commands/fields";
import { checkStableApi } from "../commands/stable-api";
import type { Engine } from "../engine";
import { MongoError, searchNotEnabled } from "../errors";
import { RawDocument } from "../bson/decode";
import { encode } from "../bson/encode";
import { type Doc, double } from "../bson/values";
import { watched } from "../query/watch";
import { TRANSIENT } from "../sessions/transactions";
import { timesOf } from "../wire/cluster-time";
import { ProtocolError, type Reply, type Request } from "../wire/messages";

export interface ConnectionContext {
  engine: Engine;
  /** The address clients reach this server at. */
  host: string;
  id: number;
  /** How many there are, for serverStatus. */
  connections: () => Doc;
  /** Aborted when the client has gone. */
  signal?: AbortSignal;
  /** Set by a command that tells news as they come: it may answer again without being asked. */
  streaming?: boolean;
}

/** Errors after which a transaction can be run again from its start. */
const TRANSIENT_CODES = new Set([112, 251, 246]);

/** Runs a command and gives the reply as bytes; whatever goes wrong becomes an error reply. */
export async function dispatch(request: Request, connection: ConnectionContext): Promise<Reply> {
  const [name = ""] = Object.keys(request.command);
  const context = new CommandContext(name, request.command, connection);
  connection.engine.running.add(context);
  try {
    if (request.unreadable) {
      throw request.unreadable;
    }
    const advanced = acceptClusterTime(connection.engine, request.command);
    if (advanced) {
      await advanced;
    }
    checkReadConcern(name, request.command, connection.engine.clock.known);
    checkMaxTime(request.command["maxTimeMS"]);
    const { writeConcern } = request.command;
    const concernError = writeConcernError(writeConcern);
    const running = run(name, context);
    // Others may write while something is awaited, and the time is that of what was read.
    const reply = running instanceof Promise ? await running : running;
    context.tellTime();
    if (isJournaled(writeConcern)) {
      await connection.engine.storage.flush();
    }
    if (reply instanceof RawDocument) {
      return answer(context, reply.bytes);
    }
    await context.afterReply(reply);
    return answer(
      context,
      encode({
        ...reply,
        ...(concernError ? { writeConcernError: concernError } : {}),
        ...("ok" in reply ? {} : { ok: double(1) }),
      }),
    );
  } catch (error) {
    await context.failed();
    return answer(context, encode(errorReply(error, context)));
  } finally {
    connection.engine.running.delete(context);
  }
}

/**
 * A driver that is told a cluster time sends it with every command, and makes everything slower by
 * a tenth. Of one member there is nothing to learn by it: only who sends one is told one.
 */
function answer(context: CommandContext, document: Buffer): Reply {
  const { clock } = context.engine;
  const gossips = context.command["$clusterTime"] !== undefined;
  return { document, times: timesOf(context.tellTime(), gossips ? clock.known : undefined) };
}

function run(
  name: string,
  context: CommandContext,
): Promise<Doc | RawDocument> | Doc | RawDocument {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command) {
    context.engine.statistics.countCommand(name, context.command);
    checkFields(name, context.command);
    checkStableApi(name, context.command);
    context.begin();
    if (ADMIN_ONLY.has(name) && context.db !== "admin") {
      throw new MongoError(13, `${name} may only be run against the admin database.`);
    }
    return watched(context.deadline, () => command(context));
  }
  if (LOGINS.has(name)) {
    throw new MongoError(18, "Authentication failed.");
  }
  if (SEARCH_COMMANDS.has(name)) {
    throw searchNotEnabled(name);
  }
  if (UNSUPPORTED.has(name)) {
    throw new MongoError(238, `Command ${name} is not supported by the embedded database`);
  }
  throw new MongoError(59, `no such command: '${name}'`);
}

function errorReply(error: unknown, context: CommandContext): Doc {
  if (error instanceof ProtocolError) {
    throw error;
  }
  const known = error instanceof MongoError ? error : internalError(error);
  const reply: Doc = {
    ok: double(0),
    errmsg: known.message,
    code: known.code,
    codeName: known.codeName,
    ...known.details,
  };
  const labels = labelsOf(known, context);
  return labels.length > 0 ? { ...reply, errorLabels: labels } : reply;
}

function labelsOf(error: MongoError, context: CommandContext): string[] {
  const transient = context.inTransaction && TRANSIENT_CODES.has(error.code);
  const labels = error.labels.filter((label) => label !== TRANSIENT);
  return transient ? [...labels, TRANSIENT] : labels;
}

function internalError(error: unknown): MongoError {
  const message = error instanceof Error ? error.message : String(error);
  return new MongoError(1, `internal error: ${message}`);
}
