import { blocksOf, requiredTiming, type Block } from "./blocks";
import { timingOf, type Cue } from "./cue";

/**
 * Reads SubRip. It has no standard; this is what players agree on: a number, a time range with
 * commas, lines of text, a blank line. Numbers may be missing and need not be in order.
 * @throws MediaError CAPTIONS_UNREADABLE
 */
export function parseSubRip(lines: string[]): Cue[] {
  const isTiming = (line: string) => timingOf(line) !== undefined;
  const isBlank = (line: string) => line.trim() === "";
  const blocks = blocksOf(lines, 0, { isBlank, isArrow: isTiming });
  return blocks.map((block, index) => cueOf(block, blocks[index + 1]));
}

function cueOf(block: Block, next: Block | undefined): Cue {
  const { start, end } = requiredTiming(block);
  const text = block.lines.slice((block.arrow ?? 0) + 1);
  // Where the blank line is missing, the next cue's number stands at the end of this one's text.
  if (next?.isCutOff && /^\d{1,9}$/.test(text.at(-1)?.trim() ?? "")) {
    text.pop();
  }
  return { start, end, id: "", settings: "", text: text.map(cueText).filter((it) => it !== "") };
}

/** Both stop at what begins another one, so that many unfinished ones cost no more than their length. */
const POSITION = /\{\\[^{}]*\}/g;
const MARKUP = /<\/?[ibu]>|<\/?font(?:[ \t][^<>]*)?>|&(?:amp|lt|gt|nbsp|lrm|rlm);|[<>&]/gi;
const ESCAPES: Record<string, string> = { "<": "&lt;", ">": "&gt;", "&": "&amp;" };

/** A line as WebVTT's cue text: italics, bold and underline stay, fonts and positions go, the rest is text. */
function cueText(line: string): string {
  return line
    .replace(POSITION, "")
    .replace(MARKUP, (found) =>
      /^<\/?font/i.test(found) ? "" : (ESCAPES[found] ?? found.toLowerCase()),
    )
    .trim();
}
