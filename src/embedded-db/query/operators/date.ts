import { failedToParse, MongoError } from "../../errors";
import { formatValue } from "../../bson/format";
import {
  isDocument,
  isNumeric,
  Long,
  ObjectId,
  textOf,
  Timestamp,
  toNumber,
  typeName,
} from "../../bson/values";
import { type Compile, type CompileOperator, type Evaluate, isTruthy, type Scope } from "../scope";
import { datePart } from "./argument-errors";
import { isNullish, namedArguments } from "./arguments";
import {
  addMonths,
  dateAt,
  dayNumber,
  dayOfYear,
  formatDate,
  fromIsoWeek,
  fromLocal,
  isoDayOfWeek,
  isoWeek,
  localTime,
  parseDate,
  toLocal,
  UTC,
  weekOfYear,
  type Zone,
  zoneOf,
} from "./calendar";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Units of one length. */
const LENGTHS: Record<string, number> = {
  millisecond: 1,
  second: SECOND,
  minute: MINUTE,
  hour: HOUR,
  day: DAY,
  week: 7 * DAY,
};

/** Units counted in months. */
const MONTHS: Record<string, number> = { month: 1, quarter: 3, year: 12 };

const WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

type Part = (local: Date) => unknown;

const PARTS: Record<string, Part> = {
  $dayOfMonth: (local) => local.getUTCDate(),
  $dayOfWeek: (local) => local.getUTCDay() + 1,
  $dayOfYear: dayOfYear,
  $hour: (local) => local.getUTCHours(),
  $isoDayOfWeek: isoDayOfWeek,
  $isoWeek: (local) => isoWeek(local).week,
  $isoWeekYear: (local) => Long.fromNumber(isoWeek(local).year),
  $millisecond: (local) => local.getUTCMilliseconds(),
  $minute: (local) => local.getUTCMinutes(),
  $month: (local) => local.getUTCMonth() + 1,
  $second: (local) => local.getUTCSeconds(),
  $week: weekOfYear,
  $year: (local) => local.getUTCFullYear(),
};

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/#date-expression-operators */
export const DATE: Record<string, CompileOperator> = {
  ...Object.fromEntries(
    Object.entries(PARTS).map(([name, part]) => [name, partOperator(name, part)]),
  ),
  $dateAdd: addOperator("$dateAdd", 1),
  $dateDiff: compileDiff,
  $dateFromParts: compileFromParts,
  $dateFromString: compileFromString,
  $dateSubtract: addOperator("$dateSubtract", -1),
  $dateToParts: compileToParts,
  $dateToString: compileToString,
  $dateTrunc: compileTrunc,
};

/** A date, or what holds one. */
function requireDate(value: unknown): number {
  if (value instanceof Date) {
    return value.getTime();
  }
  if (value instanceof ObjectId) {
    return value.getTimestamp().getTime();
  }
  if (value instanceof Timestamp) {
    return value.t * 1000;
  }
  throw new MongoError(16006, `can't convert from BSON type ${typeName(value)} to Date`);
}

/** A date, or what holds one; anything else is refused in an operator's own words. */
function dateOr(value: unknown, code: number, message: string): number {
  if (value instanceof Date || value instanceof ObjectId || value instanceof Timestamp) {
    return requireDate(value);
  }
  throw new MongoError(code, message);
}

/** The zone an argument names; undefined when it is null, which makes the result null. */
function zoneArgument(evaluate: Evaluate | undefined, scope: Scope): Zone | undefined {
  if (!evaluate) {
    return UTC;
  }
  const name = evaluate(scope);
  if (isNullish(name)) {
    return undefined;
  }
  if (typeof name !== "string") {
    throw new MongoError(40517, `timezone must evaluate to a string, found ${typeName(name)}`);
  }
  return zoneOf(name);
}

/** `$year` and the like: of an expression, a list of one, or `{ date, timezone }`. */
function partOperator(name: string, part: Part): CompileOperator {
  return (argument, compile) => {
    const named = isDocument(argument) && !Object.keys(argument)[0]?.startsWith("$");
    if (Array.isArray(argument) && argument.length !== 1) {
      throw new MongoError(
        40536,
        `${name} accepts exactly one argument if given an array, but was given ${argument.length}`,
      );
    }
    const parts: Record<string, Evaluate> = named
      ? namedArguments(name, argument, compile, ["date"], ["timezone"], datePart(name))
      : { date: compile(Array.isArray(argument) ? argument[0] : argument) };
    return (scope) => {
      const date = parts["date"]?.(scope);
      const zone = zoneArgument(parts["timezone"], scope);
      return isNullish(date) || !zone ? null : part(toLocal(requireDate(date), zone));
    };
  };
}

