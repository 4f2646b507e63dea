import type { Socket } from "node:net";
import { parseMessage } from "../wire/parser";
import { serializeReply } from "../wire/serializer";
import { MessageSplitter } from "../wire/splitter";
import { type ConnectionContext, dispatch } from "./dispatch";

let lastReplyId = 0;

/**
 * Serves one client: split, parse, dispatch, reply. Bytes that break the protocol end this
 * connection and no other.
 */
export function serveConnection(socket: Socket, context: ConnectionContext): void {
  const splitter = new MessageSplitter();
  let busy = Promise.resolve();
  const abort = new AbortController();
  socket.on("close", () => abort.abort());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    try {
      for (const message of splitter.push(chunk)) {
        // One after the other: a client may send on without waiting for replies.
        busy = busy.then(() => answer(socket, message, { ...context, signal: abort.signal }));
      }
    } catch {
      socket.destroy();
    }
  });
}

async function answer(socket: Socket, message: Buffer, context: ConnectionContext): Promise<void> {
  try {
    const request = parseMessage(message);
    const document = await dispatch(request, context);
    if (!request.silent && socket.writable) {
      lastReplyId = (lastReplyId + 1) | 0;
      socket.write(serializeReply(request, lastReplyId, document));
    }
  } catch {
    socket.destroy();
  }
}
