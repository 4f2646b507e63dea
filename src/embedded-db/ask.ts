import { connect } from "node:net";
import { decode } from "./bson/decode";
import { encode } from "./bson/encode";
import type { Doc } from "./bson/values";
import { HEADER_BYTES, OpCode } from "./wire/messages";
import { MessageSplitter } from "./wire/splitter";

const PATIENCE_MS = 2_000;

/**
 * Sends one command to a server on this machine and gives its reply, which may tell of an error.
 * Fails when nothing that reads like a reply comes in time.
 */
export function ask(port: number, command: Doc, patienceMs = PATIENCE_MS): Promise<Doc> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const splitter = new MessageSplitter();
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(patienceMs, () => fail(new Error(`no answer from port ${port}`)));
    socket.once("error", fail);
    socket.once("close", () => fail(new Error(`port ${port} hung up`)));
    socket.once("connect", () => socket.write(messageOf(command)));
    socket.on("data", (chunk: Buffer) => {
      try {
        for (const message of splitter.push(chunk)) {
          resolve(decode(message.subarray(HEADER_BYTES + 5)));
          socket.destroy();
        }
      } catch (error) {
        fail(error as Error);
      }
    });
  });
}

/** @see https://github.com/mongodb/specifications/blob/master/source/message/OP_MSG.md */
function messageOf(command: Doc): Buffer {
  const body = encode(command);
  const head = Buffer.alloc(HEADER_BYTES + 5);
  head.writeInt32LE(head.length + body.length, 0);
  head.writeInt32LE(1, 4);
  head.writeInt32LE(OpCode.message, 12);
  return Buffer.concat([head, body]);
}
