import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { parseMessage } from "../../../src/embedded-db/wire/parser";
import { MessageSplitter } from "../../../src/embedded-db/wire/splitter";

const REQUEST_ID = 4;
const RESPONSE_TO = 8;

interface Cut {
  command: string;
  meanwhile: () => Promise<void>;
}

/**
 * Stands between a client and a server, and loses the reply to one command together with the
 * client's connection: the client cannot know whether its command was applied.
 */
export class CuttingProxy {
  cuts = 0;
  private next: Cut | undefined;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly target: number) {
    this.server = createServer({ noDelay: true }, (client) => this.serve(client));
  }

  static async start(target: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target);
    proxy.server.listen(0, "127.0.0.1");
    await once(proxy.server, "listening");
    return proxy;
  }

  get uri(): string {
    const { port } = this.server.address() as AddressInfo;
    return `mongodb://127.0.0.1:${port}/?directConnection=true`;
  }

  /** Loses the next reply to a command; `meanwhile` runs after it and before the client knows. */
  cutReplyTo(command: string, meanwhile: () => Promise<void> = () => Promise.resolve()): void {
    this.next = { command, meanwhile };
  }

  async stop(): Promise<void> {
    this.sockets.forEach((socket) => socket.destroy());
    this.server.close();
    await once(this.server, "close");
  }

  private serve(client: Socket): void {
    const server = connect({ port: this.target, host: "127.0.0.1", noDelay: true });
    let doomed: { requestId: number; cut: Cut } | undefined;
    const close = () => {
      server.destroy();
      if (!doomed) {
        client.destroy();
      }
    };
    [client, server].forEach((socket) => {
      this.sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => this.sockets.delete(socket));
      socket.once("close", close);
    });
    eachMessage(client, (message) => {
      const cut = this.take(message);
      doomed = cut ? { requestId: message.readInt32LE(REQUEST_ID), cut } : doomed;
      server.write(message);
    });
    eachMessage(server, (message) => {
      if (doomed?.requestId === message.readInt32LE(RESPONSE_TO)) {
        this.cuts++;
        void doomed.cut.meanwhile().finally(() => client.destroy());
        return;
      }
      client.write(message);
    });
  }

  private take(message: Buffer): Cut | undefined {
    const cut = this.next;
    if (!cut || !(cut.command in parseMessage(message).command)) {
      return undefined;
    }
    this.next = undefined;
    return cut;
  }
}

function eachMessage(socket: Socket, take: (message: Buffer) => void): void {
  const splitter = new MessageSplitter();
  socket.on("data", (chunk: Buffer) => {
    for (const message of splitter.push(chunk)) {
      take(message);
    }
  });
}
