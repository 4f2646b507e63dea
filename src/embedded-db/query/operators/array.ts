import { MongoError } from "../../errors";
import { compareValues, equalValues } from "../../bson/compare";
import { formatDocument, formatValue } from "../../bson/format";
import { type Doc, isDocument, isNumeric, toNumber, typeName } from "../../bson/values";
import {
  type Compile,
  type CompileOperator,
  type Evaluate,
  isTruthy,
  withVariables,
} from "../scope";
import { checkSortPattern, parseSort, sortDocuments } from "../sort";
import { checkArrayLength, checkDeadline } from "../watch";
import { fixed, isNullish, namedArguments, requireArray, untilNull } from "./arguments";

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/#array-expression-operators */
export const ARRAY: Record<string, CompileOperator> = {
  $arrayElemAt: fixed("$arrayElemAt", 2, (array, place) => {
    if (isNullish(array) || isNullish(place)) {
      return null;
    }
    const items = requireArray(
      28689,
      "$arrayElemAt's first argument must be an array, but is",
      array,
    );
    return items.at(int32Place(place));
  }),
  $arrayToObject: fixed("$arrayToObject", 1, arrayToObject),
  $concatArrays: untilNull(
    (array) => requireArray(28664, "$concatArrays only supports arrays, not", array),
    (lists) => {
      checkArrayLength(
        "$concatArrays",
        lists.reduce((sum, { length }) => sum + length, 0),
      );
      return lists.flat();
    },
  ),
  $filter: compileFilter,
  $first: fixed("$first", 1, (array) => endOf("$first", array, 0)),
  $in: fixed("$in", 2, (value, array) => {
    if (!Array.isArray(array)) {
      throw new MongoError(
        40081,
        `$in requires an array as a second argument, found: ${typeName(array)}`,
      );
    }
    return array.some((item) => equalValues(item, value));
  }),
  $isArray: fixed("$isArray", 1, (value) => Array.isArray(value)),
  $last: fixed("$last", 1, (array) => endOf("$last", array, -1)),
  $map: compileMap,
  $reduce: compileReduce,
  $sortArray: compileSortArray,
  $size: fixed("$size", 1, (array) => {
    return requireArray(17124, "The argument to $size must be an array, but was of type:", array)
      .length;
  }),
};

function int32Place(place: unknown): number {
  if (!isNumeric(place)) {
    throw new MongoError(
      28690,
      `$arrayElemAt's second argument must be a numeric value, but is ${typeName(place)}`,
    );
  }
  const number = toNumber(place) as number;
  if ((number | 0) !== number) {
    throw new MongoError(
      28691,
      `$arrayElemAt's second argument must be representable as a 32-bit integer: ${number}`,
    );
  }
  return number;
}

