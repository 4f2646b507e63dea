import { Decimal128, Double, double, fitsInt32, Long, toNumber } from "./values";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const DECIMAL_DIGITS = 34;

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
  if (left !== right || !Number.isFinite(left)) {
    return compareNumbers(left, right);
  }
  const x = rational(exact(a));
  const y = rational(exact(b));
  const difference = x.numerator * y.denominator - y.numerator * x.denominator;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
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

function makeDecimal(coefficient: bigint, exponent: number): Decimal128 {
  const negative = coefficient < 0n;
  let digits = (negative ? -coefficient : coefficient).toString();
  if (digits.length > DECIMAL_DIGITS) {
    const cut = digits.length - DECIMAL_DIGITS;
    const unit = 10n ** BigInt(cut);
    const rest = BigInt(digits) % unit;
    let kept = BigInt(digits) / unit;
    if (rest * 2n > unit || (rest * 2n === unit && kept % 2n === 1n)) {
      kept++;
    }
    digits = kept.toString();
    exponent += cut;
  }
  return Decimal128.fromStringWithRounding(`${negative ? "-" : ""}${digits}E${exponent}`);
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
    fitsInt32(number) ? String(number) : trimZeros(number.toPrecision(15)),
  );
}

function trimZeros(text: string): string {
  return text.includes("e") || !text.includes(".") ? text : text.replace(/\.?0+$/, "");
}

type BinaryOperation = "add" | "multiply";

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
