const MAX_KEYS = 64;

interface Leaf<V> {
  owner: object;
  keys: string[];
  values: V[];
  children?: undefined;
}

/** `keys[i]` is a lower bound of everything in `children[i]`; the first one is never read. */
interface Branch<V> {
  owner: object;
  keys: string[];
  children: Node<V>[];
  /** How many entries are below it. */
  size: number;
}

type Node<V> = Leaf<V> | Branch<V>;

/**
 * A sorted map with snapshots at no cost: a B+tree whose nodes are copied on the first write
 * after a snapshot was taken. Each branch knows how many entries it holds, so counting a range does
 * not walk it. Emptied leaves are dropped, others are not merged: the trees here grow far more than
 * they shrink.
 */
export class SortedMap<V> {
  private owner = {};
  private root: Node<V>;

  constructor(root?: Node<V>) {
    this.root = root ?? { owner: this.owner, keys: [], values: [] };
  }

  get isEmpty(): boolean {
    return this.root.keys.length === 0;
  }

  /** An independent map with the same entries. */
  snapshot(): SortedMap<V> {
    this.owner = {};
    return new SortedMap(this.root);
  }

  /** Takes the entries of a snapshot. */
  restore(snapshot: SortedMap<V>): void {
    this.root = snapshot.root;
    this.owner = {};
    snapshot.owner = {};
  }

  get(key: string): V | undefined {
    const leaf = this.leafFor(key);
    const at = lowerBound(leaf.keys, key);
    return leaf.keys[at] === key ? leaf.values[at] : undefined;
  }

  set(key: string, value: V): void {
    this.root = this.owned(this.root);
    const split = this.insert(this.root, key, value);
    if (split) {
      this.root = this.branch(["", split.key], [this.root, split.node]);
    }
  }

  delete(key: string): void {
    if (this.get(key) === undefined) {
      return;
    }
    this.root = this.owned(this.root);
    this.remove(this.root, key);
    while (this.root.children?.length === 1) {
      this.root = this.root.children[0] as Node<V>;
    }
    if (this.root.children?.length === 0) {
      this.root = { owner: this.owner, keys: [], values: [] };
    }
  }

  /** How many entries there are from `start` up to but not including `end`. */
  count(start: string, end: string): number {
    return end <= start ? 0 : this.countBelow(end) - this.countBelow(start);
  }

  /** Entries from `start` up to but not including `end`, in ascending order. */
  *ascending(start: string, end: string): Generator<[string, V], void> {
    let leaf: Leaf<V> | undefined = this.leafFor(start);
    let at = lowerBound(leaf.keys, start);
    while (leaf) {
      for (; at < leaf.keys.length; at++) {
        const key = leaf.keys[at] as string;
        if (key >= end) {
          return;
        }
        yield [key, leaf.values[at] as V];
      }
      leaf = this.leafAfter(leaf.keys[leaf.keys.length - 1] ?? start);
      at = 0;
    }
  }

  /** Entries below `end` down to and including `start`, in descending order. */
  *descending(start: string, end: string): Generator<[string, V], void> {
    let leaf: Leaf<V> | undefined = this.leafFor(end);
    let at = lowerBound(leaf.keys, end) - 1;
    while (leaf) {
      for (; at >= 0; at--) {
        const key = leaf.keys[at] as string;
        if (key < start) {
          return;
        }
        yield [key, leaf.values[at] as V];
      }
      leaf = this.leafBefore(leaf.keys[0] ?? end);
      at = leaf ? leaf.keys.length - 1 : -1;
    }
  }

  private countBelow(key: string): number {
    let node = this.root;
    let count = 0;
    while (node.children) {
      const at = childIndex(node.keys, key);
      for (let before = 0; before < at; before++) {
        count += sizeOf(node.children[before] as Node<V>);
      }
      node = node.children[at] as Node<V>;
    }
    return count + lowerBound(node.keys, key);
  }

  private leafFor(key: string): Leaf<V> {
    let node = this.root;
    while (node.children) {
      node = node.children[childIndex(node.keys, key)] as Node<V>;
    }
    return node;
  }

  /** The leaf that follows the one holding `key`. */
  private leafAfter(key: string): Leaf<V> | undefined {
    let node = this.root;
    let next: Node<V> | undefined;
    while (node.children) {
      const at = childIndex(node.keys, key);
      next = node.children[at + 1] ?? next;
      node = node.children[at] as Node<V>;
    }
    while (next?.children) {
      next = next.children[0];
    }
    return next;
  }

