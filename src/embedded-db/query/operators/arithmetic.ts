import { MongoError } from "../../errors";
import {
  arithmetic,
  compareNumbers,
  decimalRest,
  divideDecimals,
  isSpecial,
  roundBigInt,
  roundDecimal,
  type RoundingMode,
  sumNumbers,
  toDecimal,
  truncateToLong,
} from "../../bson/numbers";
import { decimalExp, decimalLog, decimalPower, decimalSqrt } from "../../bson/decimal-functions";
import { compareValues, type StringOrder } from "../../bson/compare";
import {
  Decimal128,
  double,
  fitsInt32,
  isNumeric,
  Long,
  textOf,
  toNumber,
  typeName,
} from "../../bson/values";
import type { CompileOperator, Evaluate } from "../scope";
import { fixed, isNullish, untilNull, variadic } from "./arguments";
import { dateAt, dateOverflow } from "./calendar";

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/#arithmetic-expression-operators */
export const ARITHMETIC: Record<string, CompileOperator> = {
  $abs: fixed("$abs", 1, absolute),
  $add: untilNull(addend, add),
  $avg: variadic((values) => average(operands(values))),
  $ceil: fixed("$ceil", 1, (value) => roundWhole("$ceil", value, "ceil")),
  $divide: fixed("$divide", 2, divide),
  $exp: transcendental("$exp", Math.exp, decimalExp),
  $floor: fixed("$floor", 1, (value) => roundWhole("$floor", value, "floor")),
  $ln: transcendental("$ln", Math.log, decimalLog, 28766),
  $log: fixed("$log", 2, logarithm),
  $log10: transcendental("$log10", Math.log10, (value) => decimalLog(value, TEN), 28761),
  $max: variadic((values) => extreme(operands(values), 1)),
  $min: variadic((values) => extreme(operands(values), -1)),
  $mod: fixed("$mod", 2, modulo),
  $multiply: untilNull(factor, multiply),
  $pow: fixed("$pow", 2, power),
  $rand: random,
  $round: variadic((values) => roundArguments("$round", values, "halfEven")),
  $sqrt: fixed("$sqrt", 1, squareRoot),
  $subtract: fixed("$subtract", 2, subtract),
  $sum: variadic((values) => sum(operands(values))),
  $trunc: variadic((values) => roundArguments("$trunc", values, "truncate")),
};

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/rand/ */
function random(argument: unknown): Evaluate {
  if (typeof argument !== "object" || argument === null || Object.keys(argument).length > 0) {
    throw new MongoError(3040501, "$rand does not currently accept arguments");
  }
  return () => double(Math.random());
}

/** `{ $sum: "$scores" }` runs over the array, `{ $sum: ["$a", "$b"] }` over the arguments. */
function operands(values: unknown[]): unknown[] {
  return values.length === 1 && Array.isArray(values[0]) ? (values[0] as unknown[]) : values;
}

/** The sum of the numbers among the values. */
function sum(values: readonly unknown[]): unknown {
  return sumNumbers(values.filter(isNumeric));
}

/** The mean of the numbers among the values, null without any. */
function average(values: readonly unknown[]): unknown {
  const numbers = values.filter(isNumeric);
  return meanOf(sumNumbers(numbers), numbers.length);
}

/** The mean of so many numbers with this sum, null without any. */
export function meanOf(total: unknown, count: number): unknown {
  if (count === 0) {
    return null;
  }
  return total instanceof Decimal128
    ? divideDecimals(total, toDecimal(count))
    : double((toNumber(total) as number) / count);
}

/** The largest (sign 1) or smallest (sign -1) value that is not null. */
function extreme(values: readonly unknown[], sign: 1 | -1): unknown {
  return values.reduce((best, value) => moreExtreme(best, value, sign), undefined) ?? null;
}

/** The one of two values that is the larger (sign 1) or smaller (sign -1), if it is not null. */
export function moreExtreme(
  best: unknown,
  value: unknown,
  sign: 1 | -1,
  strings?: StringOrder,
): unknown {
  const isBetter =
    !isNullish(value) && (best === undefined || compareValues(value, best, strings) * sign > 0);
  return isBetter ? value : best;
}

/** Long overflow gives a double here, unlike in updates. */
function plus(a: unknown, b: unknown): unknown {
  return arithmetic("add", a, b) ?? double((toNumber(a) as number) + (toNumber(b) as number));
}

function addend(value: unknown): unknown {
  if (!isNumeric(value) && !(value instanceof Date)) {
    throw new MongoError(14, `$add only supports numeric or date types, not ${typeName(value)}`);
  }
  return value;
}

