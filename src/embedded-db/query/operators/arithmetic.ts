import { MongoError } from "../../errors";
import { arithmetic, compareNumbers, toDecimal } from "../../bson/numbers";
import { compareValues } from "../../bson/compare";
import {
  Decimal128,
  double,
  fitsInt32,
  isNumeric,
  Long,
  Rank,
  rankOf,
  textOf,
  toNumber,
  typeName,
} from "../../bson/values";
import type { CompileOperator } from "../scope";
import { fixed, isNullish, variadic } from "./arguments";

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/#arithmetic-expression-operators */
export const ARITHMETIC: Record<string, CompileOperator> = {
  $abs: rounding("$abs", Math.abs),
  $add: variadic((values) => add(values)),
  $avg: variadic((values) => average(operands(values))),
  $ceil: rounding("$ceil", Math.ceil),
  $divide: fixed("$divide", 2, divide),
  $floor: rounding("$floor", Math.floor),
  $max: variadic((values) => extreme(operands(values), 1)),
  $min: variadic((values) => extreme(operands(values), -1)),
  $mod: fixed("$mod", 2, modulo),
  $multiply: variadic((values) => multiply(values)),
  $subtract: fixed("$subtract", 2, subtract),
  $sum: variadic((values) => sum(operands(values))),
};

/** `{ $sum: "$scores" }` runs over the array, `{ $sum: ["$a", "$b"] }` over the arguments. */
function operands(values: unknown[]): unknown[] {
  return values.length === 1 && Array.isArray(values[0]) ? (values[0] as unknown[]) : values;
}

/** The sum of the numbers among the values. */
export function sum(values: readonly unknown[]): unknown {
  return values.filter(isNumeric).reduce<unknown>((total, value) => plus(total, value), 0);
}

/** The mean of the numbers among the values, null without any. */
export function average(values: readonly unknown[]): unknown {
  const numbers = values.filter(isNumeric);
  if (numbers.length === 0) {
    return null;
  }
  const total = sum(numbers);
  return total instanceof Decimal128
    ? toDecimal(Number(total.toString()) / numbers.length)
    : double((toNumber(total) as number) / numbers.length);
}

/** The largest (sign 1) or smallest (sign -1) value that is not null. */
export function extreme(values: readonly unknown[], sign: 1 | -1): unknown {
  let best: unknown;
  for (const value of values) {
    if (!isNullish(value) && (best === undefined || compareValues(value, best) * sign > 0)) {
      best = value;
    }
  }
  return best ?? null;
}

/** Long overflow gives a double here, unlike in updates. */
function plus(a: unknown, b: unknown): unknown {
  return arithmetic("add", a, b) ?? double((toNumber(a) as number) + (toNumber(b) as number));
}

function add(values: unknown[]): unknown {
  if (values.some(isNullish)) {
    return null;
  }
  const date = values.find((value) => value instanceof Date);
  const bad = values.find((value) => !isNumeric(value) && !(value instanceof Date));
  if (bad !== undefined) {
    throw new MongoError(14, `$add only supports numeric or date types, not ${typeName(bad)}`);
  }
  if (values.filter((value) => value instanceof Date).length > 1) {
    throw new MongoError(16612, "only one date allowed in an $add expression");
  }
  const total = values.filter(isNumeric).reduce<unknown>(plus, 0);
  return date ? new Date(date.getTime() + (toNumber(total) as number)) : total;
}

function multiply(values: unknown[]): unknown {
  if (values.some(isNullish)) {
    return null;
  }
  return values.reduce<unknown>((product, value) => {
    if (!isNumeric(value)) {
      throw new MongoError(14, `$multiply only supports numeric types, not ${typeName(value)}`);
    }
    return (
      arithmetic("multiply", product, value) ??
      double((toNumber(product) as number) * (toNumber(value) as number))
    );
  }, 1);
}

function subtract(a: unknown, b: unknown): unknown {
  if (isNullish(a) || isNullish(b)) {
    return null;
  }
  if (a instanceof Date && b instanceof Date) {
    return Long.fromNumber(a.getTime() - b.getTime());
  }
  if (a instanceof Date && isNumeric(b)) {
    return new Date(a.getTime() - (toNumber(b) as number));
  }
  if (!isNumeric(a) || !isNumeric(b)) {
    throw new MongoError(14, `can't $subtract ${typeName(b)} from ${typeName(a)}`);
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
  const quotient = (toNumber(a) as number) / (toNumber(b) as number);
  return a instanceof Decimal128 || b instanceof Decimal128
    ? toDecimal(quotient)
    : double(quotient);
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
  if (compareNumbers(b, 0) === 0) {
    throw new MongoError(16610, "can't $mod by zero");
  }
  if ((a instanceof Long || b instanceof Long) && [a, b].every(isInteger)) {
    return Long.fromBigInt(BigInt(textOf(a)) % BigInt(textOf(b)));
  }
  const rest = (toNumber(a) as number) % (toNumber(b) as number);
  const integers = [a, b].every((value) => typeof value === "number" && fitsInt32(value));
  return integers ? rest : double(rest);
}

function isInteger(value: unknown): boolean {
  return value instanceof Long || (typeof value === "number" && fitsInt32(value));
}

/** Functions of one number that keep its type. */
function rounding(name: string, apply: (value: number) => number): CompileOperator {
  return fixed(name, 1, (value) => {
    if (isNullish(value)) {
      return null;
    }
    if (rankOf(value) !== Rank.number) {
      throw new MongoError(28765, `${name} only supports numeric types, not ${typeName(value)}`);
    }
    if (value instanceof Long) {
      return name === "$abs" && value.isNegative() ? value.negate() : value;
    }
    const result = apply(toNumber(value) as number);
    if (value instanceof Decimal128) {
      return toDecimal(result);
    }
    return typeName(value) === "int" ? result : double(result);
  });
}
