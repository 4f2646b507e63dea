import type * as Fs from "node:fs";
import { basename, join } from "node:path";
import type { Random } from "./random";

const PAGE_BYTES = 4096;

/** The files of a data folder that writes go to. */
const FILES = /^(data\.mdb|flushed\.bin|journal-.*)$/;

/**
 * What of the data folders' files is sure to be on disk: what they held when they were flushed last.
 * It sees every flush through the functions of `node:fs` that it wraps.
 */
class DiskImage {
  private files = new Map<string, Buffer>();
  /** The names that a flush of the folder has made last. */
  private names = new Set<string>();

  constructor(private readonly fs: typeof Fs) {}

  /** `node:fs`, and every flush is noted. */
  wrapped(): typeof Fs {
    const { fs } = this;
    const noting =
      (flush: typeof fs.fsync) => (fd: number, callback: (error: Error | null) => void) => {
        const note = this.noteOf(fd);
        flush(fd, (error) => {
          note();
          callback(error);
        });
      };
    const notingSync = (flush: typeof fs.fsyncSync) => (fd: number) => {
      const note = this.noteOf(fd);
      flush(fd);
      note();
    };
    return {
      ...fs,
      fsync: noting(fs.fsync) as typeof fs.fsync,
      fdatasync: noting(fs.fdatasync) as typeof fs.fdatasync,
      fsyncSync: notingSync(fs.fsyncSync),
      fdatasyncSync: notingSync(fs.fdatasyncSync),
    };
  }

  /** Forgets the files of folders that are gone. */
  clear(): void {
    this.files.clear();
    this.names.clear();
  }

  /**
   * Makes a folder as a system that goes down now may leave this one: of the pages written since
   * the last flush, of the files made and removed since, any and none.
   */
  leave(folder: string, target: string, random: Random): void {
    const { fs } = this;
    fs.mkdirSync(target);
    const now = this.namesIn(folder);
    for (const name of new Set([...now, ...this.namesKept(folder)])) {
      const isSure = now.includes(name) && this.names.has(join(folder, name));
      if (isSure || random(2) === 0) {
        fs.writeFileSync(join(target, name), this.contentOf(join(folder, name), random));
      }
    }
  }

  /** A flush takes what is there when it begins. */
  private noteOf(fd: number): () => void {
    const { fs } = this;
    const path = fs.readlinkSync(`/proc/self/fd/${fd}`);
    if (fs.fstatSync(fd).isDirectory()) {
      const names = this.namesIn(path).map((name) => join(path, name));
      return () => names.forEach((name) => this.names.add(name));
    }
    const bytes = fs.existsSync(path) ? fs.readFileSync(path) : undefined;
    return () => bytes && this.files.set(path, bytes);
  }

  private contentOf(path: string, random: Random): Buffer {
    const old = this.files.get(path) ?? Buffer.alloc(0);
    if (!this.fs.existsSync(path)) {
      return old;
    }
    const bytes = this.fs.readFileSync(path);
    for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
      if (random(2) === 0) {
        bytes.subarray(at, at + PAGE_BYTES).fill(0);
        old.subarray(at, at + PAGE_BYTES).copy(bytes, at);
      }
    }
    return bytes;
  }

  private namesIn(folder: string): string[] {
    return this.fs.readdirSync(folder).filter((name) => FILES.test(name));
  }

  private namesKept(folder: string): string[] {
    return [...this.files.keys()]
      .filter((path) => path === join(folder, basename(path)))
      .map((path) => basename(path));
  }
}

/** Sees the flushes of this thread once `node:fs` is mocked by `disk.wrapped()`. */
export const disk = new DiskImage(jest.requireActual<typeof Fs>("node:fs"));