/**
 * Numbers before a date are added up before they are rounded to milliseconds, those behind it one
 * by one.
 */
function add(values: unknown[]): unknown {
  const at = values.findIndex((value) => value instanceof Date);
  if (at === -1) {
    return total(values);
  }
  const behind = values.slice(at + 1);
  if (behind.some((value) => value instanceof Date)) {
    throw new MongoError(16612, "only one date allowed in an $add expression");
  }
  const before = at === 0 ? [] : [total(values.slice(0, at))];
  const sum = [...before, ...behind].reduce<bigint>(
    (time, value) => time + wholeMilliseconds("$add", value),
    timeOf("$add", values[at] as Date),
  );
  return dateAt("$add", Number(sum));
}

function total(values: readonly unknown[]): unknown {
  return narrowest(values.length === 0 ? 0 : values.reduce(plus), values);
}

/** The result of ints that grew on the way is an int again where it can be. */
function narrowest(result: unknown, values: readonly unknown[]): unknown {
  return result instanceof Long && values.every((value) => typeName(value) === "int")
    ? integerOf(result.toBigInt(), false)
    : result;
}

/** A stored date may lie beyond those that JavaScript has. */
function timeOf(operator: string, date: Date): bigint {
  return BigInt(dateAt(operator, date.getTime()).getTime());
}

/** A double rounds half away from zero, a decimal to the even neighbour. */
function wholeMilliseconds(operator: string, value: unknown): bigint {
  const number = toNumber(value) as number;
  const rounded =
    value instanceof Decimal128
      ? roundDecimal(value, 0, "halfEven")
      : value instanceof Long
        ? value
        : Math.sign(number) * Math.round(Math.abs(number));
  const whole = truncateToLong(rounded);
  if (whole === undefined) {
    throw dateOverflow(operator);
  }
  return whole;
}

function factor(value: unknown): unknown {
  if (!isNumeric(value)) {
    throw new MongoError(14, `$multiply only supports numeric types, not ${typeName(value)}`);
  }
  return value;
}

function multiply(values: unknown[]): unknown {
  const product = values.reduce<unknown>(
    (product, value) =>
      arithmetic("multiply", product, value) ??
      double((toNumber(product) as number) * (toNumber(value) as number)),
    1,
  );
  return narrowest(product, values);
}

function subtract(a: unknown, b: unknown): unknown {
  if (isNullish(a) || isNullish(b)) {
    return null;
  }
  if (a instanceof Date && b instanceof Date) {
    return Long.fromNumber(a.getTime() - b.getTime());
  }
  if (a instanceof Date && isNumeric(b)) {
    const time = timeOf("$subtract", a) - wholeMilliseconds("$subtract", b);
    return dateAt("$subtract", Number(time));
  }
  if (!isNumeric(a) || !isNumeric(b)) {
    const from = a instanceof Date ? "Date" : typeName(a);
    throw new MongoError(14, `can't $subtract ${typeName(b)} from ${from}`);
  }
  return plus(a, arithmetic("multiply", b, -1));
}

function divide(a: unknown, b: unknown): unknown {
  if (isNullish(a) || isNullish(b)) {
    return null;
  }
  if (!isNumeric(a) || !isNumeric(b)) {
    throw new MongoError(
      14,
      `$divide only supports numeric types, not ${typeName(a)} and ${typeName(b)}`,
    );
  }
  if (compareNumbers(b, 0) === 0) {
    throw new MongoError(2, "can't $divide by zero");
  }
  return a instanceof Decimal128 || b instanceof Decimal128
    ? divideDecimals(toDecimal(a), toDecimal(b))
    : double((toNumber(a) as number) / (toNumber(b) as number));
}

function modulo(a: unknown, b: unknown): unknown {
  if (isNullish(a) || isNullish(b)) {
    return null;
  }
  if (!isNumeric(a) || !isNumeric(b)) {
    throw new MongoError(
      16611,
      `$mod only supports numeric types, not ${typeName(a)} and ${typeName(b)}`,
    );
  }
  const inDecimals = a instanceof Decimal128 || b instanceof Decimal128;
  if (compareNumbers(b, 0) === 0) {
    throw new MongoError(inDecimals ? 5733415 : 16610, "can't $mod by zero");
  }
  if (inDecimals) {
    return decimalRest(toDecimal(a), toDecimal(b));
  }
  const [dividend, divisor] = [a, b].map(integral);
  if (typeName(a) === "double" || dividend === undefined || divisor === undefined) {
    return double((toNumber(a) as number) % (toNumber(b) as number));
  }
  return integerOf(dividend % divisor, a instanceof Long || b instanceof Long);
}

