import { failedToParse, type MongoError } from "../errors";
import { formatValue } from "./format";
import { Decimal128, Double, double, fitsInt32, isNumeric, Long, toNumber } from "./values";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const DECIMAL_DIGITS = 34;

/** Of the last digit of a decimal. */
const SMALLEST_EXPONENT = -6176;

/** Of the first digit of a decimal. */
const LARGEST_EXPONENT = 6144;

/** Compares two BSON numbers of any type by value, exactly; NaN is the smallest. */
export function compareNumbers(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") {
    return a < b ? -1 : a > b ? 1 : a === b ? 0 : compareWithNaN(a, b);
  }
  const left = exact(a);
  const right = exact(b);
  if (left instanceof Decimal128 || right instanceof Decimal128) {
    return compareWithDecimal(a, b);
  }
  // JavaScript compares a bigint with a number by exact value.
  return left < right ? -1 : left > right ? 1 : left >= right ? 0 : compareWithNaN(left, right);
}

function compareWithNaN(a: number | bigint, b: number | bigint): number {
  return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
}

function exact(value: unknown): number | bigint | Decimal128 {
  if (typeof value === "number" || typeof value === "bigint" || value instanceof Decimal128) {
    return value;
  }
  return value instanceof Long ? value.toBigInt() : Number(value);
}

function compareWithDecimal(a: unknown, b: unknown): number {
  const left = toNumber(a) ?? NaN;
  const right = toNumber(b) ?? NaN;
  if (left !== right) {
    return compareNumbers(left, right);
  }
  // Decimals go on where doubles end.
  const beyond = Number(isInfinite(a)) - Number(isInfinite(b));
  if (!Number.isFinite(left) && (beyond !== 0 || isInfinite(a))) {
    return beyond * Math.sign(left);
  }
  const x = rational(exact(a));
  const y = rational(exact(b));
  const difference = x.numerator * y.denominator - y.numerator * x.denominator;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function isInfinite(value: unknown): boolean {
  return value instanceof Decimal128 ? isSpecial(value) : !Number.isFinite(toNumber(value));
}

interface Rational {
  numerator: bigint;
  denominator: bigint;
}

function rational(value: number | bigint | Decimal128): Rational {
  if (typeof value === "bigint") {
    return { numerator: value, denominator: 1n };
  }
  if (value instanceof Decimal128) {
    const { coefficient, exponent } = parseDecimal(value);
    return scaled(coefficient, 10n, exponent);
  }
  let exponent = 0;
  let mantissa = value;
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2;
    exponent--;
  }
  return scaled(BigInt(mantissa), 2n, exponent);
}

function scaled(value: bigint, base: bigint, exponent: number): Rational {
  return exponent >= 0
    ? { numerator: value * base ** BigInt(exponent), denominator: 1n }
    : { numerator: value, denominator: base ** BigInt(-exponent) };
}

interface ParsedDecimal {
  coefficient: bigint;
  exponent: number;
}

