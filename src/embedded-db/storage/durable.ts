import { ExitGate } from "../exit-gate";
import { currentBoot } from "./flush-point";
import { FLUSH_INTERVAL_MS } from "./flusher";
import { ForwardingWriter } from "./forwarding-writer";
import { isOfThisFormat, markFormat, refuseNewerFormat } from "./format";
import { Journal, JournalRecord, RecordTooLarge } from "./journal";
import { metaKey } from "./keys";
import { LmdbTree } from "./lmdb";
import { Overlay } from "./overlay";
import type { Entry, KeyRange, Reader, Snapshot, Storage, Writer } from "./storage";

/** Under it the tree has the name of the journal that goes on where it ends. */
const JOURNAL = metaKey("journal");

/** So many bytes of small writes get into the tree together, in a few milliseconds. */
const CHECKPOINT_BYTES = 256 * 1024;

/** What nobody adds to goes into the tree by itself, so that reading need not look twice. */
const CHECKPOINT_INTERVAL_MS = 1000;

/**
 * The store of a data folder: a tree on disk, and in front of it the youngest writes, which are in
 * memory and in a journal. A checkpoint moves them into the tree, in one commit.
 *
 * A write is made when the kernel has its record, or its commit, which keeps it whatever becomes of
 * this process; the disk gets it in the background.
 */
export class DurableStorage implements Storage {
  private readonly tree: LmdbTree;
  private readonly record = new JournalRecord();
  private journal: Journal;
  /** What the journal holds. */
  private recent: Overlay;
  /** Journals of states that the tree may still go back to, the oldest first. */
  private readonly superseded: Journal[] = [];
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly folder: string,
    gate = new ExitGate(),
    private readonly flushIntervalMs = FLUSH_INTERVAL_MS,
    boot = currentBoot(),
  ) {
    const flushed = (state: Reader) => this.removeJournalsBefore(state.get(JOURNAL));
    this.tree = new LmdbTree(folder, flushed, gate, flushIntervalMs, boot);
    refuseNewerFormat(this.tree, folder);
    this.journal = this.journalOf(this.tree.get(JOURNAL) ?? Journal.newName());
    this.recent = new Overlay(this.tree);
    if (!isOfThisFormat(this.tree)) {
      this.tree.commit((writer) => {
        markFormat(writer);
        writer.put(JOURNAL, this.journal.name);
      });
    }
    this.journal.replay(this.recent);
    Journal.removeOthers(folder, this.journal.name);
    this.checkpointSoon();
  }

  get(key: Buffer): Buffer | undefined {
    return this.recent.get(key);
  }

  range(range: KeyRange): Iterable<Entry> {
    return this.recent.range(range);
  }

  count(range: KeyRange): number {
    return this.recent.count(range);
  }

  async write<T>(work: (writer: Writer) => T, takeBack = () => undefined as void): Promise<T> {
    await this.tree.room();
    if (this.closed) {
      throw new Error("the store has been closed");
    }
    try {
      return this.attempt(work);
    } catch (error) {
      takeBack();
      if (error instanceof RecordTooLarge) {
        return this.attemptInTree(work, takeBack);
      }
      throw error;
    }
  }

  async flush(): Promise<void> {
    await Promise.all([this.tree.flush(), this.journal.flush()]);
  }

  snapshot(): Snapshot {
    const state = this.tree.snapshot();
    return this.recent.isEmpty ? state : this.recent.over(state);
  }

  checkpoint(): void {
    if (!this.recent.isEmpty) {
      this.commit(() => undefined);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    this.stopTimer();
    this.attemptCheckpoint();
    await this.flush();
    await this.tree.close();
    await this.journal.close();
  }

  private attempt<T>(work: (writer: Writer) => T): T {
    this.record.clear();
    const before = this.recent.mark();
    try {
      const value = work(new RecordingWriter(this.recent, this.record));
      this.keep();
      return value;
    } catch (error) {
      this.recent.restore(before);
      throw error;
    }
  }

  private attemptInTree<T>(work: (writer: Writer) => T, takeBack: () => void): T {
    try {
      return this.commit(work);
    } catch (error) {
      takeBack();
      throw error;
    }
  }

  /** Stores what a work wrote. */
  private keep(): void {
    if (this.record.isEmpty) {
      return;
    }
    if (this.journal.length + this.record.length > CHECKPOINT_BYTES) {
      this.checkpoint();
    } else {
      this.journal.append(this.record);
      this.checkpointSoon();
    }
  }

  /** Moves everything into the tree, and behind it what a work writes. */
  private commit<T>(work: (writer: Writer) => T): T {
    const next = this.journalOf(Journal.newName());
    const value = this.tree.commit((writer) => {
      this.recent.applyTo(writer);
      writer.put(JOURNAL, next.name);
      return work(writer);
    });
    void this.journal.close();
    this.superseded.push(this.journal);
    this.journal = next;
    this.recent = new Overlay(this.tree);
    this.stopTimer();
    return value;
  }

  private checkpointSoon(): void {
    if (!this.closed) {
      this.timer ??= setTimeout(() => {
        this.timer = undefined;
        this.attemptCheckpoint();
      }, CHECKPOINT_INTERVAL_MS).unref();
    }
  }

  /** What the disk has no room for stays in the journal. */
  private attemptCheckpoint(): void {
    try {
      this.checkpoint();
    } catch {
      this.checkpointSoon();
    }
  }

  private stopTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private journalOf(name: Buffer): Journal {
    return new Journal(this.folder, name, this.flushIntervalMs);
  }

  /** The tree goes back no further than to the state that this journal follows. */
  private removeJournalsBefore(name: Buffer | undefined): void {
    while (this.superseded[0] && !(name && this.superseded[0].name.equals(name))) {
      this.superseded.shift()?.remove();
    }
  }
}

/** Notes for the journal what a work writes. */
class RecordingWriter extends ForwardingWriter {
  constructor(
    target: Writer,
    private readonly record: JournalRecord,
  ) {
    super(target);
  }

  put(key: Buffer, value: Buffer): void {
    this.target.put(key, value);
    this.record.put(key, value);
  }

  delete(key: Buffer): void {
    this.target.delete(key);
    this.record.delete(key);
  }
}
