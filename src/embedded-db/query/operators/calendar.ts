import { MongoError } from "../../errors";
import { BoundedRegex } from "../bounded-regex";

const DAY = 86_400_000;

/** A time zone: how far its clocks are ahead of UTC at a moment. */
export interface Zone {
  offsetAt: (time: number) => number;
}

export const UTC: Zone = { offsetAt: () => 0 };

const zones = new Map<string, Zone>();

/** Reads an Olson name or an offset such as `+05:30`. */
export function zoneOf(name: string): Zone {
  const known = zones.get(name);
  if (known) {
    return known;
  }
  const zone = offsetZone(name) ?? namedZone(name);
  if (zones.size < 1000) {
    zones.set(name, zone);
  }
  return zone;
}

function offsetZone(name: string): Zone | undefined {
  if (["UTC", "GMT", "Z"].includes(name)) {
    return UTC;
  }
  const [, sign, hours, minutes = "0"] = /^([+-])(\d{2}):?(\d{2})?$/.exec(name) ?? [];
  if (hours === undefined) {
    return undefined;
  }
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === "-" ? -1 : 1);
  return { offsetAt: () => offset };
}

function namedZone(name: string): Zone {
  const format = formatIn(name);
  return {
    offsetAt: (time) => {
      const parts = Object.fromEntries(
        format.formatToParts(time).map(({ type, value }) => [type, Number(value)]),
      ) as Record<"year" | "month" | "day" | "hour" | "minute" | "second", number>;
      const { year, month, day, hour, minute, second } = parts;
      return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(time / 1000) * 1000;
    },
  };
}

function formatIn(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch {
    throw new MongoError(40485, `unrecognized time zone identifier: "${timeZone}"`);
  }
}

/** A date that an operator has computed; an error beyond those that JavaScript has. */
export function dateAt(operator: string, time: number): Date {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) {
    throw dateOverflow(operator);
  }
  return date;
}

export function dateOverflow(operator: string): MongoError {
  return new MongoError(15, `date overflow in ${operator}`);
}

/** The moment as the zone's clocks show it, in the UTC fields of a date. */
export function toLocal(time: number, zone: Zone): Date {
  return new Date(time + zone.offsetAt(time));
}

/** The moment at which the zone's clocks show this. */
export function fromLocal(local: number, zone: Zone): number {
  const guess = local - zone.offsetAt(local);
  return local - zone.offsetAt(guess);
}

/** A date's milliseconds; unlike Date.UTC it does not take years below 100 for those of a century. */
export function localTime(
  year: number,
  month: number,
  day: number,
  hour = 0,
  minute = 0,
  second = 0,
  millisecond = 0,
): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.setUTCHours(hour, minute, second, millisecond);
}

/** Days since 1970. */
export function dayNumber(local: Date): number {
  return Math.floor(local.getTime() / DAY);
}

export function dayOfYear(local: Date): number {
  return dayNumber(local) - dayNumber(new Date(localTime(local.getUTCFullYear(), 1, 1))) + 1;
}

/** Monday is 1. */
export function isoDayOfWeek(local: Date): number {
  return local.getUTCDay() || 7;
}

/** Weeks begin on Sunday; the days before the first one are in week 0. */
export function weekOfYear(local: Date): number {
  return Math.floor((dayOfYear(local) + 6 - local.getUTCDay()) / 7);
}

/** The year and week of ISO 8601: weeks begin on Monday, the first has a Thursday. */
export function isoWeek(local: Date): { year: number; week: number } {
  const thursday = new Date(local.getTime() + (4 - isoDayOfWeek(local)) * DAY);
  return { year: thursday.getUTCFullYear(), week: Math.floor((dayOfYear(thursday) - 1) / 7) + 1 };
}

/** The local time of a day given by ISO week. */
export function fromIsoWeek(year: number, week: number, day: number): number {
  const fourth = new Date(localTime(year, 1, 4));
  return fourth.getTime() + ((week - 1) * 7 + day - isoDayOfWeek(fourth)) * DAY;
}

