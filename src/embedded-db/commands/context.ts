import type { CollectionFinder } from "../aggregate/stage";
import type { Collection } from "../catalog/collection";
import type { CursorOwner } from "../cursors";
import type { Engine } from "../engine";
import { MongoError, wrongType } from "../errors";
import {
  type Doc,
  isDocument,
  isNumeric,
  Long,
  Timestamp,
  toNumber,
  typeName,
} from "../bson/values";
import { type Collation, collationOr } from "../query/collation";
import { Deadline } from "../query/scan";
import { isTruthy } from "../query/scope";
import { watched } from "../query/watch";
import type { ConnectionContext } from "../server/dispatch";
import type { PastState } from "../sessions/past-states";
import { checkSessionFields } from "../sessions/session-fields";
import { type SessionRequest, sessionIdOf } from "../sessions/sessions";
import type { Transaction } from "../sessions/transactions";
import type { WriteUnit } from "../sessions/write-unit";
import type { Snapshot } from "../storage/storage";
import { snapshotTime } from "./concerns";
import { letVariables } from "./variables";

/** Commands a transaction may hold. */
const IN_TRANSACTION = new Set([
  "abortTransaction",
  "aggregate",
  "bulkWrite",
  "commitTransaction",
  "create",
  "createIndexes",
  "delete",
  "distinct",
  "find",
  "findAndModify",
  "findandmodify",
  "getMore",
  "hello",
  "insert",
  "killCursors",
  "update",
]);

/** What every command gets: its arguments, the engine, and its place in a session. */
export class CommandContext {
  readonly engine: Engine;
  readonly deadline: Deadline;
  readonly startedAt = Date.now();
  /** Of what the command did or read, once it has. */
  operationTime: Timestamp | undefined;
  /** Of the snapshot it reads, outside of transactions. */
  atClusterTime: Timestamp | undefined;
  private request: SessionRequest | undefined;
  private transaction: Transaction | undefined;
  private past: PastState | undefined;
  private evaluated: Doc | undefined;

  constructor(
    readonly name: string,
    readonly command: Doc,
    readonly connection: ConnectionContext,
  ) {
    this.engine = connection.engine;
    const limit = toNumber(command["maxTimeMS"]) ?? 0;
    // For a getMore it says how long to wait for documents.
    this.deadline = new Deadline(
      limit > 0 && name !== "getMore" ? limit : undefined,
      this.engine.clock,
    );
  }

  get db(): string {
    const db = this.command["$db"];
    if (typeof db !== "string") {
      throw new MongoError(40571, "OP_MSG requests require a $db argument");
    }
    return db;
  }

  get inTransaction(): boolean {
    return this.request?.inTransaction ?? false;
  }

  get sessionRequest(): SessionRequest | undefined {
    return this.request;
  }

  /** Whose the cursors are that the command opens. */
  get cursorOwner(): CursorOwner {
    const session = sessionIdOf(this.command)?.toString("hex");
    return { session, txnNumber: this.inTransaction ? this.request?.txnNumber : undefined };
  }

  /** What the command compares strings by: its own collation or the collection's. */
  collationFor(collection: Collection | undefined): Collation | undefined {
    return collationOr(this.command["collation"], collection);
  }

  /** What `let` names, evaluated once. */
  get variables(): Doc | undefined {
    const specification = this.evaluated ? undefined : this.document("let");
    if (specification) {
      this.evaluated = letVariables(specification);
    }
    return this.evaluated;
  }

  /** What the reply tells as its time: that of the command's own write, or of the state it has read. */
  tellTime(): Timestamp {
    return (this.operationTime ??= this.engine.clock.applied);
  }