/** The name of a unit of time; throws for any other value. */
export function timeUnit(value: unknown, name: string): string {
  if (typeof value !== "string") {
    throw new MongoError(
      5439013,
      `${name} requires 'unit' to be a string, but got ${typeName(value)}`,
    );
  }
  if (!Object.hasOwn(LENGTHS, value) && !Object.hasOwn(MONTHS, value)) {
    throw failedToParse(
      `${name} parameter 'unit' value parsing failed :: caused by :: unknown time unit value: ${value}`,
    );
  }
  return value;
}

function addOperator(name: string, sign: 1 | -1): CompileOperator {
  return (argument, compile) => {
    const parts = namedArguments(
      name,
      argument,
      compile,
      ["startDate", "unit", "amount"],
      ["timezone"],
    );
    return (scope) => {
      const [start, unit, amount] = ["startDate", "unit", "amount"].map((key) =>
        parts[key]?.(scope),
      );
      const zone = zoneArgument(parts["timezone"], scope);
      if (isNullish(start) || isNullish(unit) || isNullish(amount) || !zone) {
        return null;
      }
      const time = dateOr(start, 5166403, `${name} requires startDate to be convertible to a date`);
      const count = toNumber(amount);
      if (count === undefined || !Number.isInteger(count)) {
        throw new MongoError(5166405, `${name} expects integer amount of time units`);
      }
      const wanted = timeUnit(unit, name);
      const date = new Date(shiftDate(time, wanted, count * sign, zone));
      if (Number.isNaN(date.getTime())) {
        throw new MongoError(
          5976500,
          `invalid dateAdd 'amount' parameter value: ${count * sign} ${wanted}`,
        );
      }
      return date;
    };
  };
}

/** The milliseconds of a unit that always has as many. */
export function unitLength(unit: string): number {
  const length = LENGTHS[unit];
  if (length === undefined) {
    throw new MongoError(5490704, `unit must be 'week' or smaller, but is '${unit}'`);
  }
  return length;
}

/** A time so many units later. */
export function shiftDate(time: number, unit: string, count: number, zone: Zone = UTC): number {
  const months = MONTHS[unit];
  if (months !== undefined) {
    return fromLocal(addMonths(toLocal(time, zone), months * count).getTime(), zone);
  }
  const length = LENGTHS[unit] as number;
  return length >= DAY
    ? fromLocal(toLocal(time, zone).getTime() + length * count, zone)
    : time + length * count;
}

function weekdayArgument(
  evaluate: Evaluate | undefined,
  scope: Scope,
  name: string,
): number | undefined {
  const value = evaluate ? evaluate(scope) : "sunday";
  if (isNullish(value)) {
    return undefined;
  }
  if (typeof value !== "string") {
    throw new MongoError(
      5439015,
      `${name} requires 'startOfWeek' to be a string, but got ${typeName(value)}`,
    );
  }
  const low = value.toLowerCase();
  const place = WEEKDAYS.findIndex(
    (day) => day === low || (low.length === 3 && day.startsWith(low)),
  );
  if (place < 0) {
    throw new MongoError(
      5439016,
      `${name} parameter 'startOfWeek' value cannot be recognized as a day of a week: ${value}`,
    );
  }
  return place + 1;
}

function compileDiff(argument: unknown, compile: Compile): Evaluate {
  const parts = namedArguments(
    "$dateDiff",
    argument,
    compile,
    ["startDate", "endDate", "unit"],
    ["timezone", "startOfWeek"],
  );
  return (scope) => {
    const [start, end, unit] = ["startDate", "endDate", "unit"].map((key) => parts[key]?.(scope));
    const zone = zoneArgument(parts["timezone"], scope);
    const firstDay =
      unit === "week" ? weekdayArgument(parts["startOfWeek"], scope, "$dateDiff") : 1;
    if (isNullish(start) || isNullish(end) || isNullish(unit) || !zone || firstDay === undefined) {
      return null;
    }
    const name = timeUnit(unit, "$dateDiff");
    const dates = Object.entries({ startDate: start, endDate: end }).map(([which, date]) =>
      dateOr(
        date,
        5166307,
        `$dateDiff requires '${which}' to be a date, but got ${typeName(date)}`,
      ),
    );
    const [from, to] = dates.map((date) => unitNumber(toLocal(date, zone), name, firstDay)) as [
      number,
      number,
    ];
    return Long.fromNumber(to - from);
  };
}

/** Which unit a local time lies in, counted from a common beginning. */
function unitNumber(local: Date, unit: string, firstDay: number): number {
  const months = MONTHS[unit];
  if (months !== undefined) {
    return Math.floor((local.getUTCFullYear() * 12 + local.getUTCMonth()) / months);
  }
  if (unit === "week") {
    // The first day of 1970 was a Thursday.
    return Math.floor((dayNumber(local) + 4 - firstDay) / 7);
  }
  return Math.floor(local.getTime() / (LENGTHS[unit] as number));
}

