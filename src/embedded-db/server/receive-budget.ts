/** Messages up to this size are received without asking. */
export const SMALL_MESSAGE_BYTES = 65_536;

/** What larger messages may take together, from their first byte until they are answered. */
const LIMIT_BYTES = 256 * 1024 * 1024;

/** A client that has sent nothing for this long in the middle of a message makes room for others. */
const STALLED_MS = 2_000;

/** A connection that is in the middle of a large message. */
export interface Receiver {
  /** When bytes of the message came last; undefined once it is complete. */
  readonly lastProgress: number | undefined;
  /** Its turn has come. */
  proceed(): void;
  hangUp(): void;
}

/**
 * Bounds what half-received messages hold, over all connections. A message is admitted with its
 * whole declared length, so that every admitted one can be completed; the others wait. While
 * somebody waits, clients that stopped in the middle of a message are hung up on.
 */
export class ReceiveBudget {
  private readonly admitted = new Map<Receiver, number>();
  private readonly waiting = new Map<Receiver, number>();
  private used = 0;
  private timer: NodeJS.Timeout | undefined;

  /** False when the receiver has to wait until `proceed` is called. */
  admit(receiver: Receiver, bytes: number): boolean {
    if (this.admitted.has(receiver)) {
      return true;
    }
    if (this.waiting.size === 0 && this.fits(bytes)) {
      this.take(receiver, bytes);
      return true;
    }
    this.waiting.set(receiver, bytes);
    this.timer ??= setInterval(() => this.evictStalled(), STALLED_MS);
    return false;
  }

  /** The message has been answered, or its connection is gone. */
  release(receiver: Receiver): void {
    this.used -= this.admitted.get(receiver) ?? 0;
    this.admitted.delete(receiver);
    this.waiting.delete(receiver);
    this.admitWaiting();
  }

  private fits(bytes: number): boolean {
    return this.used + bytes <= LIMIT_BYTES;
  }

  private take(receiver: Receiver, bytes: number): void {
    this.used += bytes;
    this.admitted.set(receiver, bytes);
  }

  private admitWaiting(): void {
    for (const [receiver, bytes] of this.waiting) {
      if (!this.fits(bytes)) {
        return;
      }
      this.waiting.delete(receiver);
      this.take(receiver, bytes);
      receiver.proceed();
    }
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private evictStalled(): void {
    const limit = Date.now() - STALLED_MS;
    for (const receiver of [...this.admitted.keys()]) {
      if (receiver.lastProgress !== undefined && receiver.lastProgress < limit) {
        receiver.hangUp();
      }
    }
  }
}