/** Adds months; a day that the month does not have becomes its last one. */
export function addMonths(local: Date, months: number): Date {
  const total = local.getUTCFullYear() * 12 + local.getUTCMonth() + months;
  const year = Math.floor(total / 12);
  const month = total - year * 12 + 1;
  const last = new Date(localTime(year, month + 1, 0)).getUTCDate();
  const time = ((local.getTime() % DAY) + DAY) % DAY;
  return new Date(localTime(year, month, Math.min(local.getUTCDate(), last)) + time);
}

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const pad = (value: number, width: number) => String(value).padStart(width, "0");

type Show = (local: Date, offset: number) => string;

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/dateToString/#format-specifiers */
const SHOWN: Record<string, Show> = {
  "%": () => "%",
  B: (local) => MONTHS[local.getUTCMonth()] as string,
  G: (local) => pad(isoWeek(local).year, 4),
  H: (local) => pad(local.getUTCHours(), 2),
  L: (local) => pad(local.getUTCMilliseconds(), 3),
  M: (local) => pad(local.getUTCMinutes(), 2),
  S: (local) => pad(local.getUTCSeconds(), 2),
  U: (local) => pad(weekOfYear(local), 2),
  V: (local) => pad(isoWeek(local).week, 2),
  Y: (local) => pad(local.getUTCFullYear(), 4),
  Z: (_local, offset) => String(offset / 60_000),
  b: (local) => (MONTHS[local.getUTCMonth()] as string).slice(0, 3),
  d: (local) => pad(local.getUTCDate(), 2),
  j: (local) => pad(dayOfYear(local), 3),
  m: (local) => pad(local.getUTCMonth() + 1, 2),
  u: (local) => String(isoDayOfWeek(local)),
  w: (local) => String(local.getUTCDay() + 1),
  z: (_local, offset) => {
    const minutes = Math.abs(offset) / 60_000;
    return `${offset < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60), 2)}${pad(minutes % 60, 2)}`;
  },
};

/** Writes a moment by a format of `$dateToString`. */
export function formatDate(time: number, format: string, zone: Zone): string {
  const local = toLocal(time, zone);
  const offset = zone.offsetAt(time);
  return format.replace(/%(.?)/gs, (_all, letter: string) => {
    const show = SHOWN[letter];
    if (!show) {
      throw letter === ""
        ? new MongoError(18535, "Unmatched '%' at end of format string")
        : new MongoError(18536, `Invalid format character '%${letter}' in format string`);
    }
    return show(local, offset);
  });
}

/** What a date string says; the offset only if it names one. */
interface Fields {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  millisecond: number;
  dayOfYear?: number;
  isoYear?: number;
  isoWeek?: number;
  isoDay?: number;
  zone?: Zone;
}

const NUMBERS: Record<string, [pattern: string, field: keyof Fields]> = {
  G: ["\\d{4}", "isoYear"],
  H: ["\\d{2}", "hour"],
  L: ["\\d{1,3}", "millisecond"],
  M: ["\\d{2}", "minute"],
  S: ["\\d{2}", "second"],
  V: ["\\d{1,2}", "isoWeek"],
  Y: ["\\d{4}", "year"],
  d: ["\\d{2}", "day"],
  j: ["\\d{1,3}", "dayOfYear"],
  m: ["\\d{2}", "month"],
  u: ["[1-7]", "isoDay"],
};

/** Reads a date by a format, or in the forms of ISO 8601 and others; undefined when it cannot. */
export function parseDate(text: string, format: string | undefined, zone: Zone): Date | undefined {
  const fields = format === undefined ? parseFree(text) : parseFormat(text, format);
  if (fields === undefined || fields instanceof Date) {
    return fields;
  }
  if (fields.zone && zone !== UTC) {
    return undefined;
  }
  const { hour, minute, second, millisecond } = fields;
  const local = dayOf(fields) + localTime(1970, 1, 1, hour, minute, second, millisecond);
  const time = fields.zone ? local - fields.zone.offsetAt(local) : fromLocal(local, zone);
  return Number.isNaN(time) ? undefined : new Date(time);
}