function arrayToObject(array: unknown): Doc | null {
  if (isNullish(array)) {
    return null;
  }
  const out: Doc = {};
  const entries = requireArray(40386, "$arrayToObject requires an array input, found:", array);
  const entryOf = Array.isArray(entries[0]) ? entryOfPair : entryOfDocument;
  if (entries.length > 0 && !Array.isArray(entries[0]) && !isDocument(entries[0])) {
    throw new MongoError(
      40398,
      `Unrecognised input type format for $arrayToObject: ${typeName(entries[0])}`,
    );
  }
  for (const entry of entries) {
    const [name, value] = entryOf(entry);
    if (name.includes("\0")) {
      throw new MongoError(
        Array.isArray(entry) ? 4940400 : 4940401,
        "Key field cannot contain an embedded null byte",
      );
    }
    Object.defineProperty(out, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return out;
}

const CONSISTENT =
  "$arrayToObject requires a consistent input format. Elements mustall be arrays or all be objects.";

function entryOfPair(entry: unknown): [string, unknown] {
  if (!Array.isArray(entry)) {
    throw new MongoError(40396, `${CONSISTENT} Array was detected, now found: ${typeName(entry)}`);
  }
  if (entry.length !== 2) {
    throw new MongoError(
      40397,
      `$arrayToObject requires an array of size 2 arrays,found array of size: ${entry.length}`,
    );
  }
  const [name, value] = entry as [unknown, unknown];
  if (typeof name !== "string") {
    throw new MongoError(
      40395,
      `$arrayToObject requires an array of key-value pairs, where the key must be of type string. Found key type: ${typeName(name)}`,
    );
  }
  return [name, value];
}

function entryOfDocument(entry: unknown): [string, unknown] {
  if (!isDocument(entry)) {
    throw new MongoError(40391, `${CONSISTENT} Object was detected, now found: ${typeName(entry)}`);
  }
  const { k: name, v: value } = entry;
  const fields = Object.keys(entry);
  if (fields.length !== 2) {
    throw new MongoError(
      40392,
      `$arrayToObject requires an object keys of 'k' and 'v'. Found incorrect number of keys:${fields.length}`,
    );
  }
  if (!("k" in entry) || !("v" in entry)) {
    throw new MongoError(
      40393,
      `$arrayToObject requires an object with keys 'k' and 'v'. Missing either or both keys from: ${formatDocument(entry)}`,
    );
  }
  if (typeof name !== "string") {
    throw new MongoError(
      40394,
      `$arrayToObject requires an object with keys 'k' and 'v', where the value of 'k' must be of type string. Found type: ${typeName(name)}`,
    );
  }
  return [name, value];
}

const SORT_ERRORS = {
  pattern: (message: string) => new MongoError(2942505, `BadValue: ${message}`),
  direction: (message: string) => new MongoError(2942506, message),
  type: (message: string) => new MongoError(2942507, message),
};

function compileSortArray(argument: unknown, compile: Compile): Evaluate {
  const parts = namedArguments("$sortArray", argument, compile, ["input", "sortBy"]);
  const { sortBy } = argument as { sortBy: unknown };
  checkSortPattern(sortBy, SORT_ERRORS);
  const direction = toNumber(sortBy);
  return (scope) => {
    const input = parts["input"]?.(scope);
    if (isNullish(input)) {
      return null;
    }
    const items = requireArray(
      2942504,
      "The input argument to $sortArray must be an array, but was of type:",
      input,
    );
    const order = scope.collation?.order;
    return direction === undefined
      ? sortDocuments(items, parseSort(sortBy), (item) => (isDocument(item) ? item : {}), {
          collation: scope.collation,
        })
      : [...items].sort((a, b) => compareValues(a, b, order) * direction);
  };
}

function endOf(name: string, array: unknown, place: number): unknown {
  if (isNullish(array)) {
    return null;
  }
  return requireArray(28689, `${name}'s argument must be an array, but is`, array).at(place);
}

function variableName(argument: unknown): string {
  return (argument as { as?: string }).as ?? "this";
}

function compileFilter(argument: unknown, compile: Compile): Evaluate {
  const parts = namedArguments("$filter", argument, compile, ["input", "cond"], ["as", "limit"]);
  const name = variableName(argument);
  return (scope) => {
    const input = parts["input"]?.(scope);
    if (isNullish(input)) {
      return null;
    }
    const items = requireArray(28651, "input to $filter must be an array not", input);
    const limit = filterLimit(parts["limit"]?.(scope));
    return items
      .filter((item) => {
        checkDeadline();
        return isTruthy(parts["cond"]?.(withVariables(scope, { [name]: item })));
      })
      .slice(0, limit);
  };
}

function filterLimit(limit: unknown): number {
  if (isNullish(limit)) {
    return Infinity;
  }
  const number = toNumber(limit);
  if (number === undefined || (number | 0) !== number) {
    throw new MongoError(
      327391,
      `$filter: limit must be represented as a 32-bit integral value: ${formatValue(limit)}`,
    );
  }
  if (number <= 0) {
    throw new MongoError(327392, `$filter: limit must be greater than 0: ${formatValue(limit)}`);
  }
  return number;
}

function compileMap(argument: unknown, compile: Compile): Evaluate {
  const parts = namedArguments("$map", argument, compile, ["input", "in"], ["as"]);
  const name = variableName(argument);
  return (scope) => {
    const input = parts["input"]?.(scope);
    if (isNullish(input)) {
      return null;
    }
    const items = requireArray(16883, "input to $map must be an array not", input);
    return items.map((item) => {
      checkDeadline();
      return parts["in"]?.(withVariables(scope, { [name]: item })) ?? null;
    });
  };
}

function compileReduce(argument: unknown, compile: Compile): Evaluate {
  const parts = namedArguments("$reduce", argument, compile, ["input", "initialValue", "in"]);
  return (scope) => {
    const input = parts["input"]?.(scope);
    if (isNullish(input)) {
      return null;
    }
    const items = requireArray(40080, "$reduce requires that 'input' be an array, found:", input);
    return items.reduce<unknown>((value, item) => {
      checkDeadline();
      return parts["in"]?.(withVariables(scope, { this: item, value }));
    }, parts["initialValue"]?.(scope));
  };
}
