import type { Response } from "express";

/** Milliseconds between two comments that keep proxies from closing a silent connection. */
const KEEP_ALIVE_MS = 15_000;

/** A reply of server-sent events (HTML, section 9.2 "Server-sent events"). */
export class EventStream {
  readonly #closed = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(private readonly res: Response) {
    res.status(200).set({
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
      // Asks nginx not to hold events back.
      "X-Accel-Buffering": "no",
    });
    res.flushHeaders();
    this.#timer = setInterval(() => res.write(":\n\n"), KEEP_ALIVE_MS);
    res.once("close", () => {
      clearInterval(this.#timer);
      this.#closed.abort();
    });
  }

  /** Aborted when the client has left or the stream has ended. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Sends the data as JSON; a client that reconnects names the last id it has seen. */
  send(data: unknown, id: string): void {
    this.res.write(`id: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  end(): void {
    this.res.end();
  }
}
