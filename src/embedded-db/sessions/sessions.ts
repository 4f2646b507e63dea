import { setImmediate as turn } from "node:timers/promises";
import { MongoError } from "../errors";
import { decode } from "../bson/decode";
import { encode } from "../bson/encode";
import { Binary, type Doc, isDocument, Long, toBigInt } from "../bson/values";
import { sessionKey, sessionRange } from "../storage/keys";
import type { KeyRange, Storage, Writer } from "../storage/storage";
import { areSame, overlap, retriedFields, type StatementIds, statementIds } from "./statements";
import { type Transaction, type Transactions, TRANSIENT } from "./transactions";
import type { Change, WriteUnit } from "./write-unit";

/** MongoDB's logicalSessionTimeoutMinutes. */
export const SESSION_MINUTES = 30;

const MAX_OPEN_TRANSACTIONS = 1_000;

/** Sessions in memory; beyond them, those go whose last write cannot still be waiting. */
const MAX_SESSIONS = 10_000;

const IDLE_MS = 2 * 60_000;

/** Stored sessions looked at in one go. */
const SWEPT_AT_ONCE = 500;

/** Sessions that may be at work at once. */
const MAX_BUSY_SESSIONS = 100_000;

/** What statements of a retryable write were answered; those of one number may come in several commands. */
interface Answer {
  /** Undefined for all: earlier programs have not stored them. */
  statements: StatementIds | undefined;
  reply: Doc;
}

/** Commands that one retryable write may come in. */
const MAX_ANSWERS = 1_000;

interface Remembered {
  txnNumber: bigint;
  answers: readonly Answer[];
}

type TransactionState = "none" | "open" | "committed" | "aborted";

/** One logical session of a client. */
export class Session {
  txnNumber = -1n;
  transaction: Transaction | undefined;
  state: TransactionState = "none";
  remembered: Remembered | undefined;
  lastUse = Date.now();

  constructor(readonly id: Buffer) {}
}

/** What a command says about its session. */
export interface SessionRequest {
  session: Session;
  /** Of the command. */
  name: string;
  ordered: boolean;
  statements: StatementIds;
  txnNumber: bigint;
  /** `autocommit: false`: part of a transaction. */
  inTransaction: boolean;
  starts: boolean;
}

/**
 * The logical sessions: which transaction each runs, and what its last retryable write answered.
 * @see https://www.mongodb.com/docs/manual/core/retryable-writes/
 */
export class Sessions {
  private readonly byId = new Map<string, Session>();

  constructor(
    private readonly storage: Storage,
    private readonly transactions: Transactions,
  ) {}

  /** Reads lsid, txnNumber, autocommit and startTransaction of a command. */
  request(name: string, command: Doc): SessionRequest | undefined {
    const id = sessionIdOf(command);
    if (!id || command["txnNumber"] === undefined) {
      return undefined;
    }
    const statements = statementIds(name, command);
    const session = this.find(id);
    session.lastUse = Date.now();
    return {
      session,
      name,
      ordered: command["ordered"] !== false,
      statements,
      txnNumber: toBigInt(command["txnNumber"]),
      inTransaction: command["autocommit"] === false,
      starts: command["startTransaction"] === true,
    };
  }

  /** The transaction a command runs in, started if it asks for that. */
  transactionFor(request: SessionRequest): Transaction {
    const { session, txnNumber } = request;
    if (txnNumber < session.txnNumber) {
      throw new MongoError(
        225,
        `Cannot start transaction with { txnNumber: ${txnNumber} } on session because a newer ` +
          `${kindOf(session)} with txnNumber ${session.txnNumber} has already started on this session.`,
      );
    }
    if (request.starts) {
      return this.start(session, txnNumber);
    }
    if (txnNumber !== session.txnNumber || session.state === "none") {
      throw noSuchTransaction(
        `Given transaction number ${txnNumber} does not match any in-progress transactions. ` +
          `The active transaction number is ${session.txnNumber}`,
      );
    }
    if (session.state === "committed") {
      throw new MongoError(256, `Transaction with { txnNumber: ${txnNumber} } has been committed.`);
    }
    if (!session.transaction) {
      throw noSuchTransaction(`Transaction with { txnNumber: ${txnNumber} } has been aborted.`);
    }
    return session.transaction;
  }

