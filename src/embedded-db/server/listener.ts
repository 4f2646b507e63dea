import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import type { Engine } from "../engine";
import { Connection } from "./connection";
import { ReceiveBudget } from "./receive-budget";

/** Never anything but this machine. */
const LOOPBACK = "127.0.0.1";

/** Each takes memory, however quiet: further ones are turned away. */
const MAX_CONNECTIONS = 5_000;

/** The TCP side of the server. */
export class Listener {
  private readonly server: Server;
  private readonly open = new Set<Connection>();
  private readonly budget = new ReceiveBudget();
  private connections = 0;
  private port = 0;

  constructor(private readonly engine: Engine) {
    this.server = createServer({ noDelay: true }, (socket) => this.accept(socket));
    this.server.maxConnections = MAX_CONNECTIONS;
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

  /** Ends all connections and waits for what is still running for them. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.open.forEach((connection) => connection.hangUp());
    await Promise.all([...this.open].map(({ ended }) => ended));
    await closed;
  }

  private accept(socket: Socket): void {
    const context = {
      engine: this.engine,
      host: `${LOOPBACK}:${this.port}`,
      id: ++this.connections,
      connections: () => ({
        current: this.open.size,
        available: MAX_CONNECTIONS - this.open.size,
        totalCreated: this.connections,
      }),
    };
    const connection = new Connection(socket, context, this.budget);
    this.open.add(connection);
    void connection.ended.then(() => this.open.delete(connection));
  }
}
