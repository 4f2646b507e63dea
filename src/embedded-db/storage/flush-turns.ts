/**
 * Flushes of one file, one after the other. Whoever asks while one runs waits for the next, which
 * all who ask meanwhile share: the one that runs may have missed the youngest writes. When one
 * fails, so do all later ones.
 */
export class FlushTurns {
  private running: Promise<void> | undefined;
  private next: Promise<void> | undefined;

  constructor(private readonly flush: () => Promise<void>) {}

  /** The last flush that was asked for, unless it is done. */
  get pending(): Promise<void> | undefined {
    return this.next ?? this.running;
  }

  /** Resolves when everything written so far has been flushed. */
  ask(): Promise<void> {
    this.next ??= this.flushAfter(this.running);
    return this.next;
  }

  private async flushAfter(previous: Promise<void> | undefined): Promise<void> {
    await previous;
    this.running = this.next;
    this.next = undefined;
    await this.flush();
    this.running = undefined;
  }
}
