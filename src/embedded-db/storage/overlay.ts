import { keyText } from "./memory";
import { SortedMap } from "./sorted-map";
import type { Entry, KeyRange, Reader, Snapshot, Writer } from "./storage";

/** Stands for a deletion that hides an entry of the base. */
const DELETED = Buffer.alloc(0);

/** Writes kept in memory over a base that stays as it is. */
export class Overlay<Base extends Reader = Reader> implements Writer {
  constructor(
    protected readonly base: Base,
    private readonly changes = new SortedMap<Buffer>(),
  ) {}

  get isEmpty(): boolean {
    return this.changes.isEmpty;
  }

  /** What is to be remembered for taking back later writes. */
  mark(): SortedMap<Buffer> {
    return this.changes.snapshot();
  }

  /** Takes back the writes since a mark, which cannot be used again. */
  restore(mark: SortedMap<Buffer>): void {
    this.changes.restore(mark);
  }

  /** The same writes over a snapshot of the base, for reading. */
  over(base: Snapshot): Snapshot {
    return new OverlaySnapshot(base, this.changes.snapshot());
  }

  get(key: Buffer): Buffer | undefined {
    const changed = this.changes.get(keyText(key));
    if (changed !== undefined) {
      return changed === DELETED ? undefined : changed;
    }
    return this.base.get(key);
  }

  count(range: KeyRange): number {
    let count = this.base.count(range);
    for (const [key, value] of this.changesIn(range)) {
      const before = this.base.get(Buffer.from(key, "latin1")) === undefined ? 0 : 1;
      count += (value === DELETED ? 0 : 1) - before;
    }
    return count;
  }

  put(key: Buffer, value: Buffer): void {
    this.changes.set(keyText(key), value);
  }

  delete(key: Buffer): void {
    this.changes.set(keyText(key), DELETED);
  }

  /** Merges base and changes, which both come in key order. */
  range(range: KeyRange): Iterable<Entry> {
    const changes = this.changesIn(range);
    const first = changes.next();
    return first.done ? this.base.range(range) : this.merged(range, first, changes);
  }

  private *merged(
    range: KeyRange,
    first: IteratorResult<[string, Buffer], void>,
    changes: Iterator<[string, Buffer], void>,
  ): Iterable<Entry> {
    let change = first;
    for (const entry of this.base.range(range)) {
      const key = keyText(entry.key);
      while (!change.done && comesBefore(change.value[0], key, range.reverse)) {
        yield* visible(change.value);
        change = changes.next();
      }
      if (!change.done && change.value[0] === key) {
        yield* visible(change.value);
        change = changes.next();
      } else {
        yield entry;
      }
    }
    for (; !change.done; change = changes.next()) {
      yield* visible(change.value);
    }
  }

  /** Hands all changes to a writer. */
  applyTo(writer: Writer): void {
    for (const [key, value] of this.changes.ascending("", "\u0100")) {
      if (value === DELETED) {
        writer.delete(Buffer.from(key, "latin1"));
      } else {
        writer.put(Buffer.from(key, "latin1"), value);
      }
    }
  }

  private changesIn({ start, end, reverse }: KeyRange): Generator<[string, Buffer], void> {
    // A snapshot, since the caller may write while it reads.
    const changes = this.changes.snapshot();
    const [from, to] = [keyText(start), keyText(end)];
    return reverse ? changes.descending(from, to) : changes.ascending(from, to);
  }
}

/** The writes over a snapshot. */
class OverlaySnapshot extends Overlay<Snapshot> implements Snapshot {
  release(): void {
    this.base.release();
  }
}

function comesBefore(a: string, b: string, reverse = false): boolean {
  return reverse ? a > b : a < b;
}

function* visible([key, value]: [string, Buffer]): Iterable<Entry> {
  if (value !== DELETED) {
    yield { key: Buffer.from(key, "latin1"), value };
  }
}
