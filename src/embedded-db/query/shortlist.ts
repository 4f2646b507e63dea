import type { MemoryBudget } from "./memory-budget";

/** So many items more than those wanted are gathered before the others are let go. */
const SLACK = 256;

/** Items of which only so many are wanted: no more than twice as many are kept. */
export class Shortlist<T> {
  private items: T[] = [];
  private most = 0;

  /** `choose` gives a new array of those wanted, also of wanted ones and later ones together. */
  constructor(
    private readonly limit: number,
    private readonly choose: (items: T[]) => T[],
    private readonly budget: MemoryBudget | undefined,
  ) {}

  /** Takes an item, which keeps a value in memory. */
  add(item: T, value: unknown): void {
    if (this.items.push(item) > this.most) {
      this.most++;
      this.budget?.keep(value);
    }
    if (this.items.length >= 2 * this.limit + SLACK) {
      this.items = this.choose(this.items);
    }
  }

  /** Those wanted; more may follow. */
  chosen(): T[] {
    return this.choose(this.items);
  }
}