/** The value of a whole number, exactly. */
function integral(value: unknown): bigint | undefined {
  return value instanceof Long || Number.isInteger(toNumber(value))
    ? truncateToLong(value)
    : undefined;
}

/** An int, or a long where one is asked for or needed; a double beyond that. */
function integerOf(value: bigint, long: boolean): unknown {
  if (!long && fitsInt32(Number(value))) {
    return Number(value);
  }
  return BigInt.asIntN(64, value) === value ? Long.fromBigInt(value) : double(Number(value));
}

/** Throws for what is no number. */
export function requireNumber(name: string, value: unknown, code = 28765): void {
  if (!isNumeric(value)) {
    throw new MongoError(code, `${name} only supports numeric types, not ${typeName(value)}`);
  }
}

function absolute(value: unknown): unknown {
  if (isNullish(value)) {
    return null;
  }
  requireNumber("$abs", value);
  if (compareNumbers(value, 0) >= 0) {
    return value;
  }
  if (value instanceof Long && value.equals(Long.MIN_VALUE)) {
    throw new MongoError(28680, "can't take $abs of long long min");
  }
  return Number.isNaN(toNumber(value)) ? value : arithmetic("multiply", value, -1);
}

function roundArguments(name: string, values: readonly unknown[], mode: RoundingMode): unknown {
  const [value, place = 0] = values;
  if (values.length < 1 || values.length > 2) {
    throw new MongoError(
      28667,
      `Expression ${name} takes at least 1 arguments, and at most 2, but ${values.length} were passed in.`,
    );
  }
  if (isNullish(value)) {
    return null;
  }
  requireNumber(name, value, 51081);
  if (isNullish(place)) {
    return null;
  }
  const digits = toNumber(place);
  if (digits === undefined || !Number.isInteger(digits)) {
    throw new MongoError(51082, `precision argument to  ${name} must be a integral value`);
  }
  if (digits < -20 || digits > 100) {
    throw new MongoError(
      51083,
      `cannot apply ${name} with precision value ${digits} value must be in [-20, 100]`,
    );
  }
  return roundTo(value, digits, mode);
}

function roundWhole(name: string, value: unknown, mode: RoundingMode): unknown {
  if (isNullish(value)) {
    return null;
  }
  requireNumber(name, value);
  return roundTo(value, 0, mode);
}

/** Rounds and keeps the type; an int that no longer fits becomes a long. */
function roundTo(value: unknown, place: number, mode: RoundingMode): unknown {
  if (value instanceof Decimal128) {
    return roundDecimal(value, place, mode);
  }
  if (typeName(value) === "double") {
    return double(roundDouble(toNumber(value) as number, place, mode));
  }
  const whole = truncateToLong(value) as bigint;
  const rounded = place >= 0 ? whole : roundBigInt(whole, -place, mode) * 10n ** BigInt(-place);
  return integerOf(rounded, value instanceof Long);
}

/** The binary value counts, to the digits a decimal has: 2.675 is a little less than that. */
function roundDouble(value: number, place: number, mode: RoundingMode): number {
  if (!Number.isFinite(value)) {
    return value;
  }
  if (place !== 0) {
    const decimal = Decimal128.fromString(value.toPrecision(DECIMAL_DIGITS));
    return Number(roundDecimal(decimal, place, mode).toString());
  }
  switch (mode) {
    case "floor":
      return Math.floor(value);
    case "ceil":
      return Math.ceil(value);
    case "truncate":
      return Math.trunc(value);
    case "halfEven": {
      const below = Math.floor(value);
      const half = value - below === 0.5;
      return half ? below + Math.abs(below % 2) : Math.round(value);
    }
  }
}

const DECIMAL_DIGITS = 34;

const TEN = Decimal128.fromString("10");

/** A function whose result is a double, or a decimal of a decimal. */
function transcendental(
  name: string,
  apply: (value: number) => number,
  applyToDecimal: (value: Decimal128) => Decimal128,
  positive?: number,
): CompileOperator {
  return fixed(name, 1, (value) => {
    if (isNullish(value)) {
      return null;
    }
    requireNumber(name, value);
    if (positive !== undefined && !isPositive(value)) {
      throw new MongoError(
        positive,
        `${name}'s argument must be a positive number, but is ${textOf(value)}`,
      );
    }
    return isFiniteDecimal(value)
      ? applyToDecimal(value)
      : likeType(apply(toNumber(value) as number), value);
  });
}

