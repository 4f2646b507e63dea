import { MediaError } from "../MediaError";
import { hasArrow, timingOf, type Timing } from "./cue";

/** Lines without a blank one between them. */
export interface Block {
  /** Of the first line in the file, from 1. */
  number: number;
  lines: string[];
  /** Index of the line with the arrow: 0, or 1 behind an identifier. */
  arrow: number | undefined;
  /** Whether a line with an arrow began it, without a blank line before. */
  isCutOff: boolean;
}

interface Syntax {
  isBlank: (line: string) => boolean;
  isArrow: (line: string) => boolean;
}

/**
 * Cuts the lines from `first` on into blocks (WebVTT, "collect a WebVTT block"): at blank lines, and
 * before each arrow that is not in its block's first or second line.
 */
export function blocksOf(lines: string[], first: number, { isBlank, isArrow }: Syntax): Block[] {
  const blocks: Block[] = [];
  let block: Block | undefined;
  for (const [index, line] of lines.entries()) {
    if (index < first || isBlank(line)) {
      block = undefined;
      continue;
    }
    const isTiming = isArrow(line);
    const isFull = block !== undefined && (block.arrow !== undefined || block.lines.length > 1);
    if (block === undefined || (isTiming && isFull)) {
      block = { number: index + 1, lines: [], arrow: undefined, isCutOff: block !== undefined };
      blocks.push(block);
    }
    if (isTiming) {
      block.arrow = block.lines.length;
    }
    block.lines.push(line);
  }
  return blocks;
}

/** The timing of a block that has to be a cue. @throws MediaError CAPTIONS_UNREADABLE, naming the line */
export function requiredTiming({ number, lines, arrow }: Block): Timing {
  const index = arrow ?? Math.max(0, lines.findIndex(hasArrow));
  const line = number + index;
  const timing = timingOf(lines[index] ?? "");
  if (!timing) {
    throw unreadable(line, "expected a time range such as 00:00:01.000 --> 00:00:04.000");
  }
  if (timing.end <= timing.start) {
    throw unreadable(line, "the end must be later than the start");
  }
  return timing;
}

function unreadable(line: number, problem: string): MediaError {
  return new MediaError("CAPTIONS_UNREADABLE", `Line ${line}: ${problem}`);
}
