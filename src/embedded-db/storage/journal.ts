import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fdatasync,
  fsync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";
import { FlushTurns } from "./flush-turns";
import type { Writer } from "./storage";

const dataFlushed = promisify(fdatasync);
const allFlushed = promisify(fsync);

/** Length and checksum in front of a record. */
const HEAD_BYTES = 8;

/** The tree refuses longer keys, and is to do so before the write is acknowledged. */
const MAX_KEY_BYTES = 1978;

/** Kind, length of the key, length of the value. */
const OPERATION_BYTES = 7;

/** Writing more through the journal would cost more than a commit of the tree. */
const MAX_RECORD_BYTES = 16 * 1024;

const Kind = { put: 1, delete: 2 } as const;

const FILE = /^journal-[0-9a-f]{32}\.bin$/;

/** A work writes what a record does not hold. */
export class RecordTooLarge extends Error {}

/** The writes of one work, as they stand in a journal. One object serves all works in turn. */
export class JournalRecord {
  private readonly out = Buffer.allocUnsafe(MAX_RECORD_BYTES);
  private end = HEAD_BYTES;

  get length(): number {
    return this.end;
  }

  get isEmpty(): boolean {
    return this.end === HEAD_BYTES;
  }

  clear(): void {
    this.end = HEAD_BYTES;
  }

  put(key: Buffer, value: Buffer): void {
    this.begin(Kind.put, key, value.length);
    this.out.set(value, this.end);
    this.end += value.length;
  }

  delete(key: Buffer): void {
    this.begin(Kind.delete, key, 0);
  }

  /** What follows a record with this checksum in a file; good until the record is used again. */
  bytesAfter(checksum: number): Buffer {
    const bytes = this.out.subarray(0, this.end);
    bytes.writeUInt32LE(this.end - HEAD_BYTES, 0);
    bytes.writeUInt32LE(crc32(bytes.subarray(HEAD_BYTES), checksum), 4);
    return bytes;
  }

  /** Writes all of an operation but the value, for which there is room then. */
  private begin(kind: number, key: Buffer, valueLength: number): void {
    const length = OPERATION_BYTES + key.length + valueLength;
    if (this.end + length > MAX_RECORD_BYTES || key.length > MAX_KEY_BYTES) {
      throw new RecordTooLarge();
    }
    this.out[this.end] = kind;
    this.out.writeUInt16LE(key.length, this.end + 1);
    this.out.writeUInt32LE(valueLength, this.end + 3);
    this.out.set(key, this.end + OPERATION_BYTES);
    this.end += OPERATION_BYTES + key.length;
  }
}

/**
 * A file that gets the writes of every work before it is acknowledged, so that the tree, which it
 * belongs to, can have those of many works in one commit. What a work wrote is one record with a
 * checksum, so that a torn one is none.
 *
 * The file has a random name, which the tree knows: the journal of another state of the tree is
 * never taken for its own. Checksums start from the name, and each goes on from the one before: no
 * document can pass for a record, and nothing left behind the end for what comes next.
 */
export class Journal {
  private readonly file: string;
  /** Of the last record; at first what the name gives. */
  private checksum: number;
  private fd: number | undefined;
  private end = 0;
  private unflushed = false;
  /** The folder is known to have the file after the system has gone down. */
  private isListed = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly turns = new FlushTurns(() => this.flushNow());

  static newName(): Buffer {
    return randomBytes(16);
  }

  /** Removes all journals of a folder but one. */
  static removeOthers(folder: string, name: Buffer): void {
    const own = fileOf(folder, name);
    readdirSync(folder)
      .filter((file) => FILE.test(file) && join(folder, file) !== own)
      .forEach((file) => rmSync(join(folder, file)));
  }

  constructor(
    private readonly folder: string,
    readonly name: Buffer,
    private readonly flushIntervalMs: number,
  ) {
    this.file = fileOf(folder, name);
    this.checksum = name.readUInt32LE(0);
  }

  get length(): number {
    return this.end;
  }

  /** Hands what the file holds to a writer, up to the first torn record, which is cut off. */
  replay(writer: Writer): void {
    const bytes = existsSync(this.file) ? readFileSync(this.file) : Buffer.alloc(0);
    for (let found = this.recordAt(bytes); found; found = this.recordAt(bytes)) {
      replayOperations(found, writer);
      this.grown(bytes.subarray(this.end, this.end + HEAD_BYTES + found.length));
    }
    if (bytes.length > this.end) {
      truncateSync(this.file, this.end);
    }
  }

  /** Stores a record. When the disk has no room for it, the file holds what it held. */
  append(record: JournalRecord): void {
    this.fd ??= openSync(this.file, constants.O_RDWR | constants.O_CREAT);
    const bytes = record.bytesAfter(this.checksum);
    for (let written = 0; written < bytes.length;) {
      written += writeSync(this.fd, bytes, written, bytes.length - written, this.end + written);
    }
    this.grown(bytes);
  }

  /**
   * Resolves when everything appended so far is on disk. A disk that cannot be written fails this,
   * and with it the thread: what is acknowledged could not be kept.
   */
  flush(): Promise<void> {
    return this.unflushed ? this.turns.ask() : (this.turns.pending ?? Promise.resolve());
  }

  /** Nothing is appended after this. Whoever waits for the disk still gets it. */
  async close(): Promise<void> {
    clearTimeout(this.timer);
    await this.turns.pending;
    if (this.fd !== undefined) {
      closeSync(this.fd);
    }
  }

  /** The tree cannot go back any more to the state it belongs to. */
  remove(): void {
    rmSync(this.file, { force: true });
  }

  private grown(record: Buffer): void {
    this.end += record.length;
    this.checksum = record.readUInt32LE(4);
    this.unflushed = true;
    this.timer ??= setTimeout(() => void this.flush(), this.flushIntervalMs).unref();
  }

  private async flushNow(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.unflushed = false;
    this.fd ??= openSync(this.file, constants.O_RDWR);
    await dataFlushed(this.fd);
    if (!this.isListed) {
      await flushFolder(this.folder);
      this.isListed = true;
    }
  }

  /** The operations of the next record, if it is whole. */
  private recordAt(bytes: Buffer): Buffer | undefined {
    const start = this.end + HEAD_BYTES;
    if (start > bytes.length) {
      return undefined;
    }
    const operations = bytes.subarray(start, start + bytes.readUInt32LE(this.end));
    const isWhole =
      operations.length > 0 &&
      operations.length === bytes.readUInt32LE(this.end) &&
      crc32(operations, this.checksum) === bytes.readUInt32LE(this.end + 4);
    return isWhole ? operations : undefined;
  }
}

function fileOf(folder: string, name: Buffer): string {
  return join(folder, `journal-${name.toString("hex")}.bin`);
}

function replayOperations(operations: Buffer, writer: Writer): void {
  for (let at = 0; at < operations.length;) {
    const keyEnd = at + OPERATION_BYTES + operations.readUInt16LE(at + 1);
    const end = keyEnd + operations.readUInt32LE(at + 3);
    const key = operations.subarray(at + OPERATION_BYTES, keyEnd);
    if (operations[at] === Kind.put) {
      writer.put(key, operations.subarray(keyEnd, end));
    } else {
      writer.delete(key);
    }
    at = end;
  }
}

/** Makes the name of a new file last; Windows does so by itself. */
export async function flushFolder(folder: string): Promise<void> {
  if (process.platform === "win32") {
    return;
  }
  const fd = openSync(folder, "r");
  try {
    await allFlushed(fd);
  } finally {
    closeSync(fd);
  }
}