function compileTrunc(argument: unknown, compile: Compile): Evaluate {
  const parts = namedArguments(
    "$dateTrunc",
    argument,
    compile,
    ["date", "unit"],
    ["binSize", "timezone", "startOfWeek"],
  );
  return (scope) => {
    const [date, unit] = [parts["date"]?.(scope), parts["unit"]?.(scope)];
    const size = parts["binSize"] ? parts["binSize"](scope) : 1;
    const zone = zoneArgument(parts["timezone"], scope);
    const firstDay =
      unit === "week" ? weekdayArgument(parts["startOfWeek"], scope, "$dateTrunc") : 1;
    if ([date, unit, size].some(isNullish) || !zone || firstDay === undefined) {
      return null;
    }
    const time = dateOr(
      date,
      5439012,
      `$dateTrunc requires 'date' to be a date, but got ${typeName(date)}`,
    );
    const name = timeUnit(unit, "$dateTrunc");
    return dateAt("$dateTrunc", truncated(time, name, binSize(size), zone, firstDay));
  };
}

function binSize(value: unknown): number {
  const size = toNumber(value);
  if (size === undefined || !Number.isInteger(size)) {
    throw new MongoError(
      5439017,
      `$dateTrunc requires 'binSize' to be a 64-bit integer, but got value '${formatValue(value)}' of type ${typeName(value)}`,
    );
  }
  if (size < 1) {
    throw new MongoError(
      5439018,
      `$dateTrunc requires 'binSize' to be greater than 0, but got value ${size}`,
    );
  }
  return size;
}

/** Bins are counted from the first of January 2000, weeks from the first week begun that year. */
function truncated(time: number, unit: string, size: number, zone: Zone, firstDay: number): number {
  const local = toLocal(time, zone);
  const months = MONTHS[unit];
  if (months !== undefined) {
    const since = (local.getUTCFullYear() - 2000) * 12 + local.getUTCMonth();
    const bin = months * size;
    return fromLocal(localTime(2000, Math.floor(since / bin) * bin + 1, 1), zone);
  }
  const length = (LENGTHS[unit] as number) * size;
  const origin = localTime(2000, 1, unit === "week" ? 1 + ((firstDay - 6 + 7) % 7) : 1);
  if (unit === "day" || unit === "week") {
    return fromLocal(origin + Math.floor((local.getTime() - origin) / length) * length, zone);
  }
  const start = fromLocal(origin, zone);
  return start + Math.floor((time - start) / length) * length;
}

const CALENDAR_PARTS = ["year", "month", "day"];
const ISO_PARTS = ["isoWeekYear", "isoWeek", "isoDayOfWeek"];
/** Those with no bounds, or other ones. */
const UNBOUNDED_PARTS = ["year", "isoWeekYear", "second", "millisecond"];
const CLOCK_PARTS = ["hour", "minute", "second", "millisecond"];

function refuseMixedParts(parts: Record<string, unknown>): void {
  const has = (names: readonly string[]) => names.some((name) => name in parts);
  if ("year" in parts && has(ISO_PARTS)) {
    throw new MongoError(
      40489,
      "$dateFromParts does not allow mixing natural dates with ISO dates",
    );
  }
  if ("isoWeekYear" in parts && has(CALENDAR_PARTS)) {
    throw new MongoError(
      40525,
      "$dateFromParts does not allow mixing ISO dates with natural dates",
    );
  }
}

function compileFromParts(argument: unknown, compile: Compile): Evaluate {
  const iso = isDocument(argument) && "isoWeekYear" in argument;
  const parts = namedArguments(
    "$dateFromParts",
    argument,
    compile,
    [iso ? "isoWeekYear" : "year"],
    [...ISO_PARTS, ...CALENDAR_PARTS, ...CLOCK_PARTS, "timezone"],
  );
  refuseMixedParts(parts);
  return (scope) => {
    const zone = zoneArgument(parts["timezone"], scope);
    const numbers = [...(iso ? ISO_PARTS : CALENDAR_PARTS), ...CLOCK_PARTS].map((name) =>
      partArgument(name, parts[name], scope, CLOCK_PARTS.includes(name) ? 0 : 1),
    );
    if (!zone || numbers.includes(undefined)) {
      return null;
    }
    const [a, b, c, ...clock] = numbers as [number, number, number, ...number[]];
    if (a < 1 || a > 9999) {
      const [name, code] = iso ? ["isoWeekYear", 31095] : ["year", 40523];
      throw new MongoError(
        code,
        `'${name}' must evaluate to an integer in the range 1 to 9999, found ${a}`,
      );
    }
    const day = iso ? fromIsoWeek(a, b, c) : localTime(a, b, c);
    return dateAt("$dateFromParts", fromLocal(day + localTime(1970, 1, 1, ...clock), zone));
  };
}

