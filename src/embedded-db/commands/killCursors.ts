import { type Doc, Long } from "../bson/values";
import { wrongType } from "../errors";
import type { CommandContext } from "./context";

/** @see https://www.mongodb.com/docs/manual/reference/command/killCursors/ */
export function killCursors(context: CommandContext): Doc {
  const killed: unknown[] = [];
  const notFound: unknown[] = [];
  for (const id of context.array("cursors")) {
    if (!(id instanceof Long)) {
      throw wrongType("killCursors.cursors", id, "long");
    }
    (context.engine.cursors.kill(id.toBigInt()) ? killed : notFound).push(id);
  }
  return { cursorsKilled: killed, cursorsNotFound: notFound, cursorsAlive: [], cursorsUnknown: [] };
}