function dayOf({
  year,
  month,
  day,
  dayOfYear: place,
  isoYear,
  isoWeek: week,
  isoDay,
}: Fields): number {
  if (isoYear !== undefined) {
    return fromIsoWeek(isoYear, week ?? 1, isoDay ?? 1);
  }
  if (place !== undefined) {
    return localTime(year, 1, place);
  }
  const time = localTime(year, month, day);
  const date = new Date(time);
  // The 30th of February is no date.
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? time : NaN;
}

const NO_TIME = { hour: 0, minute: 0, second: 0, millisecond: 0 };

const ISO =
  /^(\d{4})-(\d{1,2})(?:-(\d{1,2}))?(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?|[A-Z][\w/]+)?$/i;

function parseFree(text: string): Fields | Date | undefined {
  const found = ISO.exec(text.trim());
  if (!found) {
    return parseLoosely(text);
  }
  const [, year, month, day = "1", hour = "0", minute = "0", second = "0", fraction = ""] = found;
  const zone =
    found[8] === undefined
      ? {}
      : { zone: zoneOf(found[8].toUpperCase() === "Z" ? "UTC" : found[8]) };
  const fields = {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
    millisecond: Number(fraction.padEnd(3, "0").slice(0, 3)),
    ...zone,
  };
  return fields.hour < 24 && fields.minute < 60 && fields.second < 60 ? fields : undefined;
}

/** JavaScript takes much more than these for a date, `1.5z` for example. */
const NAMED_OR_SLASHED =
  /^(?=.*\d)(?=.*\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b)|^\s*\d{1,4}\/\d{1,2}\/\d{1,4}\b/i;

/** Longer texts are no dates, and looking for one in them takes the square of their length. */
const LONGEST_DATE = 200;

/** `Jul 4 2024`, `Thu, 4 Jul 2024 10:00:00 GMT`: without a zone it is UTC, not the server's. */
function parseLoosely(text: string): Date | undefined {
  if (text.length > LONGEST_DATE || !NAMED_OR_SLASHED.test(text)) {
    return undefined;
  }
  const zoned = /(?:Z|GMT|UTC|[+-]\d{2}:?\d{2})\s*(?:\(.*\))?$/i.test(text.trim());
  const date = new Date(zoned ? text : `${text} UTC`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function parseFormat(text: string, format: string): Fields | undefined {
  const names: string[] = [];
  const pattern = format.replace(/%(.?)|[.*+?^${}()|[\]\\]/gs, (all, letter?: string) => {
    if (letter === undefined) {
      return `\\${all}`;
    }
    names.push(letter);
    return patternOf(letter, names);
  });
  const found = new BoundedRegex(`^${pattern}$`, "i").exec(text);
  if (!found) {
    return undefined;
  }
  const fields: Fields = { year: 1970, month: 1, day: 1, ...NO_TIME };
  names.forEach((letter, at) => setField(fields, letter, found[at + 1] as string));
  return fields;
}

function patternOf(letter: string, names: string[]): string {
  switch (letter) {
    case "%":
      names.pop();
      return "%";
    case "z":
      return "(Z|[+-]\\d{2}:?\\d{2}|[A-Z][\\w/]+)";
    case "Z":
      return "([+-]\\d+)";
    case "b":
    case "B":
      return "([A-Z]+)";
    default: {
      const number = NUMBERS[letter];
      if (!number) {
        throw new MongoError(18536, `Invalid format character '%${letter}' in format string`);
      }
      return `(${number[0]})`;
    }
  }
}

function setField(fields: Fields, letter: string, text: string): void {
  if (letter === "z") {
    fields.zone = zoneOf(text.toUpperCase() === "Z" ? "UTC" : text);
  } else if (letter === "Z") {
    const offset = Number(text) * 60_000;
    fields.zone = { offsetAt: () => offset };
  } else if (letter === "b" || letter === "B") {
    const low = text.toLowerCase();
    fields.month =
      MONTHS.findIndex((name) => name.slice(0, letter === "b" ? 3 : 99).toLowerCase() === low) + 1;
  } else {
    const [, field] = NUMBERS[letter] as [string, keyof Fields];
    Object.assign(fields, {
      [field]: Number(field === "millisecond" ? text.padEnd(3, "0") : text),
    });
  }
}
