import { type Doc, Long, typeName } from "../bson/values";
import { typeMismatch } from "../errors";
import type { CommandContext } from "./context";

/** @see https://www.mongodb.com/docs/manual/reference/command/killCursors/ */
export function killCursors(context: CommandContext): Doc {
  const killed: unknown[] = [];
  const notFound: unknown[] = [];
  for (const id of context.array("cursors")) {
    if (!(id instanceof Long)) {
      throw typeMismatch(
        `BSON field 'killCursors.cursors' is the wrong type '${typeName(id)}', expected type 'long'`,
      );
    }
    (context.engine.cursors.kill(id.toBigInt()) ? killed : notFound).push(id);
  }
  return { cursorsKilled: killed, cursorsNotFound: notFound, cursorsAlive: [], cursorsUnknown: [] };
}
