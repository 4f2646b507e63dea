import type { Doc } from "../bson/values";
import type { CommandContext } from "./context";

/** @see https://www.mongodb.com/docs/manual/reference/command/killCursors/ */
export function killCursors(context: CommandContext): Doc {
  const killed: unknown[] = [];
  const notFound: unknown[] = [];
  for (const id of context.array("cursors")) {
    (context.engine.cursors.kill(id) ? killed : notFound).push(id);
  }
  return { cursorsKilled: killed, cursorsNotFound: notFound, cursorsAlive: [], cursorsUnknown: [] };
}
