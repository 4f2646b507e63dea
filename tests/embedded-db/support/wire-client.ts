import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encode } from "../../../src/embedded-db/bson/encode";
import type { Doc } from "../../../src/embedded-db/bson/values";
import { OpCode } from "../../../src/embedded-db/wire/messages";
import { parseMessage } from "../../../src/embedded-db/wire/parser";
import { MessageSplitter } from "../../../src/embedded-db/wire/splitter";

const RESPONSE_TO = 8;

/** A command as an OP_MSG. */
export function opMsg(command: Doc, requestId = 0): Buffer {
  const body = encode(command);
  const head = Buffer.alloc(21);
  head.writeInt32LE(head.length + body.length, 0);
  head.writeInt32LE(requestId, 4);
  head.writeInt32LE(OpCode.message, 12);
  return Buffer.concat([head, body]);
}

interface Waiting {
  resolve: (reply: Doc) => void;
  reject: (error: Error) => void;
}

/** A client that does nothing of its own: no handshake, no retries. */
export class WireClient {
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>;
  private lastId = 0;
  private readonly waiting = new Map<number, Waiting>();

  private constructor(readonly socket: Socket) {
    const splitter = new MessageSplitter();
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      for (const message of splitter.push(chunk)) {
        this.answered(message.readInt32LE(RESPONSE_TO), parseMessage(message).command);
      }
    });
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.waiting.forEach(({ reject }) => reject(new Error("the connection was closed")));
        resolve();
      });
    });
  }

  static async connect(port: number): Promise<WireClient> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return new WireClient(socket);
  }

  /** Gives the reply, also when it is an error; rejects when the connection ends before. The bytes may be altered. */
  command(command: Doc, alter = (bytes: Buffer) => bytes): Promise<Doc> {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      if (this.socket.destroyed) {
        reject(new Error("the connection was closed"));
        return;
      }
      this.waiting.set(id, { resolve, reject });
      this.socket.write(alter(opMsg(command, id)));
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private answered(id: number, reply: Doc): void {
    this.waiting.get(id)?.resolve(reply);
    this.waiting.delete(id);
  }
}
