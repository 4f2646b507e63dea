import { closeSync, fdatasync, fdatasyncSync, openSync, readSync } from "node:fs";
import { promisify } from "node:util";
import type { FlushPoint } from "./flush-point";
import { FlushTurns } from "./flush-turns";
import type { Reader, Snapshot } from "./storage";

const flushed = promisify(fdatasync);

/** MongoDB's journalCommitInterval. */
export const FLUSH_INTERVAL_MS = 100;

/** LMDB takes about ten new pages for a commit, and reuses none before they have been flushed. */
const FLUSH_AFTER_COMMITS = 256;

/** Beyond so many commits the disk is slower than the writers, which wait for it. */
const MOST_UNFLUSHED = 4 * FLUSH_AFTER_COMMITS;

/** What a flusher needs of its store. */
interface Store {
  dataFile: string;
  pageSize: number;
  snapshot(): Snapshot;
  /** Told of every state that has reached the disk. */
  flushed(state: Reader): void;
}

/**
 * Brings commits, which reach the page cache only, to the disk in the background.
 *
 * Until a state is replaced as the flush point, a snapshot of it is held, so that LMDB writes over
 * none of its pages: going back to the flush point finds it whole, whatever else of the file has
 * reached the disk.
 */
export class Flusher {
  private readonly fd: number;
  private held: Snapshot;
  private unflushed = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly turns = new FlushTurns(() => this.flushNow());

  constructor(
    private readonly store: Store,
    private readonly point: FlushPoint,
    private readonly intervalMs: number,
  ) {
    this.fd = openSync(store.dataFile, "r+");
    this.held = store.snapshot();
    const metaPages = this.metaPages();
    fdatasyncSync(this.fd);
    point.setSync(metaPages);
  }

  /** Resolves when there is room for another commit; undefined when there is now. */
  room(): Promise<void> | undefined {
    return this.unflushed < MOST_UNFLUSHED ? undefined : this.turns.pending;
  }

  /** A commit has been made. */
  committed(): void {
    this.unflushed++;
    if (this.unflushed >= FLUSH_AFTER_COMMITS) {
      void this.flush();
    } else {
      this.timer ??= setTimeout(() => void this.flush(), this.intervalMs).unref();
    }
  }

  /**
   * Resolves when everything committed so far is on disk. A disk that cannot be written fails this
   * and every later flush, and with it the thread: what is acknowledged could not be kept.
   */
  flush(): Promise<void> {
    return this.unflushed > 0 ? this.turns.ask() : (this.turns.pending ?? Promise.resolve());
  }

  /** No commit may come after this. */
  async close(): Promise<void> {
    await this.flush();
    clearTimeout(this.timer);
    this.held.release();
    closeSync(this.fd);
    this.point.close();
  }

  private async flushNow(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.unflushed = 0;
    const state = this.store.snapshot();
    const metaPages = this.metaPages();
    await flushed(this.fd);
    await this.point.set(metaPages);
    this.store.flushed(state);
    this.held.release();
    this.held = state;
  }

  /** What LMDB starts reading at, as it is now: no commit runs beside this thread. */
  private metaPages(): Buffer {
    const pages = Buffer.alloc(2 * this.store.pageSize);
    readSync(this.fd, pages, 0, pages.length, 0);
    return pages;
  }
}
