/** A named part of a video; seconds. */
export interface Chapter {
  start: number;
  end: number;
  title: string;
}

const MIN_CHAPTERS = 3;
const MIN_SECONDS = 10;

/** `1:02:03`, `2:03` or `75:00`, perhaps in brackets, where a line begins. */
const TIMESTAMP = /^[([]?(?:(\d{1,2}):([0-5]\d)|(\d{1,3})):([0-5]\d)(?!\d|:\d)[)\]]?/;
const SEPARATOR = /^[\s\-–—:|]+/;

/**
 * The chapters that a description lists, one to a line, by the rules that YouTube's help page "Video
 * chapters" has: the first begins at 0:00, there are three or more, in order, each of ten seconds or
 * more. A list that breaks one of them is no list of chapters. Timestamps behind the end count for nothing.
 */
export function chaptersOf(description: string, duration: number): Chapter[] {
  const marks = description
    .split("\n")
    .flatMap(markOf)
    .filter(({ start }) => start < duration);
  const chapters = marks.map(({ start, title }, index) => ({
    start,
    end: marks[index + 1]?.start ?? duration,
    title,
  }));
  const isList =
    chapters.length >= MIN_CHAPTERS &&
    chapters[0]?.start === 0 &&
    chapters.every(({ start, end }) => end - start >= MIN_SECONDS);
  return isList ? chapters : [];
}

function markOf(line: string): { start: number; title: string }[] {
  const text = line.trim();
  const found = TIMESTAMP.exec(text);
  if (!found) {
    return [];
  }
  const [whole, hours = "0", minutesOfHour, minutes = minutesOfHour, seconds] = found;
  const title = text.slice(whole.length).replace(SEPARATOR, "");
  const start = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return title === "" ? [] : [{ start, title }];
}
