/** A text and when it is shown; times in milliseconds. */
export interface Cue {
  start: number;
  end: number;
  /** Empty when there is none. */
  id: string;
  /** WebVTT cue settings, empty for the default place. */
  settings: string;
  /** Lines in WebVTT's cue text; none is empty. */
  text: string[];
}

/** What stands on the line with the arrow. */
export interface Timing {
  start: number;
  end: number;
  /** The words behind the end: settings in WebVTT, coordinates in some SubRip. */
  settings: string[];
}

const ARROW = "-->";
const TIME = /^(?:(\d{1,4}):)?([0-5]?\d):([0-5]\d)[.,](\d{3})$/;
const HOUR_MS = 3_600_000;

/** Whether WebVTT takes the line for one with timings, be they valid or not. */
export function hasArrow(line: string): boolean {
  return line.includes(ARROW);
}

/** Reads `00:01.000 --> 00:02.000 align:start`, hours optional and with SubRip's comma too; undefined for what is none. */
export function timingOf(line: string): Timing | undefined {
  const arrow = line.indexOf(ARROW);
  const start = arrow === -1 ? undefined : milliseconds(line.slice(0, arrow).trim());
  if (start === undefined) {
    return undefined;
  }
  const [time = "", ...settings] = line
    .slice(arrow + ARROW.length)
    .trim()
    .split(/[ \t]+/);
  const end = milliseconds(time);
  return end === undefined ? undefined : { start, end, settings };
}

function milliseconds(time: string): number | undefined {
  const [, hours = "0", minutes, seconds, thousandths] = TIME.exec(time) ?? [];
  return minutes === undefined
    ? undefined
    : Number(hours) * HOUR_MS +
        Number(minutes) * 60_000 +
        Number(seconds) * 1000 +
        Number(thousandths);
}

/** A WebVTT timestamp, hours included. */
export function timestamp(time: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const thousandths = String(time % 1000).padStart(3, "0");
  return `${two(time / HOUR_MS)}:${two((time / 60_000) % 60)}:${two((time / 1000) % 60)}.${thousandths}`;
}
