import { MongoError } from "../../errors";
import { compareValues, equalValues } from "../../bson/compare";
import { type Doc, isDocument, toNumber, typeName } from "../../bson/values";
import {
  type Compile,
  type CompileOperator,
  type Evaluate,
  isTruthy,
  withVariables,
} from "../scope";
import { parseSort, sortDocuments } from "../sort";
import { checkArrayLength, checkDeadline } from "../watch";
import { fixed, isNullish, namedArguments, untilNull } from "./arguments";

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
    return items.at(toNumber(place) ?? 0);
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

function arrayToObject(array: unknown): Doc | null {
  if (isNullish(array)) {
    return null;
  }
  const out: Doc = {};
  for (const entry of requireArray(
    40386,
    "$arrayToObject requires an array input, found:",
    array,
  )) {
    const [name, value] = entryOf(entry);
    if (typeof name !== "string") {
      throw new MongoError(
        40394,
        `$arrayToObject requires an object with keys 'k' and 'v' or an array of two, where the key must be of type string. Found type: ${typeName(name)}`,
      );
    }
    if (name.includes("\0")) {
      throw new MongoError(4940400, "Key field cannot contain an embedded null byte");
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

function entryOf(entry: unknown): unknown[] {
  if (Array.isArray(entry)) {
    if (entry.length !== 2) {
      throw new MongoError(
        40397,
        `$arrayToObject requires an array of size 2 arrays,found array of size: ${entry.length}`,
      );
    }
    return entry;
  }
  if (!isDocument(entry)) {
    throw new MongoError(
      40398,
      `Unrecognised input type format for $arrayToObject: ${typeName(entry)}`,
    );
  }
  if (Object.keys(entry).length !== 2 || !("k" in entry) || !("v" in entry)) {
    throw new MongoError(
      40392,
      `$arrayToObject requires an object keys of 'k' and 'v'. Found incorrect number of keys:${Object.keys(entry).length}`,
    );
  }
  return [entry["k"], entry["v"]];
}

function compileSortArray(argument: unknown, compile: Compile): Evaluate {
  const parts = namedArguments("$sortArray", argument, compile, ["input", "sortBy"]);
  const { sortBy } = argument as { sortBy: unknown };
  const direction = toNumber(sortBy);
  if (direction !== undefined && direction !== 1 && direction !== -1) {
    throw new MongoError(2942507, "$sortArray: the sort direction must be 1 or -1");
  }
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

function requireArray(code: number, message: string, value: unknown): unknown[] {
  if (!Array.isArray(value)) {
    throw new MongoError(code, `${message} ${typeName(value)}`);
  }
  return value;
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
    const limit = parts["limit"] ? (toNumber(parts["limit"](scope)) ?? Infinity) : Infinity;
    return items
      .filter((item) => {
        checkDeadline();
        return isTruthy(parts["cond"]?.(withVariables(scope, { [name]: item })));
      })
      .slice(0, limit);
  };
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