  private leafBefore(key: string): Leaf<V> | undefined {
    let node = this.root;
    let previous: Node<V> | undefined;
    while (node.children) {
      const at = childIndex(node.keys, key);
      previous = node.children[at - 1] ?? previous;
      node = node.children[at] as Node<V>;
    }
    while (previous?.children) {
      previous = previous.children[previous.children.length - 1];
    }
    return previous;
  }

  private owned(node: Node<V>): Node<V> {
    if (node.owner === this.owner) {
      return node;
    }
    const { owner } = this;
    return node.children
      ? { owner, keys: node.keys.slice(), children: node.children.slice(), size: node.size }
      : { owner, keys: node.keys.slice(), values: node.values.slice() };
  }

  private branch(keys: string[], children: Node<V>[]): Branch<V> {
    const size = children.reduce((sum, child) => sum + sizeOf(child), 0);
    return { owner: this.owner, keys, children, size };
  }

  private insert(node: Node<V>, key: string, value: V): { key: string; node: Node<V> } | undefined {
    if (!node.children) {
      return this.insertIntoLeaf(node, key, value);
    }
    const at = childIndex(node.keys, key);
    const child = this.owned(node.children[at] as Node<V>);
    node.children[at] = child;
    const before = sizeOf(child);
    const split = this.insert(child, key, value);
    node.size += sizeOf(child) - before;
    if (split) {
      node.keys.splice(at + 1, 0, split.key);
      node.children.splice(at + 1, 0, split.node);
      node.size += sizeOf(split.node);
    }
    return node.keys.length > MAX_KEYS
      ? this.splitBranch(node, at + 2 === node.keys.length)
      : undefined;
  }

  private insertIntoLeaf(
    leaf: Leaf<V>,
    key: string,
    value: V,
  ): { key: string; node: Node<V> } | undefined {
    const at = lowerBound(leaf.keys, key);
    if (leaf.keys[at] === key) {
      leaf.values[at] = value;
      return undefined;
    }
    leaf.keys.splice(at, 0, key);
    leaf.values.splice(at, 0, value);
    if (leaf.keys.length <= MAX_KEYS) {
      return undefined;
    }
    // Appending is the common case (record ids grow): leave the full leaf behind as it is.
    const half = at === leaf.keys.length - 1 ? at : leaf.keys.length >> 1;
    const keys = leaf.keys.slice(half);
    const values = leaf.values.slice(half);
    // Exactly as long as they are: most leaves never grow again.
    leaf.keys = leaf.keys.slice(0, half);
    leaf.values = leaf.values.slice(0, half);
    return { key: keys[0] as string, node: { owner: this.owner, keys, values } };
  }

  private splitBranch(branch: Branch<V>, grownAtEnd: boolean): { key: string; node: Node<V> } {
    // Growing at the end is the common case: leave the full branch behind as it is.
    const half = grownAtEnd ? branch.keys.length - 1 : branch.keys.length >> 1;
    const keys = branch.keys.splice(half);
    const children = branch.children.splice(half);
    const node = this.branch(keys, children);
    branch.size -= node.size;
    return { key: keys[0] as string, node };
  }

  private remove(node: Node<V>, key: string): void {
    if (!node.children) {
      const at = lowerBound(node.keys, key);
      node.keys.splice(at, 1);
      node.values.splice(at, 1);
      return;
    }
    const at = childIndex(node.keys, key);
    const child = this.owned(node.children[at] as Node<V>);
    node.children[at] = child;
    node.size--;
    this.remove(child, key);
    if (child.keys.length === 0) {
      node.keys.splice(at, 1);
      node.children.splice(at, 1);
    }
  }
}

function sizeOf<V>(node: Node<V>): number {
  return node.children ? node.size : node.keys.length;
}

/** The first place whose key is not below the given one. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  // Most keys that are added are greater than all before: record ids grow, and so do ObjectIds.
  if (high > 0 && (keys[high - 1] as string) < key) {
    return high;
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as string) < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

function childIndex(keys: readonly string[], key: string): number {
  let low = 1;
  let high = keys.length;
  if (high > 1 && (keys[high - 1] as string) <= key) {
    return high - 1;
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as string) <= key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low - 1;
}
