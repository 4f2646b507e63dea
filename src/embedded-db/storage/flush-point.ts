import {
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readFileSync,
  write,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";

const writeAt = promisify(write);
const flushed = promisify(fdatasync);

/** A boot of the system, as the kernel writes it. */
const BOOT_BYTES = 36;

/** Checksum, sequence number, boot, length of the pages. */
const HEAD_BYTES = 4 + 8 + BOOT_BYTES + 4;

/** Two pages of LMDB's largest size and the head. */
const SLOT_BYTES = 2 * 65_536 + 4096;

interface Slot {
  sequence: number;
  boot: string;
  metaPages: Buffer;
}

/** Which boot of the system this is; undefined where it does not tell. */
export function currentBoot(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").slice(0, BOOT_BYTES);
  } catch {
    return undefined;
  }
}

/**
 * Remembers the last state of a store of which all is known to be on disk, as the two pages LMDB
 * starts reading at. While the system runs nobody needs it. When it has gone down without closing
 * the store, later pages may or may not have reached the disk, and the store goes back to it.
 *
 * The file has two slots, written in turn, so that one is whole at any time.
 */
export class FlushPoint {
  private readonly fd: number;
  private sequence: number;

  static fileIn(folder: string): string {
    return join(folder, "flushed.bin");
  }

  /** True when the system went down before the folder was closed. */
  static isOutdated(folder: string, boot: string | undefined): boolean {
    const last = lastSlot(folder);
    return last !== undefined && last.boot !== boot;
  }

  /** Takes a store back to its flush point, if the system went down since. Call before LMDB opens it. */
  static restore(folder: string, dataFile: string, boot: string | undefined): void {
    const last = lastSlot(folder);
    if (!last || last.boot === boot) {
      return;
    }
    const data = openSync(dataFile, "r+");
    try {
      writeSync(data, last.metaPages, 0, last.metaPages.length, 0);
      fdatasyncSync(data);
    } finally {
      closeSync(data);
    }
  }

  constructor(
    folder: string,
    private readonly boot: string,
  ) {
    const file = FlushPoint.fileIn(folder);
    this.sequence = lastSlot(folder)?.sequence ?? 0;
    if (!existsSync(file)) {
      // All of it at once: a disk that is full later must not keep flushes from ending.
      writeFileSync(file, Buffer.alloc(2 * SLOT_BYTES));
      flushFolder(folder);
    }
    this.fd = openSync(file, "r+");
  }

  /** Resolves when the point itself is on disk: only then may pages it does not need be written over. */
  async set(metaPages: Buffer): Promise<void> {
    const slot = this.nextSlot(metaPages);
    await writeAt(this.fd, slot, 0, slot.length, this.place());
    await flushed(this.fd);
  }

  setSync(metaPages: Buffer): void {
    const slot = this.nextSlot(metaPages);
    writeSync(this.fd, slot, 0, slot.length, this.place());
    fdatasyncSync(this.fd);
  }

  close(): void {
    closeSync(this.fd);
  }

  private place(): number {
    return (this.sequence % 2) * SLOT_BYTES;
  }

  private nextSlot(metaPages: Buffer): Buffer {
    this.sequence++;
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeDoubleLE(this.sequence, 4);
    head.write(this.boot, 12, "latin1");
    head.writeUInt32LE(metaPages.length, 12 + BOOT_BYTES);
    const slot = Buffer.concat([head, metaPages]);
    slot.writeUInt32LE(crc32(slot.subarray(4)), 0);
    return slot;
  }
}

/** Makes the names of new files last. */
function flushFolder(folder: string): void {
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The youngest slot that is whole. */
function lastSlot(folder: string): Slot | undefined {
  const file = FlushPoint.fileIn(folder);
  const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  const [a, b] = [readSlot(bytes.subarray(0, SLOT_BYTES)), readSlot(bytes.subarray(SLOT_BYTES))];
  return a && b ? (a.sequence > b.sequence ? a : b) : (a ?? b);
}

function readSlot(bytes: Buffer): Slot | undefined {
  if (bytes.length < HEAD_BYTES) {
    return undefined;
  }
  const end = HEAD_BYTES + bytes.readUInt32LE(12 + BOOT_BYTES);
  if (end > bytes.length || crc32(bytes.subarray(4, end)) !== bytes.readUInt32LE(0)) {
    return undefined;
  }
  return {
    sequence: bytes.readDoubleLE(4),
    boot: bytes.toString("latin1", 12, 12 + BOOT_BYTES),
    metaPages: bytes.subarray(HEAD_BYTES, end),
  };
}
