import { blocksOf, requiredTiming, type Block } from "./blocks";
import { hasArrow, timestamp, type Cue } from "./cue";

/** A file's cues, and the regions that they may be placed in. */
export interface Captions {
  /** Each the settings of one region. */
  regions: string[];
  cues: Cue[];
}

const SIGNATURE = /^WEBVTT(?:[ \t]|$)/;
const COMMENT = /^NOTE(?:[ \t]|$)/;
const STYLE = /^STYLE[ \t]*$/;
const REGION = /^REGION[ \t]*$/;

const PERCENTAGE = String.raw`\d{1,3}(?:\.\d{1,9})?%`;
/** The settings that WebVTT defines; players ignore all others, and so they are dropped. */
const CUE_SETTINGS: Record<string, RegExp> = {
  region: /^[^ \t]+$/,
  vertical: /^(?:rl|lr)$/,
  line: new RegExp(`^(?:${PERCENTAGE}|-?\\d{1,4})(?:,(?:start|center|end))?$`),
  position: new RegExp(`^${PERCENTAGE}(?:,(?:line-left|center|line-right))?$`),
  size: new RegExp(`^${PERCENTAGE}$`),
  align: /^(?:start|center|end|left|right)$/,
};
const REGION_SETTINGS: Record<string, RegExp> = {
  id: /^[^ \t]+$/,
  width: new RegExp(`^${PERCENTAGE}$`),
  lines: /^\d{1,4}$/,
  regionanchor: new RegExp(`^${PERCENTAGE},${PERCENTAGE}$`),
  viewportanchor: new RegExp(`^${PERCENTAGE},${PERCENTAGE}$`),
  scroll: /^up$/,
};

/** Whether the file says that it is WebVTT. */
export function isWebVtt(lines: string[]): boolean {
  return SIGNATURE.test(lines[0] ?? "");
}

/**
 * Reads WebVTT (W3C, "WebVTT: The Web Video Text Tracks Format", section 6.1), but refuses what
 * browsers skip, so that its author learns of it. Cue text is kept. Comments are dropped, and so
 * are style sheets: one's captions are played in others' pages, where CSS could fetch and cover.
 * @throws MediaError CAPTIONS_UNREADABLE
 */
export function parseWebVtt(lines: string[]): Captions {
  const captions: Captions = { regions: [], cues: [] };
  const syntax = { isBlank: (line: string) => line === "", isArrow: hasArrow };
  for (const block of blocksOf(lines, endOfHeader(lines), syntax)) {
    const head = block.lines[0] ?? "";
    if (block.arrow !== undefined) {
      captions.cues.push(cueOf(block, block.arrow));
    } else if (REGION.test(head)) {
      // One behind the first cue counts for nothing.
      captions.regions.push(...(captions.cues.length === 0 ? [regionOf(block)] : []));
    } else if (!COMMENT.test(head) && !STYLE.test(head)) {
      requiredTiming(block);
    }
  }
  return captions;
}

/** Writes WebVTT that every reader takes: hours in all times, cues in the order of their starts. */
export function formatWebVtt({ regions, cues }: Captions): string {
  const sorted = cues.toSorted((a, b) => a.start - b.start);
  const blocks = [
    "WEBVTT",
    ...regions.map((settings) => `REGION\n${settings}`),
    ...sorted.map(({ id, start, end, settings, text }) =>
      [
        ...(id === "" ? [] : [id]),
        `${timestamp(start)} --> ${timestamp(end)}${settings === "" ? "" : ` ${settings}`}`,
        ...text,
      ].join("\n"),
    ),
  ];
  return `${blocks.join("\n\n")}\n`;
}

/** The header ends at the first blank line, or where a cue begins without one. */
function endOfHeader(lines: string[]): number {
  const end = lines.findIndex((line, index) => index > 0 && (line === "" || hasArrow(line)));
  return end === -1 ? lines.length : end;
}

function cueOf(block: Block, arrow: number): Cue {
  const { start, end, settings } = requiredTiming(block);
  return {
    ...{ start, end },
    id: arrow === 0 ? "" : (block.lines[0] ?? ""),
    settings: known(settings, CUE_SETTINGS).join(" "),
    text: block.lines.slice(arrow + 1),
  };
}

function regionOf({ lines }: Block): string {
  const settings = lines.slice(1).flatMap((line) => line.split(/[ \t]+/));
  return known(settings, REGION_SETTINGS).join("\n");
}

function known(settings: string[], allowed: Record<string, RegExp>): string[] {
  return settings.filter((setting) => {
    const colon = setting.indexOf(":");
    const name = setting.slice(0, colon);
    const isKnown = colon !== -1 && Object.hasOwn(allowed, name);
    return isKnown && allowed[name]!.test(setting.slice(colon + 1)) && !hasArrow(setting);
  });
}
