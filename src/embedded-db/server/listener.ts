import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import type { Engine } from "../engine";
import { serveConnection } from "./connection";

/** Never anything but this machine. */
const LOOPBACK = "127.0.0.1";

/** The TCP side of the server. */
export class Listener {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private connections = 0;
  private port = 0;

  constructor(private readonly engine: Engine) {
    this.server = createServer({ noDelay: true }, (socket) => this.accept(socket));
  }

  /** Starts listening; answers the port. */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(port, LOOPBACK, () => {
        this.server.off("error", reject);
        this.port = (this.server.address() as AddressInfo).port;
        resolve(this.port);
      });
    });
  }

  close(): Promise<void> {
    this.sockets.forEach((socket) => socket.destroy());
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.once("close", () => this.sockets.delete(socket));
    serveConnection(socket, {
      engine: this.engine,
      host: `${LOOPBACK}:${this.port}`,
      id: ++this.connections,
    });
  }
}