function partArgument(
  name: string,
  evaluate: Evaluate | undefined,
  scope: Scope,
  fallback: number,
): number | undefined {
  if (!evaluate) {
    return fallback;
  }
  const value = evaluate(scope);
  if (isNullish(value)) {
    return undefined;
  }
  const number = toNumber(value);
  if (number === undefined || !Number.isInteger(number)) {
    throw new MongoError(
      40515,
      `'${name}' must evaluate to an integer, found ${typeName(value)} with value ${formatValue(value)}`,
    );
  }
  if (!UNBOUNDED_PARTS.includes(name) && (number < -32768 || number > 32767)) {
    throw new MongoError(
      31034,
      `'${name}' must evaluate to a value in the range [-32768, 32767]; value ${number} is not in range`,
    );
  }
  return number;
}

function compileToParts(argument: unknown, compile: Compile): Evaluate {
  const parts = namedArguments(
    "$dateToParts",
    argument,
    compile,
    ["date"],
    ["timezone", "iso8601"],
  );
  return (scope) => {
    const date = parts["date"]?.(scope);
    const zone = zoneArgument(parts["timezone"], scope);
    if (isNullish(date) || !zone) {
      return null;
    }
    const local = toLocal(requireDate(date), zone);
    const { year, week } = isoWeek(local);
    const day = isTruthy(parts["iso8601"]?.(scope))
      ? { isoWeekYear: year, isoWeek: week, isoDayOfWeek: isoDayOfWeek(local) }
      : {
          year: local.getUTCFullYear(),
          month: local.getUTCMonth() + 1,
          day: local.getUTCDate(),
        };
    return {
      ...day,
      hour: local.getUTCHours(),
      minute: local.getUTCMinutes(),
      second: local.getUTCSeconds(),
      millisecond: local.getUTCMilliseconds(),
    };
  };
}

function compileToString(argument: unknown, compile: Compile): Evaluate {
  const parts = namedArguments(
    "$dateToString",
    argument,
    compile,
    ["date"],
    ["format", "timezone", "onNull"],
  );
  return (scope) => {
    const date = parts["date"]?.(scope);
    const zone = zoneArgument(parts["timezone"], scope);
    if (isNullish(date)) {
      return parts["onNull"] ? parts["onNull"](scope) : null;
    }
    const standard = `%Y-%m-%dT%H:%M:%S.%L${zone === UTC ? "Z" : ""}`;
    const format = parts["format"] ? parts["format"](scope) : standard;
    if (!zone || isNullish(format)) {
      return null;
    }
    if (typeof format !== "string") {
      throw new MongoError(
        18533,
        `$dateToString requires that 'format' be a string, found: ${typeName(format)}`,
      );
    }
    return formatDate(requireDate(date), format, zone);
  };
}

function compileFromString(argument: unknown, compile: Compile): Evaluate {
  const parts = namedArguments(
    "$dateFromString",
    argument,
    compile,
    ["dateString"],
    ["format", "timezone", "onError", "onNull"],
  );
  return (scope) => {
    const text = parts["dateString"]?.(scope);
    const zone = zoneArgument(parts["timezone"], scope);
    const format = parts["format"]?.(scope);
    if (isNullish(text)) {
      return parts["onNull"] ? parts["onNull"](scope) : null;
    }
    if (!zone || (parts["format"] && isNullish(format))) {
      return null;
    }
    try {
      return dateFromString(text, format, zone);
    } catch (error) {
      if (parts["onError"] && error instanceof MongoError && error.code === 241) {
        return parts["onError"](scope);
      }
      throw error;
    }
  };
}

function dateFromString(text: unknown, format: unknown, zone: Zone): Date {
  if (typeof text !== "string") {
    throw new MongoError(
      241,
      `$dateFromString requires that 'dateString' be a string, found: ${typeName(text)} with value ${textOf(text)}`,
    );
  }
  if (format !== undefined && typeof format !== "string") {
    throw new MongoError(
      40684,
      `$dateFromString requires that 'format' be a string, found: ${typeName(format)} with value ${formatValue(format)}`,
    );
  }
  return parsedDate(text, format, zone);
}

/** A date from its text; an error where it is none. */
function parsedDate(text: string, format?: string, zone: Zone = UTC): Date {
  const date = parseDate(text, format, zone);
  if (!date) {
    throw new MongoError(241, `Error parsing date string '${text}'`);
  }
  return date;
}

/** The value of a `$convert` to a date: a number counts milliseconds. */
export function dateOf(value: unknown): Date {
  if (typeof value === "string") {
    return parsedDate(value);
  }
  return isNumeric(value)
    ? new Date(Math.trunc(toNumber(value) ?? NaN))
    : new Date(requireDate(value));
}
