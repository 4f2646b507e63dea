import { makeDecimal, parseDecimal, shortest } from "./numbers";
import { Decimal128 } from "./values";

/**
 * Roots, powers and logarithms of decimals, computed with integers that stand for multiples of
 * 10 ** -PLACES: 34 digits are kept, about as many are lost by a logarithm near one.
 */
const PLACES = 100;

const ONE = 10n ** BigInt(PLACES);

/** By less than this a result that ends early differs from it. */
const NOISE = 10n ** 20n;

/** How often an argument is halved, or its root taken, before a series begins. */
const HALVINGS = 8n;

const LN_10 = seriesLn(10n * ONE);

/** Decimals end before this power of ten, in both directions. */
const BEYOND = 6250n;

/** The square root of a decimal that is not negative. */
export function decimalSqrt(value: Decimal128): Decimal128 {
  const { coefficient, exponent } = parseDecimal(value);
  const shift = PLACES + (exponent & 1);
  const square = coefficient * 10n ** BigInt(shift);
  const root = integerSqrt(square);
  const half = (exponent - shift) / 2;
  return root * root === square
    ? makeDecimal(...shortest(root, half, Math.floor(exponent / 2)))
    : // One more digit, so that a rest below it never looks like a tie.
      makeDecimal(root * 10n + 1n, half - 1);
}

export function decimalExp(value: Decimal128): Decimal128 {
  const { coefficient, exponent } = parseDecimal(value);
  return coefficient === 0n ? makeDecimal(1n, 0) : exponential(scale(coefficient * ONE, exponent));
}

/** The logarithm of a positive decimal to a positive base that is not one; without it, to e. */
export function decimalLog(value: Decimal128, base?: Decimal128): Decimal128 {
  const log = naturalLog(value);
  return shortened(base ? (log * ONE) / naturalLog(base) : log);
}

/** A power of a positive decimal, always with all its digits. */
export function decimalPower(base: Decimal128, power: Decimal128): Decimal128 {
  const { coefficient, exponent } = parseDecimal(power);
  return exponential(scale(naturalLog(base) * coefficient, exponent));
}

function naturalLog(value: Decimal128): bigint {
  const { coefficient, exponent } = parseDecimal(value);
  const tens = coefficient.toString().length - 1;
  return seriesLn(scale(coefficient * ONE, -tens)) + BigInt(exponent + tens) * LN_10;
}

/** Of a number from one to ten: by the area hyperbolic tangent of a root near one. */
function seriesLn(value: bigint): bigint {
  let root = value;
  for (let halving = 0n; halving < HALVINGS; halving++) {
    root = integerSqrt(root * ONE);
  }
  const first = ((root - ONE) * ONE) / (root + ONE);
  const square = (first * first) / ONE;
  let sum = 0n;
  for (let power = first, n = 1n; power !== 0n; power = (power * square) / ONE, n += 2n) {
    sum += power / n;
  }
  return sum << (HALVINGS + 1n);
}

function exponential(value: bigint): Decimal128 {
  const tens = value / LN_10;
  if (tens > BEYOND || tens < -BEYOND) {
    return Decimal128.fromString(tens > 0n ? "Infinity" : "0");
  }
  const rest = (value - tens * LN_10) >> HALVINGS;
  let sum = 0n;
  for (let term = ONE, n = 1n; term !== 0n && term !== -1n; term = (term * rest) / ONE / n, n++) {
    sum += term;
  }
  for (let halving = 0n; halving < HALVINGS; halving++) {
    sum = (sum * sum) / ONE;
  }
  return makeDecimal(sum, Number(tens) - PLACES);
}

/** To 34 digits, or to the few it has. */
function shortened(value: bigint): Decimal128 {
  const result = makeDecimal(value, -PLACES);
  const { coefficient, exponent } = parseDecimal(result);
  const lost = scale(coefficient, exponent + PLACES) - value;
  return lost < NOISE && lost > -NOISE
    ? makeDecimal(...shortest(coefficient, exponent, 0))
    : result;
}

function scale(value: bigint, tens: number): bigint {
  return tens >= 0 ? value * 10n ** BigInt(tens) : value / 10n ** BigInt(-tens);
}

/** By Newton's method, rounded down. */
function integerSqrt(value: bigint): bigint {
  if (value === 0n) {
    return 0n;
  }
  let root = 1n << BigInt(value.toString(16).length * 2 + 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) {
      return root;
    }
    root = next;
  }
}
