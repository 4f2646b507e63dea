/** One entry of a store. */
export interface Entry {
  key: Buffer;
  value: Buffer;
}

/** Keys from `start` up to but not including `end`, backwards when `reverse`. */
export interface KeyRange {
  start: Buffer;
  end: Buffer;
  reverse?: boolean;
}

/** What a reader sees never changes under it. Values must not be changed by the receiver. */
export interface Reader {
  get(key: Buffer): Buffer | undefined;
  range(range: KeyRange): Iterable<Entry>;
  /** How many entries a range has, without reading them. */
  count(range: KeyRange): number;
}

/** Reads see the writes made before them. */
export interface Writer extends Reader {
  put(key: Buffer, value: Buffer): void;
  delete(key: Buffer): void;
}

/** A view of the whole store at one moment. Release it, or the store cannot reuse space. */
export interface Snapshot extends Reader {
  release(): void;
}

/**
 * An ordered key-value store: all that the database asks of a disk.
 *
 * A driver must keep three promises: `write` is atomic (a throwing work leaves nothing behind),
 * its promise resolves only when the change survives the end of the process, and a snapshot never
 * sees a later write.
 */
export interface Storage extends Reader {
  /**
   * Runs the work. When it throws, or cannot be stored, what it wrote is undone and `takeBack` is
   * called before any other work runs. Then it may be run once more.
   */
  write<T>(work: (writer: Writer) => T, takeBack?: () => void): Promise<T>;
  /** Resolves when everything written so far survives the end of the system, too. */
  flush(): Promise<void>;
  /** Moves what was written last to where everything else is, if it is elsewhere. */
  checkpoint(): void;
  snapshot(): Snapshot;
  close(): Promise<void>;
}
