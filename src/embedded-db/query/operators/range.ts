import { MongoError } from "../../errors";
import { formatValue } from "../../bson/format";
import { toNumber, typeName } from "../../bson/values";
import type { CompileOperator } from "../scope";
import { checkArrayLength, checkDeadline } from "../watch";
import { variadic } from "./arguments";

const LOWEST = -(2 ** 31);
const HIGHEST = 2 ** 31 - 1;

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/range/ */
export const RANGE: Record<string, CompileOperator> = {
  $range: (argument, compile) => {
    const given = Array.isArray(argument) ? argument.length : 1;
    if (given < 2 || given > 3) {
      throw new MongoError(
        28667,
        `Expression $range takes at least 2 arguments, and at most 3, but ${given} were passed in.`,
      );
    }
    return variadic(range)(argument, compile);
  },
};

function range(values: unknown[]): number[] {
  const start = int32(values[0], ["a", "starting"], 34443);
  const end = int32(values[1], ["an", "ending"], 34445);
  const step = values.length > 2 ? int32(values[2], ["a", "step"], 34447) : 1;
  if (step === 0) {
    throw new MongoError(34449, "$range requires a non-zero step value");
  }
  const length = Math.max(Math.ceil((end - start) / step), 0);
  checkArrayLength("$range", length);
  return Array.from({ length }, (_, at) => {
    checkDeadline();
    return start + at * step;
  });
}

function int32(value: unknown, [article, which]: [string, string], notNumber: number): number {
  const number = toNumber(value);
  if (number === undefined) {
    throw new MongoError(
      notNumber,
      `$range requires a numeric ${which} value, found value of type: ${typeName(value)}`,
    );
  }
  if (!Number.isInteger(number) || number < LOWEST || number > HIGHEST) {
    throw new MongoError(
      notNumber + 1,
      `$range requires ${article} ${which} value that can be represented as a 32-bit integer, found value: ${formatValue(value)}`,
    );
  }
  return number;
}