  /** A retryable write ends the transaction its session has left open. */
  async abortOlder({ session, txnNumber }: SessionRequest): Promise<void> {
    if (session.transaction && session.txnNumber < txnNumber) {
      await this.abort(session);
    }
  }

  async abort(session: Session): Promise<void> {
    const { transaction } = session;
    if (transaction?.committing) {
      // Too late. How it ended is the business of whoever asked for it.
      await transaction.committing.catch(() => undefined);
    } else if (transaction) {
      finish(session, transaction, "aborted");
      this.transactions.abort(transaction);
    }
  }

  /**
   * The reply of a write that was applied before, or undefined when it is new. A command that holds
   * but some statements that were executed before is refused (217).
   */
  replyOf(request: SessionRequest): Doc | undefined {
    const { session, txnNumber, name, statements, ordered } = request;
    if (txnNumber === session.txnNumber && session.state !== "none") {
      throw new MongoError(
        72,
        "Must specify autocommit=false on all operations of a multi-statement transaction.",
      );
    }
    if (txnNumber < session.txnNumber) {
      throw new MongoError(
        225,
        `Retryable write with txnNumber ${txnNumber} is prohibited on session because a newer ${kindOf(session)} ` +
          `with txnNumber ${session.txnNumber} has already started on this session.`,
      );
    }
    const answers = answersOf(request);
    const known = answers.find((answer) => areSame(answer.statements ?? statements, statements));
    if (known) {
      return { ...known.reply, ...retriedFields(name, statements, known.reply, ordered) };
    }
    if (answers.length >= MAX_ANSWERS) {
      throw new MongoError(217, `Retryable write ${txnNumber} has come in too many commands`);
    }
    if (answers.some((answer) => answer.statements && overlap(answer.statements, statements))) {
      throw new MongoError(
        217,
        `Incomplete history detected for transaction ${txnNumber}: some of the statements were executed by another command`,
      );
    }
    return undefined;
  }

  /** Stores the reply together with the write itself. */
  remember(unit: WriteUnit, request: SessionRequest, reply: Doc): void {
    const { session, txnNumber, statements } = request;
    const { txnNumber: number, remembered, state } = session;
    const earlier = answersOf(request);
    unit.onRollback(() => Object.assign(session, { txnNumber: number, remembered, state }));
    session.txnNumber = txnNumber;
    session.state = "none";
    session.remembered = { txnNumber, answers: [...earlier, { statements, reply }] };
    const lastUse = new Date();
    const record: Doc = { txnNumber: Long.fromBigInt(txnNumber), reply, statements, lastUse };
    if (earlier.length > 0) {
      record["earlier"] = earlier;
    }
    unit.put(sessionKey(session.id), encode(record));
  }

  /**
   * Commits a transaction once, however often it is asked for. That it was is stored with it: a
   * client that has not heard of the commit asks again, also after a restart.
   */
  commit({ session, txnNumber }: SessionRequest, transaction: Transaction): Promise<Change[]> {
    const record = { txnNumber: Long.fromBigInt(txnNumber), committed: true, lastUse: new Date() };
    transaction.committing ??= this.transactions
      .commit(transaction, (writer) => writer.put(sessionKey(session.id), encode(record)))
      .then(
        (changes) => {
          finish(session, transaction, "committed");
          const lsid = { id: new Binary(session.id, Binary.SUBTYPE_UUID) };
          const part = { lsid, txnNumber: record.txnNumber };
          return changes.map((change) => ({ ...change, transaction: part }));
        },
        (error: unknown) => {
          finish(session, transaction, "aborted");
          throw error;
        },
      );
    return transaction.committing;
  }

  async end(ids: readonly Buffer[]): Promise<void> {
    for (const id of ids) {
      const session = this.byId.get(id.toString("hex"));
      if (session) {
        session.lastUse = 0;
        await this.abort(session);
      }
    }
  }

  /** The sessions that have written lately. */
  all(): readonly Session[] {
    return [...this.byId.values()];
  }

  /** Drops transactions and sessions that nobody used for too long. */
  async sweep(now: number): Promise<void> {
    for (const session of this.byId.values()) {
      if (session.transaction && session.transaction.expires < now) {
        await this.abort(session);
      }
    }
    const limit = now - SESSION_MINUTES * 60_000;
    for (const [key, session] of this.byId) {
      if (session.lastUse < limit && !session.transaction) {
        this.byId.delete(key);
      }
    }
    await this.forgetStored(limit);
  }

