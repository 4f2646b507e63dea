/** Tells how far the work is. */
export interface Progress {
  /** A step of so many parts begins; the one before is done. */
  begin(step: string, parts: number): void;
  advance(parts?: number): void;
}
