import { MediaError } from "../MediaError";
import { parseSubRip } from "./subrip";
import { formatWebVtt, isWebVtt, parseWebVtt } from "./webvtt";

/** More than any film has; each costs its player an object. */
const MAX_CUES = 20_000;

/**
 * Makes clean WebVTT of WebVTT or SubRip, in UTF-8 or, with a byte order mark, UTF-16. The time it
 * takes grows with the bytes alone. Messages name the line that is wrong.
 * @throws MediaError CAPTIONS_UNREADABLE, CAPTIONS_EMPTY or CAPTIONS_TOO_MANY_CUES
 */
export function toWebVtt(bytes: Uint8Array): string {
  const lines = decode(bytes).split("\n");
  const { regions, cues } = isWebVtt(lines)
    ? parseWebVtt(lines)
    : { regions: [], cues: parseSubRip(lines) };
  const shown = cues.filter(({ text }) => text.length > 0);
  if (shown.length === 0) {
    throw new MediaError("CAPTIONS_EMPTY", "The file has no captions");
  }
  if (shown.length > MAX_CUES) {
    throw new MediaError("CAPTIONS_TOO_MANY_CUES", `The file has more than ${MAX_CUES} captions`);
  }
  return formatWebVtt({ regions, cues: shown });
}

/** The text with each line ended by a line feed; as in WebVTT, NUL is U+FFFD. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true })
      .decode(bytes)
      .replace(/\r\n?/g, "\n")
      .replaceAll("\0", "\ufffd");
  } catch (cause) {
    // Reading it as some code page would show wrong letters to everybody.
    throw new MediaError("CAPTIONS_UNREADABLE", "The file is not UTF-8 text", { cause });
  }
}

function encodingOf([first, second]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) {
    return "utf-16le";
  }
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
}