  /** In pieces, between which others have their turn: a client may use as many as it likes. */
  private async forgetStored(limit: number): Promise<void> {
    const range = sessionRange();
    for (let last: Buffer | undefined = range.start; last;) {
      const start: Buffer = last;
      last = await this.storage.write((writer) => forgetOld(writer, { ...range, start }, limit));
      await turn();
    }
  }

  private find(id: Buffer): Session {
    const key = id.toString("hex");
    const known = this.byId.get(key);
    if (!known && this.byId.size >= MAX_SESSIONS) {
      this.forgetOldest(Date.now() - IDLE_MS);
    }
    const session = known ?? this.load(id);
    // Last in the map is used last.
    this.byId.delete(key);
    this.byId.set(key, session);
    return session;
  }

  /** What must outlive it, the store has. */
  private forgetOldest(limit: number): void {
    for (const [key, { transaction, lastUse }] of this.byId) {
      if (!transaction) {
        if (lastUse < limit) {
          this.byId.delete(key);
        }
        break;
      }
    }
    if (this.byId.size >= MAX_BUSY_SESSIONS) {
      throw new MongoError(261, "Unable to add session: too many active sessions");
    }
  }

  private load(id: Buffer): Session {
    const session = new Session(id);
    const stored = this.storage.get(sessionKey(id));
    if (stored) {
      const { txnNumber, reply, statements, earlier, committed } = decode(stored);
      session.txnNumber = toBigInt(txnNumber);
      if (committed === true) {
        session.state = "committed";
      } else {
        const last = { statements, reply } as Answer;
        const answers = [...((earlier ?? []) as Answer[]), last];
        session.remembered = { txnNumber: session.txnNumber, answers };
      }
    }
    return session;
  }

  private start(session: Session, txnNumber: bigint): Transaction {
    if (txnNumber === session.txnNumber) {
      throw new MongoError(
        50911,
        `Only servers in a sharded cluster can start a new transaction at the active transaction number ${txnNumber}`,
      );
    }
    // Not awaited: the same number asked for twice at once must find the first one's transaction.
    void this.abort(session);
    this.makeRoom();
    session.txnNumber = txnNumber;
    session.state = "open";
    session.transaction = this.transactions.start();
    return session.transaction;
  }

  /** Each open transaction holds a reader of the store: the oldest goes when there are too many. */
  private makeRoom(): void {
    if (this.transactions.size < MAX_OPEN_TRANSACTIONS) {
      return;
    }
    let oldest: Session | undefined;
    for (const session of this.byId.values()) {
      const { transaction } = session;
      if (transaction && !transaction.committing) {
        oldest =
          oldest?.transaction && oldest.transaction.expires <= transaction.expires
            ? oldest
            : session;
      }
    }
    if (oldest) {
      void this.abort(oldest);
    }
  }
}

/** The session a command names. */
export function sessionIdOf({ lsid }: Doc): Buffer | undefined {
  return isDocument(lsid) && lsid["id"] instanceof Binary
    ? Buffer.from(lsid["id"].value())
    : undefined;
}

/** What was answered to the write of this number. */
function answersOf({ session: { remembered }, txnNumber }: SessionRequest): readonly Answer[] {
  return remembered?.txnNumber === txnNumber ? remembered.answers : [];
}

/** The session may have begun another one meanwhile. */
function finish(session: Session, ended: Transaction, state: "committed" | "aborted"): void {
  if (session.transaction === ended) {
    session.transaction = undefined;
    session.state = state;
  }
}

function kindOf({ state }: Session): string {
  return state === "none" ? "retryable write" : "transaction";
}

/** Removes what is old of the first records of a range; gives where it goes on, if it does. */
function forgetOld(writer: Writer, range: KeyRange, limit: number): Buffer | undefined {
  const old: Buffer[] = [];
  let read = 0;
  let next: Buffer | undefined;
  for (const { key, value } of writer.range(range)) {
    if (read++ === SWEPT_AT_ONCE) {
      next = key;
      break;
    }
    if (lastUse(value) < limit) {
      old.push(key);
    }
  }
  old.forEach((key) => writer.delete(key));
  return next;
}

function lastUse(record: Buffer): number {
  const { lastUse: date } = decode(record);
  return date instanceof Date ? date.getTime() : 0;
}

export function noSuchTransaction(message: string): MongoError {
  return new MongoError(251, message, {}, [TRANSIENT]);
}
