import { MongoError } from "../../errors";
import { formatValue } from "../../bson/format";
import { type Doc, isDocument, toNumber, typeName } from "../../bson/values";
import type { Compile, CompileOperator, Evaluate } from "../scope";
import { argumentErrors } from "./argument-errors";

/** An operator over all its arguments; a single argument need not stand in an array. */
export function variadic(apply: (values: unknown[]) => unknown): CompileOperator {
  return (argument, compile) => {
    const items = (Array.isArray(argument) ? argument : [argument]).map(compile);
    return (scope) => apply(items.map((item) => item(scope)));
  };
}

/**
 * An operator that is null as soon as one of its arguments is: those behind it are neither computed
 * nor refused, those before it are.
 */
export function untilNull<T>(
  check: (value: unknown) => T,
  apply: (values: T[]) => unknown,
): CompileOperator {
  return (argument, compile) => {
    const items = (Array.isArray(argument) ? argument : [argument]).map(compile);
    return (scope) => {
      const values: T[] = [];
      for (const item of items) {
        const value = item(scope);
        if (isNullish(value)) {
          return null;
        }
        values.push(check(value));
      }
      return apply(values);
    };
  };
}

/** An operator with a fixed number of arguments. */
export function fixed(
  name: string,
  count: number,
  apply: (...values: unknown[]) => unknown,
): CompileOperator {
  return (argument, compile) => {
    const given: unknown[] = Array.isArray(argument) ? argument : [argument];
    if (given.length !== count) {
      throw new MongoError(
        16020,
        `Expression ${name} takes exactly ${count} arguments. ${given.length} were passed in.`,
      );
    }
    const items = given.map(compile);
    return (scope) => apply(...items.map((item) => item(scope)));
  };
}

/** An operator with a few arguments that may be left out. */
export function between(
  name: string,
  least: number,
  most: number,
  apply: (values: unknown[]) => unknown,
): CompileOperator {
  return (argument, compile) => {
    const given = Array.isArray(argument) ? argument.length : 1;
    if (given < least || given > most) {
      throw new MongoError(
        28667,
        `Expression ${name} takes at least ${least} arguments, and at most ${most}, but ${given} were passed in.`,
      );
    }
    return variadic(apply)(argument, compile);
  };
}

/** The value, if it is an array; the type of any other follows the message. */
export function requireArray(code: number, message: string, value: unknown): unknown[] {
  if (!Array.isArray(value)) {
    throw new MongoError(code, `${message} ${typeName(value)}`);
  }
  return value;
}

/** A place in a text or an array, as an argument gives it. */
export function placeArgument(name: string, which: string, value: unknown): number {
  const place = toNumber(value);
  if (place === undefined || (place | 0) !== place) {
    throw new MongoError(
      40096,
      `${name}requires an integral ${which}, found a value of type: ${typeName(value)}, with value: ${formatValue(value)}`,
    );
  }
  if (place < 0) {
    throw new MongoError(40097, `${name} requires a nonnegative ${which}, found: ${place}`);
  }
  return place;
}

/** The compiled fields of an operator that takes a document, such as `{ input, as, in }`. */
export function namedArguments(
  name: string,
  argument: unknown,
  compile: Compile,
  required: readonly string[],
  optional: readonly string[] = [],
  errors = argumentErrors(name),
): Record<string, Evaluate> {
  if (!isDocument(argument)) {
    const [code, message] = errors.notObject;
    throw new MongoError(code, message.endsWith(" ") ? message + typeName(argument) : message);
  }
  const unknown = Object.keys(argument).find(
    (key) => !required.includes(key) && !optional.includes(key),
  );
  if (unknown !== undefined) {
    throw new MongoError(...errors.unknown(unknown));
  }
  const missing = required.find((key) => !(key in argument));
  if (missing !== undefined) {
    throw new MongoError(...errors.missing(missing));
  }
  return compileFields(argument, compile);
}

function compileFields(argument: Doc, compile: Compile): Record<string, Evaluate> {
  return Object.fromEntries(Object.entries(argument).map(([key, value]) => [key, compile(value)]));
}

export function isNullish(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}
