import { MongoError } from "../../errors";
import { textOf, toNumber } from "../../bson/values";
import type { CompileOperator } from "../scope";
import { isNullish, fixed } from "./arguments";
import { likeType, requireNumber } from "./arithmetic";

/**
 * Decimals have the digits of a double, unlike in MongoDB.
 * @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/#trigonometry-expression-operators
 */
export const TRIGONOMETRY: Record<string, CompileOperator> = {
  $acos: angle("$acos", Math.acos, -1, 1),
  $acosh: angle("$acosh", Math.acosh, 1),
  $asin: angle("$asin", Math.asin, -1, 1),
  $asinh: angle("$asinh", Math.asinh),
  $atan: angle("$atan", Math.atan),
  $atan2: fixed("$atan2", 2, (y, x) => {
    if (isNullish(y) || isNullish(x)) {
      return null;
    }
    requireNumber("$atan2", y, 51044);
    requireNumber("$atan2", x, 51045);
    return likeType(Math.atan2(toNumber(y) as number, toNumber(x) as number), y, x);
  }),
  $atanh: angle("$atanh", Math.atanh, -1, 1),
  $cos: finite("$cos", Math.cos),
  $cosh: angle("$cosh", Math.cosh),
  $degreesToRadians: angle("$degreesToRadians", (degrees) => degrees * (Math.PI / 180)),
  $radiansToDegrees: angle("$radiansToDegrees", (radians) => radians * (180 / Math.PI)),
  $sin: finite("$sin", Math.sin),
  $sinh: angle("$sinh", Math.sinh),
  $tan: finite("$tan", Math.tan),
  $tanh: angle("$tanh", Math.tanh),
};

/** A function of the numbers from `low` to `high`. */
function angle(
  name: string,
  apply: (value: number) => number,
  low = -Infinity,
  high = Infinity,
): CompileOperator {
  const isInside = (value: number) => low <= value && value <= high;
  return bounded(name, apply, isInside, `[${shown(low)},${shown(high)}]`);
}

/** A function of every number but the infinite ones. */
function finite(name: string, apply: (value: number) => number): CompileOperator {
  return bounded(name, apply, Number.isFinite, "(-inf,inf)");
}

function bounded(
  name: string,
  apply: (value: number) => number,
  isInside: (value: number) => boolean,
  bounds: string,
): CompileOperator {
  return fixed(name, 1, (value) => {
    if (isNullish(value)) {
      return null;
    }
    requireNumber(name, value);
    const number = toNumber(value) as number;
    if (!Number.isNaN(number) && !isInside(number)) {
      throw new MongoError(
        50989,
        `cannot apply ${name} to ${textOf(value)}, value must be in ${bounds}`,
      );
    }
    return likeType(apply(number), value);
  });
}

function shown(bound: number): string {
  return String(bound).replace("Infinity", "inf");
}