/** Of no number nothing is known, and the logarithm is none, either. */
function isPositive(value: unknown): boolean {
  return compareNumbers(value, 0) > 0 || Number.isNaN(toNumber(value));
}

function isFiniteDecimal(value: unknown): value is Decimal128 {
  return value instanceof Decimal128 && !isSpecial(value);
}

/** Two numbers of which one is a decimal, as decimals; undefined for others and what is not finite. */
function finiteDecimals(a: unknown, b: unknown): [Decimal128, Decimal128] | undefined {
  if (!(a instanceof Decimal128 || b instanceof Decimal128)) {
    return undefined;
  }
  const [x, y] = [toDecimal(a), toDecimal(b)];
  return isSpecial(x) || isSpecial(y) ? undefined : [x, y];
}

/** A double, or a decimal where one of the arguments is. */
export function likeType(result: number, ...values: unknown[]): unknown {
  return values.some((value) => value instanceof Decimal128) ? toDecimal(result) : double(result);
}

function logarithm(value: unknown, base: unknown): unknown {
  if (isNullish(value) || isNullish(base)) {
    return null;
  }
  if (!isNumeric(value)) {
    throw new MongoError(28756, `$log's argument must be numeric, not ${typeName(value)}`);
  }
  if (!isNumeric(base)) {
    throw new MongoError(28757, `$log's base must be numeric, not ${typeName(base)}`);
  }
  if (!isPositive(value)) {
    throw new MongoError(
      28758,
      `$log's argument must be a positive number, but is ${textOf(value)}`,
    );
  }
  if (!isPositive(base) || compareNumbers(base, 1) === 0) {
    throw new MongoError(
      28759,
      `$log's base must be a positive number not equal to 1, but is ${textOf(base)}`,
    );
  }
  const decimals = finiteDecimals(value, base);
  if (decimals) {
    return decimalLog(...decimals);
  }
  const [x, y] = [value, base].map((number) => Math.log(toNumber(number) as number));
  return likeType((x as number) / (y as number), value, base);
}

function squareRoot(value: unknown): unknown {
  if (isNullish(value)) {
    return null;
  }
  requireNumber("$sqrt", value);
  if (compareNumbers(value, 0) < 0 && !Number.isNaN(toNumber(value))) {
    throw new MongoError(28714, "$sqrt's argument must be greater than or equal to 0");
  }
  return isFiniteDecimal(value)
    ? decimalSqrt(value)
    : likeType(Math.sqrt(toNumber(value) as number), value);
}

function power(base: unknown, exponent: unknown): unknown {
  if (isNullish(base) || isNullish(exponent)) {
    return null;
  }
  if (!isNumeric(base)) {
    throw new MongoError(28762, `$pow's base must be numeric, not ${typeName(base)}`);
  }
  if (!isNumeric(exponent)) {
    throw new MongoError(28763, `$pow's exponent must be numeric, not ${typeName(exponent)}`);
  }
  if (compareNumbers(base, 0) === 0 && compareNumbers(exponent, 0) < 0) {
    throw new MongoError(28764, "$pow cannot take a base of 0 and a negative exponent");
  }
  const decimals = finiteDecimals(base, exponent);
  if (decimals) {
    return powerOfDecimals(...decimals);
  }
  const result = (toNumber(base) as number) ** (toNumber(exponent) as number);
  const types = [typeName(base), typeName(exponent)];
  const whole = !types.includes("double") && !types.includes("decimal");
  if (!whole || !Number.isInteger(result)) {
    return likeType(result, base, exponent);
  }
  const exactly =
    Math.abs(result) < 2 ** 64 && (toNumber(exponent) as number) >= 0
      ? (truncateToLong(base) as bigint) ** (truncateToLong(exponent) as bigint)
      : BigInt(result);
  return integerOf(exactly, types.includes("long"));
}

function powerOfDecimals(base: Decimal128, exponent: Decimal128): unknown {
  if (compareNumbers(exponent, 0) === 0) {
    return decimalPower(TEN, exponent);
  }
  const order = compareNumbers(base, 0);
  if (order >= 0) {
    return order === 0 ? POWER_OF_ZERO : decimalPower(base, exponent);
  }
  const size = decimalPower(arithmetic("multiply", base, -1) as Decimal128, exponent);
  const parity = Math.abs(toNumber(decimalRest(exponent, TWO)) as number);
  const sign = parity === 0 ? 1 : parity === 1 ? -1 : NaN;
  return arithmetic("multiply", size, toDecimal(sign));
}

/** The least exponent of all, as in MongoDB. */
const POWER_OF_ZERO = Decimal128.fromString("0E-6176");

const TWO = Decimal128.fromString("2");
