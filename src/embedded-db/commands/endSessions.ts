import { randomBytes } from "node:crypto";
import { Binary, type Doc, isDocument } from "../bson/values";
import { SESSION_MINUTES } from "../sessions/sessions";
import type { CommandContext } from "./context";

/** @see https://www.mongodb.com/docs/manual/reference/command/endSessions/ */
export async function endSessions(context: CommandContext): Promise<Doc> {
  await context.engine.sessions.end(sessionIds(context.array(context.name)));
  return {};
}

/** @see https://www.mongodb.com/docs/manual/reference/command/refreshSessions/ */
export function refreshSessions(context: CommandContext): Doc {
  const { cursors } = context.engine;
  sessionIds(context.array(context.name)).forEach((id) => cursors.refresh(id.toString("hex")));
  return {};
}

/** @see https://www.mongodb.com/docs/manual/reference/command/startSession/ */
export function startSession(): Doc {
  const id = new Binary(Uint8Array.from(randomBytes(16)), Binary.SUBTYPE_UUID);
  return { id: { id }, timeoutMinutes: SESSION_MINUTES };
}

function sessionIds(list: readonly unknown[]): Buffer[] {
  return list.flatMap((entry) =>
    isDocument(entry) && entry["id"] instanceof Binary ? [Buffer.from(entry["id"].value())] : [],
  );
}
