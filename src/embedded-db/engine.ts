import { Catalog } from "./catalog/catalog";
import type { Collection } from "./catalog/collection";
import type { CommandContext } from "./commands/context";
import { ChangeHistory } from "./change-history";
import { Cursors } from "./cursors";
import { toNumber } from "./bson/values";
import { MongoError } from "./errors";
import type { CommitTime, LogicalClock } from "./logical-clock";
import { Deadline } from "./query/scan";
import { PastStates } from "./sessions/past-states";
import { Sessions } from "./sessions/sessions";
import { ClaimedByTransaction, Transactions } from "./sessions/transactions";
import { type Change, WriteUnit } from "./sessions/write-unit";
import { Statistics } from "./statistics";
import type { Storage } from "./storage/storage";

/** Told that something was committed. */
type ChangeListener = () => void;

/** The database behind the server: store, catalog, sessions and cursors, wired together. */
export class Engine {
  readonly catalog = new Catalog();
  readonly cursors = new Cursors();
  readonly history: ChangeHistory;
  readonly statistics = new Statistics();
  readonly transactions: Transactions;
  readonly sessions: Sessions;
  readonly pastStates: PastStates;
  readonly startedAt = Date.now();
  /** The commands that are not answered yet. */
  readonly running = new Set<CommandContext>();
  readonly parameters: Record<string, unknown> = {
    ttlMonitorSleepSecs: 60,
    ttlMonitorEnabled: true,
    minSnapshotHistoryWindowInSeconds: 300,
  };
  private readonly listeners = new Set<ChangeListener>();
  private isClosing = false;
  private startClosing: () => void = () => undefined;
  private readonly closing = new Promise<void>((resolve) => (this.startClosing = resolve));

  constructor(
    readonly storage: Storage,
    readonly clock: LogicalClock,
  ) {
    this.history = new ChangeHistory(clock.beginning);
    this.transactions = new Transactions(storage, clock, (unit, writer, collection) =>
      this.catalog.adopt(unit, writer, collection),
    );
    this.sessions = new Sessions(storage, this.transactions);
    this.pastStates = new PastStates(
      storage,
      clock,
      this.transactions,
      () => toNumber(this.parameters["minSnapshotHistoryWindowInSeconds"]) ?? 0,
    );
    this.catalog.load(storage);
  }

  /**
   * Applies a work atomically and durably. A work that meets the write of an open transaction is
   * undone and runs again when the transaction has ended, so it may run more than once. It waits no
   * longer than until the deadline.
   */
  async write<T>(work: (unit: WriteUnit) => T, deadline = new Deadline()): Promise<T> {
    for (;;) {
      try {
        return await this.attempt(work);
      } catch (error) {
        if (!(error instanceof ClaimedByTransaction)) {
          throw error;
        }
        await deadline.limit(Promise.race([error.owner.ended, this.closing]));
        this.refuseWhenClosing();
      }
    }
  }

  /** Notes what a commit changed and wakes those who wait for changes. */
  publish(changes: readonly Change[], time: CommitTime | undefined): void {
    if (changes.length > 0 && time) {
      this.statistics.countChanges(changes);
      this.history.note(changes, time);
      this.listeners.forEach((listener) => listener());
    }
  }

  listen(listener: ChangeListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The collection of a namespace, or an error that it does not exist. */
  collection(db: string, name: string): Collection {
    const collection = this.catalog.find(db, name);
    if (!collection) {
      throw new MongoError(26, `ns does not exist: ${db}.${name}`);
    }
    return collection;
  }

  /** Ends the waiting of writes for transactions, which nobody is going to end now. */
  shutDown(): void {
    this.isClosing = true;
    this.startClosing();
  }

  async close(): Promise<void> {
    this.cursors.closeAll();
    this.pastStates.close();
    await this.storage.close();
  }

  private refuseWhenClosing(): void {
    if (this.isClosing) {
      throw new MongoError(91, "The server is in quiesce mode and will shut down");
    }
  }

  private async attempt<T>(work: (unit: WriteUnit) => T): Promise<T> {
    let unit: WriteUnit | undefined;
    const result = await this.storage.write(
      (writer) => {
        unit = new WriteUnit(writer, this.transactions);
        const value = work(unit);
        unit.finish(writer);
        return value;
      },
      () => unit?.rollback(),
    );
    this.publish(unit?.changes ?? [], unit?.time);
    return result;
  }
}