  /** Joins the command's transaction, if it names one. */
  begin(): void {
    checkSessionFields(this.name, this.command);
    this.request = this.engine.sessions.request(this.name, this.command);
    if (!this.request) {
      this.readPast();
    }
    if (
      !this.request?.inTransaction ||
      this.name === "commitTransaction" ||
      this.name === "abortTransaction"
    ) {
      return;
    }
    if (!IN_TRANSACTION.has(this.name)) {
      throw new MongoError(263, `Cannot run '${this.name}' in a multi-document transaction.`);
    }
    const { atClusterTime } = this.document("readConcern") ?? {};
    if (atClusterTime instanceof Timestamp) {
      this.engine.pastStates.requireCurrent(atClusterTime);
    }
    this.transaction = this.engine.sessions.transactionFor(this.request);
  }

  /** Reads the state of a snapshot, if the command asks for one. */
  private readPast(): void {
    const { clock, pastStates } = this.engine;
    this.atClusterTime = snapshotTime(this.name, this.command, clock.applied);
    this.past = this.atClusterTime && pastStates.at(this.atClusterTime);
  }

  /** The collection name the command starts with. */
  collectionName(): string {
    const value = this.command[this.name];
    if (typeof value !== "string") {
      throw new MongoError(73, `collection name has invalid type ${typeName(value)}`);
    }
    if (value === "") {
      throw new MongoError(73, `Invalid namespace specified '${this.db}.'`);
    }
    return value;
  }

  findCollection(name = this.collectionName()): Collection | undefined {
    const collection = this.collections.find(this.db, name);
    if (collection) {
      this.transaction?.checkSnapshot(collection);
    }
    return collection;
  }

  /** The collections this command sees: everybody's, and those its transaction has made. */
  get collections(): CollectionFinder {
    const { past } = this;
    const { catalog } = this.engine;
    if (past) {
      return { find: (db, name) => past.collectionOf(db, name, catalog.find(db, name)) };
    }
    const created = [...(this.transaction?.created ?? [])];
    return created.length === 0
      ? catalog
      : {
          find: (db, name) =>
            created.find((collection) => collection.db === db && collection.name === name) ??
            catalog.find(db, name),
        };
  }

  /** The transaction this command is part of. */
  get openTransaction(): Transaction | undefined {
    return this.transaction;
  }

  /** A consistent view for reading; release it. Inside a transaction it is the transaction's. */
  snapshot(): Snapshot {
    if (this.transaction) {
      const { overlay } = this.transaction;
      return {
        get: (key) => overlay.get(key),
        range: (range) => overlay.range(range),
        count: (range) => overlay.count(range),
        release: () => undefined,
      };
    }
    return this.past?.read() ?? this.engine.storage.snapshot();
  }

  /** How many documents a collection has in what this command reads. */
  countOf(collection: Collection): number {
    return this.past?.countOf(collection) ?? collection.count + this.addedInTransaction(collection);
  }

  /** Documents a transaction has added to a collection and nobody else sees. */
  private addedInTransaction(collection: Collection): number {
    return this.transaction?.unit.added(collection) ?? 0;
  }

  /**
   * Runs the writes of this command: in its transaction, or at once and durably. A retryable write
   * that was applied before only gives its reply again.
   */
  async write(work: (unit: WriteUnit) => Doc): Promise<Doc> {
    const run = (unit: WriteUnit) => watched(this.deadline, () => work(unit));
    if (this.transaction) {
      return run(this.transaction.unit);
    }
    const { request } = this;
    if (!request) {
      return this.commit(run);
    }
    await this.engine.sessions.abortOlder(request);
    // Asked within the work: a client may send the same write again while the first still waits.
    return this.commit((unit) => {
      const known = this.engine.sessions.replyOf(request);
      if (known) {
        return known;
      }
      const reply = run(unit);
      this.engine.sessions.remember(unit, request, reply);
      return reply;
    });
  }

  /** Writes at once and durably, outside of transactions. */
  async commit<T>(work: (unit: WriteUnit) => T): Promise<T> {
    let written: WriteUnit | undefined;
    const value = await this.engine.write((unit) => work((written = unit)), this.deadline);
    this.operationTime = written?.time?.last;
    return value;
  }

