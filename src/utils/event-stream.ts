import type { Response } from "express";

/** Milliseconds between two comments that keep proxies from closing a silent connection. */
const KEEP_ALIVE_MS = 15_000;

/**
 * A reply of server-sent events (HTML, section 9.2 "Server-sent events"). It lasts as long as its
 * writer wishes, who must end it when `closed` comes: a server that stops waits for its replies.
 */
export class EventStream {
  /** Aborted when the client has left, the stream has ended, or the server is told to stop. */
  readonly closed: AbortSignal;

  constructor(private readonly res: Response) {
    const closing = new AbortController();
    const draining = res.app.locals.draining as AbortController;
    this.closed = AbortSignal.any([closing.signal, draining.signal]);
    res.status(200).set({
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
      // Asks nginx not to hold events back.
      "X-Accel-Buffering": "no",
    });
    res.flushHeaders();
    const timer = setInterval(() => res.write(":\n\n"), KEEP_ALIVE_MS);
    res.once("close", () => {
      clearInterval(timer);
      closing.abort();
    });
  }

  /** Sends the data as JSON; a client that reconnects names the last id it has seen. */
  send(data: unknown, id: string): void {
    this.res.write(`id: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  end(): void {
    this.res.end();
  }
}
