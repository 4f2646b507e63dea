import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import type { Reply, Request } from "../wire/messages";
import { parseMessage } from "../wire/parser";
import { serializeReply } from "../wire/serializer";
import { MessageSplitter } from "../wire/splitter";
import { type ConnectionContext, dispatch } from "./dispatch";
import { type ReceiveBudget, type Receiver, SMALL_MESSAGE_BYTES } from "./receive-budget";

/** Messages a client may send ahead of their replies before it is read no further. */
const MAX_AHEAD = 16;

let lastReplyId = 0;

/**
 * Serves one client: split, parse, dispatch, reply. Bytes that break the protocol end this
 * connection and no other. A client that does not read its replies is not read either.
 */
export class Connection implements Receiver {
  lastProgress: number | undefined;
  /** Resolves when the connection has ended and nothing runs for it any more. */
  readonly ended: Promise<void>;
  private readonly splitter = new MessageSplitter();
  private readonly queue: Buffer[] = [];
  private readonly gone = new AbortController();
  private working = Promise.resolve();
  private busy = false;

  constructor(
    private readonly socket: Socket,
    private readonly context: ConnectionContext,
    private readonly budget: ReceiveBudget,
  ) {
    this.ended = new Promise((resolve) => {
      socket.once("close", () => {
        this.gone.abort();
        this.budget.release(this);
        resolve(this.working);
      });
    });
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Buffer) => this.receive(chunk));
  }

  proceed(): void {
    this.lastProgress = Date.now();
    this.socket.resume();
  }

  hangUp(): void {
    this.socket.destroy();
  }

  private receive(chunk: Buffer): void {
    this.context.engine.statistics.network.bytesIn += chunk.length;
    try {
      this.queue.push(...this.splitter.push(chunk));
    } catch {
      this.socket.destroy();
      return;
    }
    const { expecting } = this.splitter;
    const large = expecting > SMALL_MESSAGE_BYTES;
    this.lastProgress = large ? Date.now() : undefined;
    if (this.isFull || (large && !this.budget.admit(this, expecting))) {
      this.socket.pause();
    }
    if (!this.busy && this.queue.length > 0) {
      this.working = this.work();
    }
  }

  /** A large message is answered before more is read, so that one at a time is held. */
  private get isFull(): boolean {
    return (
      this.queue.length > MAX_AHEAD ||
      this.queue.some((message) => message.length > SMALL_MESSAGE_BYTES)
    );
  }

  /** One after the other: a client may send on without waiting for replies. */
  private async work(): Promise<void> {
    this.busy = true;
    for (let next = this.queue.shift(); next && !this.socket.destroyed; next = this.queue.shift()) {
      await this.answer(next);
      if (next.length > SMALL_MESSAGE_BYTES) {
        this.budget.release(this);
      }
      const { expecting } = this.splitter;
      if (
        !this.isFull &&
        (expecting <= SMALL_MESSAGE_BYTES || this.budget.admit(this, expecting))
      ) {
        this.socket.resume();
      }
      if (this.queue.length > 0) {
        // What has been sent ahead may be the work of hours: others have their turn in between.
        await turn();
      }
    }
    this.busy = false;
  }

  private async answer(message: Buffer): Promise<void> {
    this.context.engine.statistics.network.numRequests++;
    try {
      const context = { ...this.context, signal: this.gone.signal };
      let request: Request | undefined = parseMessage(message);
      while (request) {
        request = this.reply(request, await dispatch(request, context), context);
        await this.drained();
      }
    } catch {
      this.socket.destroy();
    }
  }

  /** Sends a reply; gives the request it answers next, if the client wants to be told of news. */
  private reply(
    request: Request,
    answer: Reply,
    { engine, streaming = false }: ConnectionContext,
  ): Request | undefined {
    if (request.silent || !this.socket.writable) {
      return undefined;
    }
    const moreToCome = request.exhaustAllowed && streaming;
    lastReplyId = (lastReplyId + 1) | 0;
    const reply = serializeReply(request, lastReplyId, answer, moreToCome);
    engine.statistics.network.bytesOut += reply.length;
    this.socket.write(reply);
    return moreToCome ? { ...request, requestId: lastReplyId } : undefined;
  }

  private async drained(): Promise<void> {
    const { socket } = this;
    if (socket.writableNeedDrain && !socket.destroyed) {
      await new Promise<void>((resolve) => {
        const done = () => {
          socket.off("drain", done);
          this.gone.signal.removeEventListener("abort", done);
          resolve();
        };
        socket.once("drain", done);
        this.gone.signal.addEventListener("abort", done);
      });
    }
  }
}