  /**
   * Writes into a collection, which is made if there is none. It is looked up within the write,
   * since somebody may drop it while the write waits.
   */
  async writeInto(work: (unit: WriteUnit, collection: Collection) => Doc): Promise<Doc> {
    const name = this.collectionName();
    return this.write((unit) => work(unit, this.findOrCreate(unit, name)));
  }

  /** The collection to write to, if there is one. Call it within the write. */
  findWritable(name = this.collectionName(), db = this.db): Collection | undefined {
    const known = this.collections.find(db, name);
    if (!known) {
      return undefined;
    }
    this.transaction?.checkSnapshot(known);
    return this.refuseInTransaction(refuseView(known));
  }

  findOrCreate(unit: WriteUnit, name: string, db = this.db): Collection {
    return this.findWritable(name, db) ?? this.createCollection(unit, db, name, {});
  }

  /** Runs a change of the catalog: in the transaction, or at once and durably. */
  async changeCatalog<T>(work: (unit: WriteUnit) => T): Promise<T> {
    return this.transaction ? work(this.transaction.unit) : this.commit(work);
  }

  createCollection(unit: WriteUnit, db: string, name: string, options: Doc): Collection {
    const { catalog } = this.engine;
    if (!this.transaction) {
      return catalog.create(unit, db, name, options);
    }
    const collection = catalog.prepare(unit, db, name, options);
    this.transaction.created.add(collection);
    return collection;
  }

  private refuseInTransaction(collection: Collection): Collection {
    if (this.transaction && collection.timeSeries) {
      throw new MongoError(
        263,
        `Operation not permitted in transaction :: caused by :: Cannot write to time-series collections in a multi-document transaction: ${collection.ns}`,
      );
    }
    return collection;
  }

  /** A write error inside a transaction ends the transaction. */
  async afterReply(reply: Doc): Promise<void> {
    if (this.transaction && reply["writeErrors"] !== undefined) {
      await this.failed();
    }
  }

  /** Any error inside a transaction aborts it, as in MongoDB. */
  async failed(): Promise<void> {
    if (this.transaction && this.request) {
      await this.engine.sessions.abort(this.request.session);
    }
  }

  document(name: string): Doc | undefined {
    const value = this.command[name];
    if (value === undefined || value === null) {
      return undefined;
    }
    if (!isDocument(value)) {
      throw wrongType(`${this.name}.${name}`, value, "object");
    }
    return value;
  }

  array(name: string): unknown[] {
    const value = this.command[name];
    if (value === undefined) {
      throw this.missing(name);
    }
    if (!Array.isArray(value)) {
      throw wrongType(`${this.name}.${name}`, value, "array");
    }
    return value;
  }

  private missing(name: string): MongoError {
    return new MongoError(
      40414,
      `BSON field '${this.name}.${name}' is missing but a required field`,
    );
  }

  /** An option that is on or off; a number counts, null is none. */
  flag(name: string, fallback = false): boolean {
    return flagOf(this.name, name, this.command[name] ?? fallback);
  }

  long(name: string): Long {
    const value = this.command[name];
    if (!(value instanceof Long)) {
      throw wrongType(`${this.name}.${name}`, value, "long");
    }
    return value;
  }

  string(name: string): string {
    const value = this.command[name];
    if (value === undefined) {
      throw this.missing(name);
    }
    if (typeof value !== "string") {
      throw wrongType(`${this.name}.${name}`, value, "string");
    }
    return value;
  }
}

/** What an option means that is on or off. */
export function flagOf(owner: string, name: string, value: unknown): boolean {
  if (typeof value !== "boolean" && !isNumeric(value)) {
    throw wrongType(`${owner}.${name}`, value, "bool");
  }
  return isTruthy(value);
}

export function refuseView(collection: Collection): Collection {
  if (collection.isView) {
    throw new MongoError(166, `Namespace ${collection.ns} is a view, not a collection`);
  }
  return collection;
}