/** Takes a finite Decimal128 apart: coefficient * 10 ** exponent. */
export function parseDecimal(value: Decimal128): ParsedDecimal {
  const [digits = "0", exponent = "0"] = value.toString().toUpperCase().split("E");
  const [whole = "0", fraction = ""] = digits.split(".");
  return { coefficient: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}

/** Rounds to the digits a decimal has; beyond its exponents lie infinity and zero. */
export function makeDecimal(coefficient: bigint, exponent: number): Decimal128 {
  const sign = coefficient < 0n ? "-" : "";
  const given = digits({ coefficient, exponent });
  const cut = Math.max(given - DECIMAL_DIGITS, SMALLEST_EXPONENT - exponent, 0);
  const kept = cut > given ? 0n : roundBigInt(coefficient, cut, "halfEven");
  const place = kept === 0n ? Math.min(exponent + cut, LARGEST_EXPONENT) : exponent + cut;
  const size = kept < 0n ? -kept : kept;
  const tooLarge = size.toString().length + place > LARGEST_EXPONENT + 1;
  return kept !== 0n && tooLarge
    ? Decimal128.fromString(`${sign}Infinity`)
    : Decimal128.fromStringWithRounding(`${sign}${size}E${place}`);
}

/** Converts a number the way MongoDB does: a double brings its first 15 digits. */
export function toDecimal(value: unknown): Decimal128 {
  if (value instanceof Decimal128) {
    return value;
  }
  if (value instanceof Long) {
    return Decimal128.fromString(value.toString());
  }
  const number = Number(value);
  if (!Number.isFinite(number)) {
    return Decimal128.fromString(
      Number.isNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity",
    );
  }
  return Decimal128.fromString(
    value === number && fitsInt32(number) ? String(number) : number.toPrecision(15),
  );
}

type BinaryOperation = "add" | "multiply";

/** Beyond it a sum of int32 numbers may lose some in a double. */
const MAX_SMALL = 2 ** 52;

/**
 * Adds numbers of any types as `$sum` does: integers exactly, doubles with the error of each step
 * carried along, decimals with 34 digits. The total has the widest of the types.
 * @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/sum/
 */
export class NumberSum {
  private small = 0;
  /** What has been taken from the small ones. */
  private carried = 0n;
  private large: bigint | undefined;
  private doubles: Compensated | undefined;
  private decimals: Decimal128 | undefined;

  add(value: unknown): void {
    if (typeof value === "number" && fitsInt32(value)) {
      this.small += value;
      this.carry();
    } else if (value instanceof Long) {
      this.large = (this.large ?? 0n) + value.toBigInt();
    } else if (value instanceof Decimal128) {
      this.decimals = this.decimals ? decimalArithmetic("add", this.decimals, value) : value;
    } else {
      this.doubles = addCompensated(this.doubles ?? { sum: 0, error: 0 }, toNumber(value) ?? NaN);
    }
  }

  total(): unknown {
    const { small, carried, large, doubles, decimals } = this;
    const integers = BigInt(small) + carried + (large ?? 0n);
    const binary = doubles && addCompensated(doubles, Number(integers));
    const exactly = binary
      ? double(totalOf(binary))
      : integralResult(integers, large !== undefined);
    return decimals ? decimalArithmetic("add", toDecimal(exactly), decimals) : exactly;
  }

  private carry(): void {
    if (Math.abs(this.small) > MAX_SMALL) {
      this.carried += BigInt(this.small);
      this.small = 0;
    }
  }
}

/** The sum of some numbers. */
export function sumNumbers(values: readonly unknown[]): unknown {
  const sum = new NumberSum();
  values.forEach((value) => sum.add(value));
  return sum.total();
}

interface Compensated {
  sum: number;
  error: number;
}

/** Kahan's sum in Neumaier's form. */
function addCompensated({ sum, error }: Compensated, value: number): Compensated {
  const next = sum + value;
  const lost = Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
  return { sum: next, error: error + lost };
}

function totalOf({ sum, error }: Compensated): number {
  return Number.isFinite(sum) ? sum + error : sum;
}

/** A sum that does not fit into a long goes on as a double. */
function integralResult(value: bigint, long: boolean): unknown {
  if (!long && fitsInt32(Number(value))) {
    return Number(value);
  }
  return value < INT64_MIN || value > INT64_MAX ? double(Number(value)) : Long.fromBigInt(value);
}

/** Divides with the 34 digits a decimal has; the divisor is not zero. */
export function divideDecimals(a: Decimal128, b: Decimal128): Decimal128 {
  if (isSpecial(a) || isSpecial(b)) {
    return toDecimal(Number(a.toString()) / Number(b.toString()));
  }
  const left = parseDecimal(a);
  const right = parseDecimal(b);
  const shift = Math.max(0, DECIMAL_DIGITS + 2 + digits(right) - digits(left));
  const dividend = left.coefficient * 10n ** BigInt(shift);
  const quotient = dividend / right.coefficient;
  const exact = quotient * right.coefficient === dividend;
  const exponent = left.exponent - right.exponent - shift;
  if (exact) {
    return makeDecimal(...shortest(quotient, exponent, left.exponent - right.exponent));
  }
  // One more digit, so that a rest below it never looks like a tie.
  const sign = left.coefficient < 0n !== right.coefficient < 0n ? -1n : 1n;
  return makeDecimal(quotient * 10n + sign, exponent - 1);
}

/** The rest of a division that rounds towards zero; the divisor is not zero. */
export function decimalRest(a: Decimal128, b: Decimal128): Decimal128 {
  if (isSpecial(a) || isSpecial(b)) {
    return /I/.test(b.toString()) && !isSpecial(a)
      ? a
      : toDecimal(Number(a.toString()) % Number(b.toString()));
  }
  const left = parseDecimal(a);
  const right = parseDecimal(b);
  const exponent = Math.min(left.exponent, right.exponent);
  return makeDecimal(align(left, exponent) % align(right, exponent), exponent);
}

/** How a number is cut at a place: to the even neighbour, towards zero, down or up. */
export type RoundingMode = "halfEven" | "truncate" | "floor" | "ceil";

/** Rounds to `place` digits behind the point; a negative place counts before it. */
export function roundDecimal(value: Decimal128, place: number, mode: RoundingMode): Decimal128 {
  if (isSpecial(value)) {
    return value;
  }
  const { coefficient, exponent } = parseDecimal(value);
  return exponent >= -place
    ? value
    : makeDecimal(roundBigInt(coefficient, -place - exponent, mode), -place);
}

/** Divides by 10 ** places and rounds. */
export function roundBigInt(value: bigint, places: number, mode: RoundingMode): bigint {
  const unit = 10n ** BigInt(places);
  const quotient = value / unit;
  const rest = value % unit;
  const away = value < 0n ? -1n : 1n;
  const twice = (rest < 0n ? -rest : rest) * 2n;
  const up =
    (mode === "floor" && rest < 0n) ||
    (mode === "ceil" && rest > 0n) ||
    (mode === "halfEven" && (twice > unit || (twice === unit && quotient % 2n !== 0n)));
  return up ? quotient + away : quotient;
}

/** The largest whole number that is not above a long or a finite decimal, and if it is the same. */
export function floorOf(value: unknown): { floor: bigint; isWhole: boolean } {
  const { numerator, denominator } = rational(exact(value));
  const rest = numerator % denominator;
  return { floor: numerator / denominator - (rest < 0n ? 1n : 0n), isWhole: rest === 0n };
}

/** The integral part of a number, exactly; undefined for what has none or does not fit a long. */
export function truncateToLong(value: unknown): bigint | undefined {
  const number = exact(value);
  const whole =
    number instanceof Decimal128
      ? decimalToBigInt(number)
      : typeof number === "bigint"
        ? number
        : wholeOf(number);
  return whole !== undefined && whole >= INT64_MIN && whole <= INT64_MAX ? whole : undefined;
}

/** The whole number a client gave for an option, in any numeric type; throws for anything else. */
export function parseLong(
  name: string,
  value: unknown,
  refuse: (message: string) => MongoError = failedToParse,
): bigint {
  const shown = `${name}: ${formatValue(value)}`;
  if (!isNumeric(value)) {
    throw refuse(`Expected a number in: ${shown}`);
  }
  if (Number.isNaN(toNumber(value)) && !(value instanceof Decimal128)) {
    throw refuse(`Expected an integer, but found NaN in: ${shown}`);
  }
  const whole = truncateToLong(value);
  const exactly = whole !== undefined && compareNumbers(value, Long.fromBigInt(whole)) === 0;
  if (whole === undefined || (!exactly && value instanceof Decimal128)) {
    throw refuse(`Cannot represent as a 64-bit integer: ${shown}`);
  }
  if (!exactly) {
    throw refuse(`Expected an integer: ${shown}`);
  }
  return whole;
}

function wholeOf(value: number): bigint | undefined {
  return Number.isFinite(value) ? BigInt(Math.trunc(value)) : undefined;
}

function decimalToBigInt(value: Decimal128): bigint | undefined {
  if (isSpecial(value) || Math.abs(Number(value.toString())) > 2 ** 64) {
    return undefined;
  }
  const { coefficient, exponent } = parseDecimal(value);
  return exponent >= 0
    ? coefficient * 10n ** BigInt(exponent)
    : coefficient / 10n ** BigInt(-exponent);
}

export function isSpecial(value: Decimal128): boolean {
  return /[NI]/.test(value.toString());
}

function digits({ coefficient }: ParsedDecimal): number {
  return coefficient.toString().replace("-", "").length;
}

/** An exact quotient without the zeros the division added, down to its natural exponent. */
export function shortest(coefficient: bigint, exponent: number, natural: number): [bigint, number] {
  while (exponent < natural && coefficient % 10n === 0n) {
    coefficient /= 10n;
    exponent++;
  }
  return [coefficient, exponent];
}

/**
 * Adds or multiplies two BSON numbers; the result has the wider of the two types, and an int32
 * that overflows becomes a long. Undefined when a long overflows.
 * @see https://www.mongodb.com/docs/manual/reference/operator/update/inc/
 */
export function arithmetic(operation: BinaryOperation, a: unknown, b: unknown): unknown {
  if (a instanceof Decimal128 || b instanceof Decimal128) {
    return decimalArithmetic(operation, toDecimal(a), toDecimal(b));
  }
  if (isDouble(a) || isDouble(b)) {
    const x = toNumber(a) as number;
    const y = toNumber(b) as number;
    return double(operation === "add" ? x + y : x * y);
  }
  return integerArithmetic(operation, a, b);
}

function isDouble(value: unknown): boolean {
  return value instanceof Double || (typeof value === "number" && !fitsInt32(value));
}

function integerArithmetic(operation: BinaryOperation, a: unknown, b: unknown): unknown {
  const x = integer(a);
  const y = integer(b);
  const result = operation === "add" ? x + y : x * y;
  const bothSmall = !(a instanceof Long) && !(b instanceof Long);
  if (bothSmall && fitsInt32(Number(result))) {
    return Number(result);
  }
  return result < INT64_MIN || result > INT64_MAX ? undefined : Long.fromBigInt(result);
}

function integer(value: unknown): bigint {
  return value instanceof Long ? value.toBigInt() : BigInt(Number(value));
}

function decimalArithmetic(operation: BinaryOperation, a: Decimal128, b: Decimal128): Decimal128 {
  const [x, y] = [a.toString(), b.toString()];
  if (/[NI]/.test(x + y)) {
    const result = operation === "add" ? Number(x) + Number(y) : Number(x) * Number(y);
    return toDecimal(result);
  }
  const left = parseDecimal(a);
  const right = parseDecimal(b);
  if (operation === "multiply") {
    return makeDecimal(left.coefficient * right.coefficient, left.exponent + right.exponent);
  }
  const exponent = Math.min(left.exponent, right.exponent);
  return makeDecimal(align(left, exponent) + align(right, exponent), exponent);
}

function align(value: ParsedDecimal, exponent: number): bigint {
  return value.coefficient * 10n ** BigInt(value.exponent - exponent);
}
